"""What the server says about itself: /health, /metadata, /schema."""

from typing import Any

from fastapi import APIRouter, Response

from ..models import Action, EpisodeState, Observation
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


@router.get("/schema", response_model=dict[str, Any])
async def schema() -> Response:
    """The JSON schemas of actions, observations and states."""
    return JSONAnswer(
        {
            "action": Action.model_json_schema(),
            "observation": Observation.model_json_schema(),
            "state": EpisodeState.model_json_schema(),
        }
    )
