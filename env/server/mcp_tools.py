"""The tools that MCP offers: those that read the telemetry, and the five actions."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from ..models import MAX_DETAILS_CHARS
from ..sessions import Session
from ..tools import READ_LIMIT_S, READ_S, TOOLS
from ..tools.tool import Arguments, NoArguments, ServiceName, checked
from .reading import read_action
from .runner import EpisodeRunner
from .strict_json import parse

INSTRUCTIONS = (
    "You are the on-call engineer of a simulated cluster. POST /reset begins an episode and answers its session_id, "
    "which goes into the URL as ?session_id=, into the header X-Session-Id, or into the params of tools/call. "
    f"A read takes {READ_S:.0f} simulated seconds and no step, and all reads of an episode at most "
    f"{READ_LIMIT_S / 60:.0f} minutes; the actions are steps and take longer. The incident goes on meanwhile."
)

Details = str | dict[str, Any]


class Investigate(Arguments):
    """Look at a service: its fresh log lines, detailed metrics and open tickets. Takes 30 s. details may hold a query:
    {"promql": "..."}, {"trace": "<id>"} or {"logs": {"grep": "text", "since_s": 300}}."""

    target: ServiceName = Field(description="the service")
    details: Details | None = None


class Escalate(Arguments):
    """Page a team. Takes 60 s; the wrong team costs points. details may state the root cause."""

    target: str = Field(max_length=128, description="the team, as available_actions lists them")
    details: Details | None = None


class ApplyFix(Arguments):
    """Change the system: a fix takes its own time and its rollout, and a wrong one does its real damage."""

    target: str = Field(max_length=128, description="the fix, as available_actions and runbook list them")


class Postmortem(Arguments):
    """Submit the postmortem: what happened, why, and how it spread, in sentences. The first one counts."""

    details: Details = Field(description=f"the text, at most {MAX_DETAILS_CHARS} characters")


class NoOp(NoArguments):
    """Let a minute go by."""


ACTIONS: Mapping[str, type[Arguments]] = {
    "investigate": Investigate,
    "escalate": Escalate,
    "apply_fix": ApplyFix,
    "postmortem": Postmortem,
    "no_op": NoOp,
}
NAMES = frozenset({*TOOLS, *ACTIONS})


def catalogue() -> list[dict[str, Any]]:
    """The tools as tools/list answers them."""
    reads = [(tool.name, tool.description, tool.arguments) for tool in TOOLS.values()]
    actions = [(name, inspect.getdoc(arguments) or "", arguments) for name, arguments in ACTIONS.items()]
    return [
        {"name": name, "description": " ".join(description.split()), "inputSchema": input_schema(arguments)}
        for name, description, arguments in (*reads, *actions)
    ]


def input_schema(arguments: type[Arguments]) -> dict[str, Any]:
    schema = arguments.model_json_schema()
    schema.pop("description", None)
    return schema


async def call(runner: EpisodeRunner, session: Session, name: str, arguments: dict[str, Any]) -> bytes:
    """What a tool answers in a session, as JSON.

    Raises:
        EnvError: it cannot be carried out; nothing has changed.
    """
    if name in TOOLS:
        return await runner.use_tool(session, name, arguments)
    checked(ACTIONS[name], arguments)
    return await runner.step(session, read_action({**arguments, "action_type": name}))


def told(answer: bytes, *, is_error: bool = False) -> dict[str, Any]:
    """A result of tools/call: as text, and as data under MCP's name and under the one that OpenEnv's client unpacks."""
    text = {"type": "text", "text": answer.decode()}
    data = parse(answer)
    return {"content": [text], "structuredContent": data, "data": data, "isError": is_error}
