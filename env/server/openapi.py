"""The OpenAPI page: routes read their own input, so what they take is described here."""

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from ..models import ResetRequest

REF_TEMPLATE = "#/components/schemas/{model}"
BODY_MODELS: dict[str, type[BaseModel]] = {}
QUERY_SCHEMAS = ResetRequest.model_json_schema()["properties"]


class Refusal(BaseModel):
    """Why a request was refused.

    Attributes:
        fields: the names of the fields at fault, with VALIDATION_ERROR only.
    """

    detail: str
    code: str
    fields: list[str] | None = None


def takes(*bodies: type[BaseModel], query: Iterable[str] = (), body_required: bool = True) -> dict[str, Any]:
    """The `openapi_extra` of a route: a JSON body of any of these models, and query parameters."""
    extra: dict[str, Any] = {
        "parameters": [{"name": name, "in": "query", "schema": QUERY_SCHEMAS[name]} for name in query]
    }
    if bodies:
        BODY_MODELS.update({model.__name__: model for model in bodies})
        schemas = [{"$ref": REF_TEMPLATE.format(model=model.__name__)} for model in bodies]
        schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
        extra["requestBody"] = {
            "required": body_required,
            "content": {"application/json": {"schema": schema}},
        }
    return extra


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with the bodies' schemas and one refusal for every route."""
    page = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    models: list[type[BaseModel]] = [*BODY_MODELS.values(), Refusal]
    _, bodies = models_json_schema([(model, "validation") for model in models], ref_template=REF_TEMPLATE)
    components = page.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        components.pop(unused, None)
    components.update(bodies["$defs"])
    refused = {"$ref": REF_TEMPLATE.format(model="Refusal")}
    for route in page["paths"].values():
        for operation in route.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = {
                "description": "Refused",
                "content": {"application/json": {"schema": refused}},
            }
    return page
