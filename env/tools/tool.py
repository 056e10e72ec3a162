"""What a tool is: typed arguments, and an answer read from the cluster."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from cluster_sim import SERVICES, Cluster

from ..errors import BadRequest

READ_S = 15.0
"""Simulated seconds that a read takes."""
READ_LIMIT_S = 1800.0
"""Simulated seconds that all reads of an episode may take together: 120 reads (chosen)."""


class Arguments(BaseModel):
    """Arguments of a tool; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class NoArguments(Arguments):
    """Of a tool that takes none."""


def known_service(name: str) -> str:
    if name not in SERVICES:
        raise ValueError(f"should be one of {', '.join(SERVICES)}")
    return name


ServiceName = Annotated[
    str, AfterValidator(known_service), Field(max_length=64, json_schema_extra={"enum": list(SERVICES)})
]


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A way to read the telemetry, as a function with typed arguments.

    Attributes:
        arguments: their model; what it accepts can be carried out.
        answer: reads the cluster and changes nothing in it. Its docstring is the description that agents see, and
            what it returns is bounded in size and says under `cut` what was left out.
    """

    name: str
    arguments: type[Arguments]
    answer: Callable[[Cluster, Any], dict[str, Any]]

    @property
    def description(self) -> str:
        return inspect.getdoc(self.answer) or ""

    def asked(self, arguments: Mapping[str, Any]) -> Question:
        """A call of it.

        Raises:
            BadRequest: it takes other arguments.
        """
        return Question(self, checked(self.arguments, arguments))


class Question(NamedTuple):
    """A call of a tool, understood."""

    tool: Tool
    arguments: Arguments

    def answer(self, cluster: Cluster) -> dict[str, Any]:
        return self.tool.answer(cluster, self.arguments)


def checked(model: type[Arguments], arguments: Mapping[str, Any]) -> Arguments:
    """The arguments, typed.

    Raises:
        BadRequest: they are others; the message says which, without a word of what they were.
    """
    known = model.model_fields
    try:
        return model.model_validate(arguments)
    except ValidationError as error:
        reasons: dict[str, str] = {}
        for problem in error.errors(include_url=False, include_input=False, include_context=False):
            name = str(problem["loc"][0]) if problem["loc"] and problem["loc"][0] in known else "arguments"
            unknown = f"no such argument here; known are {', '.join(known) or 'none'}"
            reason = unknown if problem["type"] == "extra_forbidden" else problem["msg"].removeprefix("Value error, ")
            reasons.setdefault(name, reason)
    raise BadRequest("; ".join(f"{name}: {reason}" for name, reason in reasons.items()), tuple(reasons))
