"""What may be done: one handler for each type of action. A handler lets time pass and says what was seen to happen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from cluster_sim import REMEDIATIONS, SERVICES, TEAMS, Cluster, Fault

from .diagnosis import read_statement, text_of
from .episode import EpisodeRecord, Fix
from .models import Action, ActionType
from .observation import Look, look_at

INVESTIGATE_S = 30.0
ESCALATE_S = 60.0
NO_OP_S = 60.0
"""Simulated seconds that an action takes."""

LONGEST_GREP = 200
LONGEST_LOOK_BACK_S = 3600.0


@dataclass
class Scene:
    """What a handler works on: the world, and the record of the episode.

    Attributes:
        looked: service → instant of the last look at it.
    """

    cluster: Cluster
    fault: Fault
    owner: str
    record: EpisodeRecord
    looked: dict[str, int] = field(default_factory=dict)


@dataclass
class Effect:
    """What came of an action.

    Attributes:
        error: why it could not be carried out, in a few words; None if it was.
        changed: whether the world was changed.
    """

    message: str
    look: Look = field(default_factory=Look)
    error: str | None = None
    changed: bool = False
    first_look: bool = False
    right_team: bool = False
    wrong_team: bool = False
    wrong_fix: bool = False
    first_postmortem: bool = False


def _refused(what: str) -> Effect:
    return Effect(message=f"Nothing was done: {what}.", error=what)


def _investigate(scene: Scene, action: Action) -> Effect:
    service = action.target or ""
    if service not in SERVICES:
        return _refused("unknown service")
    query = _log_query(action.details)
    if isinstance(query, str):
        return _refused(query)
    scene.cluster.run_for(INVESTIGATE_S)
    look = look_at(scene.cluster, service, scene.looked.get(service), query)
    first = service not in scene.record.investigated
    scene.looked[service] = scene.cluster.now
    scene.record.investigated.setdefault(service, scene.record.step)
    shown = len(look.logs[service])
    return Effect(message=f"Looked at {service}: {shown} log lines.", look=look, first_look=first)


def _log_query(details: str | dict[str, Any] | None) -> dict[str, Any] | str:
    """The log query in the details, or why it is none; plain text is a note to oneself."""
    if not isinstance(details, dict):
        return {}
    query = details.get("logs", {})
    if set(details) - {"logs"} or not isinstance(query, dict) or set(query) - {"grep", "since_s"}:
        return 'details: a query is {"logs": {"grep": text, "since_s": seconds}}'
    grep, since_s = query.get("grep", ""), query.get("since_s", 0.0)
    if not isinstance(grep, str) or len(grep) > LONGEST_GREP:
        return f"details.logs.grep: text of at most {LONGEST_GREP} characters"
    if isinstance(since_s, bool) or not isinstance(since_s, int | float) or not 0 <= since_s <= LONGEST_LOOK_BACK_S:
        return f"details.logs.since_s: seconds from 0 to {LONGEST_LOOK_BACK_S:.0f}"
    return query


def _escalate(scene: Scene, action: Action) -> Effect:
    team = action.target or ""
    if team not in TEAMS:
        return _refused("unknown team")
    scene.cluster.run_for(ESCALATE_S)
    record = scene.record
    first = team not in record.escalated
    record.escalated.append(team)
    _note_statement(scene, action)
    right = team == scene.owner
    return Effect(message=f"{team} was paged and has acknowledged.", right_team=right and first, wrong_team=not right)


def _apply_fix(scene: Scene, action: Action) -> Effect:
    remediation = REMEDIATIONS.get(action.target or "")
    if remediation is None:
        return _refused("unknown fix")
    cluster = scene.cluster
    began = cluster.now
    before = scene.fault.distance(cluster)
    remediation.carry_out(cluster)
    wrong = not scene.fault.distance(cluster) < before
    scene.record.fixes.append(Fix(name=remediation.name, step=scene.record.step, wrong=wrong))
    took = (cluster.now - began) / 1e9
    left = "; a rollout has not finished" if cluster.operations else ""
    message = (
        f"{remediation.name} was carried out on {remediation.target} and given time to settle: {took:.0f} s{left}."
    )
    return Effect(message=message, changed=True, wrong_fix=wrong)


def _postmortem(scene: Scene, action: Action) -> Effect:
    text = text_of(action.details)
    if not text.strip():
        return _refused("details: a postmortem needs text")
    record = scene.record
    _note_statement(scene, action)
    first = record.postmortem is None
    if first:
        record.postmortem = text
        record.postmortem_statement = read_statement(action.details)
    return Effect(message="The postmortem is filed.", first_postmortem=first)


def _no_op(scene: Scene, action: Action) -> Effect:
    scene.cluster.run_for(NO_OP_S)
    scene.record.no_ops += 1
    return Effect(message="A minute goes by.")


def _note_statement(scene: Scene, action: Action) -> None:
    record = scene.record
    if record.statement is None:
        record.statement = read_statement(action.details)
        record.stated_at = record.step if record.statement is not None else None


ACTIONS: Mapping[ActionType, Callable[[Scene, Action], Effect]] = MappingProxyType(
    {
        ActionType.INVESTIGATE: _investigate,
        ActionType.ESCALATE: _escalate,
        ActionType.APPLY_FIX: _apply_fix,
        ActionType.POSTMORTEM: _postmortem,
        ActionType.NO_OP: _no_op,
    }
)
