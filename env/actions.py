"""What may be done: one handler for each type of action. A handler lets time pass and says what was seen to happen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from cluster_sim import (
    REMEDIATIONS,
    SERVICES,
    TEAMS,
    Cluster,
    Examination,
    Fault,
    Saved,
    broken,
    examine,
    is_safe,
    judge,
    provisioned,
)

from .diagnosis import read_statement, text_of
from .episode import EpisodeRecord, Fix
from .errors import BadRequest
from .models import Action, ActionType
from .observation import Look, look_at
from .queries import query_in

INVESTIGATE_S = 30.0
ESCALATE_S = 60.0
NO_OP_S = 60.0
"""Simulated seconds that an action takes."""

MOST_KEPT = 4
"""Changes of one episode before which the world is known: the first, before which it is that of the page with nobody
acting, and the next, before which it is kept (chosen: some 4 ms and 0.7 MB each)."""


@dataclass
class Scene:
    """What a handler works on: the world, and the record of the episode.

    Attributes:
        looked: service → instant of the last look at it.
        onset: nanoseconds, when the fault began.
        examined: the last examination of the world, if its root parameters were safe then.
        before: the world as of the orders of the second and further changes, where they are kept.
        thorough: whether a repair has to withstand the trigger as well, and to cost no data, security or service.
        watched: whether anybody is there to see what an action brings to light; if not, it lets only its time pass.
    """

    cluster: Cluster
    fault: Fault
    owner: str
    record: EpisodeRecord
    looked: dict[str, int] = field(default_factory=dict)
    watched: bool = True
    thorough: bool = False
    onset: int = 0
    examined: Examination | None = None
    before: list[Saved] | None = None

    def recovered(self) -> bool:
        """Read from the world whether the incident is over."""
        self.examined = None
        if not is_safe(self.cluster, self.fault):
            return False
        if not self.thorough:
            return judge(self.cluster, self.fault).recovered
        self.examined = examine(self.cluster, self.fault)
        return self.examined.recovered


@dataclass
class Effect:
    """What came of an action.

    Attributes:
        changed: whether the world was changed.
    """

    message: str
    look: Look = field(default_factory=Look)
    changed: bool = False
    first_look: bool = False
    right_team: bool = False
    wrong_team: bool = False
    wrong_fix: bool = False
    first_postmortem: bool = False


_TARGETS = {
    ActionType.INVESTIGATE: ("service", SERVICES),
    ActionType.ESCALATE: ("team", TEAMS),
    ActionType.APPLY_FIX: ("fix", REMEDIATIONS),
}


def check(action: Action) -> None:
    """Refuse an action that cannot be carried out.

    Raises:
        BadRequest: it names something that does not exist, or its details are not of the published shape.
    """
    if action.action_type in _TARGETS:
        kind, known = _TARGETS[action.action_type]
        if action.target not in known:
            raise BadRequest(f"target: no such {kind}; available_actions lists them", ("target",))
    if action.action_type is ActionType.INVESTIGATE:
        query_in(action.details)
    if action.action_type is ActionType.POSTMORTEM and not text_of(action.details).strip():
        raise BadRequest("details: a postmortem needs text", ("details",))


def _investigate(scene: Scene, action: Action) -> Effect:
    service = action.target or ""
    query = query_in(action.details)
    scene.cluster.run_for(INVESTIGATE_S)
    look = look_at(scene.cluster, service, scene.looked.get(service), query) if scene.watched else Look()
    first = service not in scene.record.investigated and scene.record.repaired_at is None
    if service in look.logs:
        scene.looked[service] = scene.cluster.now
    scene.record.investigated.setdefault(service, scene.record.step)
    return Effect(message=f"Looked at {service}: {look.summary(service)}.", look=look, first_look=first)


def _escalate(scene: Scene, action: Action) -> Effect:
    team = action.target or ""
    scene.cluster.run_for(ESCALATE_S)
    record = scene.record
    first = team not in record.escalated
    record.escalated.append(team)
    record.escalated_at.setdefault(team, scene.cluster.now)
    _note_statement(scene, action)
    right = team == scene.owner
    return Effect(message=f"{team} was paged and has acknowledged.", right_team=right and first, wrong_team=not right)


def _apply_fix(scene: Scene, action: Action) -> Effect:
    remediation = REMEDIATIONS[action.target or ""]
    cluster = scene.cluster
    if scene.before is not None and 0 < len(scene.record.fixes) < MOST_KEPT:
        scene.before.append(Saved(cluster))
    began = cluster.now
    before = scene.fault.distance(cluster)
    usd_per_hour = provisioned(cluster).usd_per_hour
    remediation.carry_out(cluster)
    wrong = not (scene.fault.distance(cluster) < before or _part_of_a_repair(scene, remediation.name))
    record = scene.record
    dearer = provisioned(cluster).usd_per_hour - usd_per_hour
    record.fixes.append(
        Fix(
            name=remediation.name,
            step=record.step,
            wrong=wrong,
            began=began,
            done=cluster.now,
            usd_per_hour=round(dearer, 4),
        )
    )
    record.broken += [name for name in broken(cluster) if name not in record.broken]
    took = (cluster.now - began) / 1e9
    left = "; a rollout has not finished" if cluster.operations else ""
    message = (
        f"{remediation.name} was carried out on {remediation.target} and given time to settle: {took:.0f} s{left}."
    )
    return Effect(message=message, changed=True, wrong_fix=wrong)


def _part_of_a_repair(scene: Scene, fix: str) -> bool:
    """Whether it is one step of a repair with several, whose others move the root parameters; or tidies up."""
    fault = scene.fault
    return scene.thorough and any(fix in plan for plan in fault.repairs if len(plan) > 1 or fault.harmless)


def _postmortem(scene: Scene, action: Action) -> Effect:
    text = text_of(action.details)
    record = scene.record
    _note_statement(scene, action)
    first = record.postmortem is None
    if first:
        record.postmortem = text
        record.postmortem_details = action.details
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
