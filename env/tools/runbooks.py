"""A tool that reads the operators' handbook."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from cluster_sim import REMEDIATIONS, Cluster

from .tool import Arguments, Tool


def known_fix(name: str) -> str:
    if name not in REMEDIATIONS:
        raise ValueError("no such fix; without a name all are listed")
    return name


class Runbook(Arguments):
    fix: Annotated[str, AfterValidator(known_fix)] | None = Field(
        default=None, max_length=128, description="a fix that apply_fix takes; without it all are listed"
    )


def runbook(cluster: Cluster, arguments: Runbook) -> dict[str, Any]:
    """What a fix does, to which service, what it costs, how long it takes before its rollout, and who owns it; without
    a name the fixes there are. The same whatever the incident."""
    if arguments.fix is None:
        return {"fixes": {name: {"target": fix.target, "team": fix.team} for name, fix in REMEDIATIONS.items()}}
    fix = REMEDIATIONS[arguments.fix]
    return {
        "fix": fix.name,
        "target": fix.target,
        "team": fix.team,
        "takes_s": fix.duration_s,
        "runbook": fix.runbook,
    }


RUNBOOK = Tool(name="runbook", arguments=Runbook, answer=runbook)
