"""What the server says about itself: /health, /metadata, /schema."""

from typing import Any

from fastapi import APIRouter, Response

from cluster_sim import SERVICES, Mechanism

from ..models import Action, EpisodeState, Observation
from ..queries import LONGEST_GREP, LONGEST_LOOK_BACK_S, LONGEST_PROMQL
from .strict_json import JSONAnswer

ENV_NAME = "incident-response-env"
API_VERSION = "1.0.0"
DESCRIPTION = (
    "On-call incident response on a cluster of seven services, simulated request by request: "
    "investigate, escalate, apply fixes that change the simulation, write the postmortem."
)
METADATA = {"name": ENV_NAME, "description": DESCRIPTION, "version": API_VERSION}

router = APIRouter(tags=["Environment Info"])


@router.get("/health", response_model=dict[str, str])
async def health() -> Response:
    return JSONAnswer({"status": "healthy"})


@router.get("/metadata", response_model=dict[str, str])
async def metadata() -> Response:
    return JSONAnswer(METADATA)


def action_schema() -> dict[str, Any]:
    """The schema of an action, with what its details may hold: a root-cause statement, a query, or text."""
    schema = Action.model_json_schema()
    schema["properties"]["details"]["description"] = (
        "Of escalate and postmortem: a RootCauseStatement or prose. Of investigate: a Query, or nothing."
    )
    schema.setdefault("$defs", {}).update(
        RootCauseStatement={
            "type": "object",
            "properties": {
                "root_cause": {"enum": list(SERVICES)},
                "mechanism": {"enum": [str(mechanism) for mechanism in Mechanism]},
                "evidence": {"type": "array", "items": {"type": "string"}},
                "confidence": {"type": "number", "minimum": 0, "maximum": 1},
            },
            "required": ["root_cause", "mechanism"],
        },
        Query={
            "type": "object",
            "properties": {
                "promql": {"type": "string", "maxLength": LONGEST_PROMQL},
                "trace": {"type": "string", "pattern": "^[0-9a-fA-F]{1,32}$"},
                "logs": {
                    "type": "object",
                    "properties": {
                        "grep": {"type": "string", "maxLength": LONGEST_GREP},
                        "since_s": {"type": "number", "minimum": 0, "maximum": LONGEST_LOOK_BACK_S},
                    },
                    "additionalProperties": False,
                },
            },
            "additionalProperties": False,
        },
    )
    return schema


@router.get("/schema", response_model=dict[str, Any])
async def schema() -> Response:
    """The JSON schemas of actions, observations and states."""
    return JSONAnswer(
        {
            "action": action_schema(),
            "observation": Observation.model_json_schema(),
            "state": EpisodeState.model_json_schema(),
        }
    )
