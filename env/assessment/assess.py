"""A full grade, put together from its lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from cluster_sim import GRAVE, REMOVED, Mechanism, broken, provisioned

from ..actions import Scene
from ..episode import EpisodeRecord
from ..grading import HIGHEST, LOWEST
from . import weights
from .diagnosis import Diagnosed, diagnosed
from .impact import Collateral, Impact, collateral, impact, lived, unmeasured
from .postmortem import Explained, explained
from .response import Cost, Escalation, bytes_of, escalation
from .weights import COST, DIAGNOSIS, ESCALATION, MITIGATION, POSTMORTEM, WEIGHTS
from .yardstick import Yardstick


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Whether the incident came to a good end, read from the world.

    Attributes:
        resolved: users are served well again and go on to be, the trigger may come again, nothing was given up; or,
            where nothing was to be repaired, that was recognised, shown and acted upon.
        broken: invariants that the agent broke and whose breach nothing makes good: data lost, security lowered, a
            service removed.
    """

    resolved: bool
    broken: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """A full grade with its parts and what each rests on.

    Attributes:
        shares: what each line earns of its weight, 0 to 1.
        deductions: what is taken off, by reason.
        evidence: what the lines rest on, as JSON.
        truth: what was to be known beside service and mechanism, as JSON.
    """

    gate: Gate
    shares: Mapping[str, float]
    deductions: Mapping[str, float]
    evidence: Mapping[str, Any]
    impact: Impact
    collateral: tuple[Collateral, ...]
    truth: Mapping[str, Any] = field(default_factory=dict)

    @property
    def lines(self) -> dict[str, float]:
        """What each line has earned."""
        return {name: round(WEIGHTS[name] * self._factor(name) * share, 6) for name, share in self.shares.items()}

    def _factor(self, line: str) -> float:
        if self.gate.resolved:
            return 1.0
        return 0.0 if line in (MITIGATION, COST) else weights.UNRESOLVED

    @property
    def score(self) -> float:
        """The sum of the lines less the deductions, within [0.01, 0.99]; the lowest if something is broken for good."""
        if self.gate.broken:
            return LOWEST
        total = sum(self.lines.values()) - sum(self.deductions.values())
        return round(min(max(total, LOWEST), HIGHEST), 6)

    def breakdown(self) -> dict[str, Any]:
        """All of it as JSON."""
        harm = self.impact
        return {
            "grading": "full",
            "gate": {"resolved": self.gate.resolved, "broken": list(self.gate.broken)},
            "lines": self.lines,
            "deductions": dict(self.deductions),
            "weights": dict(WEIGHTS),
            "evidence": dict(self.evidence),
            "harm": {
                "actual": round(harm.actual, 4),
                "reference": round(harm.reference, 4),
                "nothing": round(harm.nothing, 4),
                "unit": round(harm.unit, 4),
                "excess": round(harm.excess, 6),
            },
            "collateral": [
                asdict(cost) | {"bad_minutes": None if cost.bad_minutes is None else round(cost.bad_minutes, 4)}
                for cost in self.collateral
            ],
        }


def assess(scene: Scene, yardstick: Yardstick) -> Assessment:
    """Grade an episode that is over."""
    with yardstick.lock:
        return _assessed(scene, yardstick)


def _assessed(scene: Scene, yardstick: Yardstick) -> Assessment:
    record, fault = scene.record, scene.fault
    life = lived(scene, yardstick)
    known = diagnosed(record, yardstick.truth)
    told = explained(
        record,
        fault=fault,
        cluster=scene.cluster,
        onset=yardstick.onset,
        affected=yardstick.truth.graph.services,
        twins=yardstick.twins,
    )
    paged = escalation(record, scene.owner, yardstick.page)
    cost = _cost(scene, yardstick)
    harm = impact(yardstick, life)
    guessed = fault.harmless and not _said_nothing_is_wrong(record)
    grade = Assessment(
        gate=Gate(
            resolved=_recognised(record, told) if fault.harmless else record.repaired_at is not None,
            broken=_given_up(scene, yardstick),
        ),
        shares={
            MITIGATION: 1.0 - harm.excess,
            DIAGNOSIS: sum(weights.DIAGNOSIS_PARTS[part] * share for part, share in known.parts.items()),
            POSTMORTEM: told.share,
            ESCALATION: 0.0 if guessed else paged.share,
            COST: cost.share,
        },
        deductions=_deductions(paged, unmeasured(record), harm.unit),
        evidence=_evidence(known, told, paged, cost),
        impact=harm,
        collateral=tuple(unmeasured(record)),
        truth={
            "trigger": str(fault.triggered_by),
            "sustained_by": str(fault.sustained_by),
            "chain": [list(edge) for edge in sorted(yardstick.truth.graph.edges)],
        },
    )
    if grade.score == LOWEST:
        return grade  # what changes cost users could not make it lower
    changes = collateral(yardstick, scene, life)
    return replace(grade, collateral=tuple(changes), deductions=_deductions(paged, changes, harm.unit))


def _deductions(paged: Escalation, changes: Sequence[Collateral], unit: float) -> dict[str, float]:
    return {
        "wrong fixes": round(_taken_for(changes, unit), 6),
        "false pages": round(weights.FALSE_PAGE * len(paged.false_pages), 6),
    }


def _said_nothing_is_wrong(record: EpisodeRecord) -> bool:
    return record.statement is not None and record.statement.mechanism == Mechanism.NO_INCIDENT


def _recognised(record: EpisodeRecord, told: Explained) -> bool:
    """Whether an agent knew, and could show, that nothing was to be repaired, and repaired nothing."""
    return _said_nothing_is_wrong(record) and told.any_credited and not any(fix.wrong for fix in record.fixes)


def _given_up(scene: Scene, yardstick: Yardstick) -> tuple[str, ...]:
    """What was broken at some time and cannot be made good, and what is missing in the end."""
    now = broken(scene.cluster)
    grave = (name for name in scene.record.broken if name in GRAVE or (name == REMOVED and name in now))
    return tuple(name for name in grave if name not in yardstick.broken)


def _taken_for(changes: Sequence[Collateral], unit: float) -> float:
    """What wrong fixes cost: something each, and the users' harm by them."""
    wrong = [change for change in changes if change.wrong]
    harm = sum(max(change.bad_minutes or 0.0, 0.0) for change in wrong) / unit
    return min(weights.WRONG_FIX * len(wrong) + weights.WORST_COLLATERAL * harm, weights.WORST_COLLATERAL)


def _cost(scene: Scene, yardstick: Yardstick) -> Cost:
    spent = provisioned(scene.cluster).usd_per_hour - yardstick.reference_usd_per_hour
    return Cost(
        actions=scene.record.step,
        minutes=(scene.cluster.now - yardstick.page) / 60e9,
        bytes_read=bytes_of(scene.record.seen),
        dearer=spent / yardstick.usd_per_hour,
    )


def _evidence(known: Diagnosed, told: Explained, paged: Escalation, cost: Cost) -> dict[str, Any]:
    return {
        DIAGNOSIS: {"parts": {part: round(share, 6) for part, share in known.parts.items()}, **known.evidence},
        POSTMORTEM: {"share": told.share, "claims": list(told.evidence)},
        ESCALATION: asdict(paged) | {"false_pages": list(paged.false_pages)},
        COST: asdict(cost) | {"minutes": round(cost.minutes, 2), "dearer": round(cost.dearer, 4)},
    }
