"""Grading the root-cause statement: the first one, against what is so, and without a judge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cluster_sim import Mechanism

from ..episode import Chain, EpisodeRecord, RootCauseStatement
from .truth import Truth


@dataclass(frozen=True, kw_only=True)
class Diagnosed:
    """What a diagnosis is worth.

    Attributes:
        parts: `root_cause`, `mechanism`, `trigger`, `chain`, `confidence`, each from 0 to 1.
        evidence: what was said against what is so.
    """

    parts: dict[str, float]
    evidence: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """How two sets of edges agree; precision and recall of nothing are 0."""

    stated: int
    true: int
    common: int

    @property
    def precision(self) -> float:
        """Share of what was stated that is so."""
        return self.common / self.stated if self.stated else 0.0

    @property
    def recall(self) -> float:
        """Share of what is so that was stated."""
        return self.common / self.true if self.true else 0.0

    @property
    def f1(self) -> float:
        """Their harmonic mean."""
        return 2 * self.common / (self.stated + self.true) if self.common else 0.0


def diagnosed(record: EpisodeRecord, truth: Truth) -> Diagnosed:
    """What the first statement of an episode is worth.

    It counts only where the service was looked at in an earlier step. Each part builds on the one before: a mechanism
    is only worth something of the right service, and a trigger only with the right mechanism. Where nothing is to be
    repaired, the right statement is that there is no incident, and no chain.

    The confidence is paid by its Brier score: all of it for who is sure and right, or sure that the statement is wrong,
    and nothing for who is sure and mistaken. It takes a statement of one service and one mechanism, and a look at that
    service before it.
    """
    said = record.statement
    parts = {"root_cause": 0.0, "mechanism": 0.0, "trigger": 0.0, "chain": 0.0, "confidence": 0.0}
    overlap = Overlap(stated=0, true=len(_true_chain(truth)), common=0)
    if said is not None:
        looked = _looked(record, truth.fault.service)
        service, mechanism = _right(said, truth)
        service, mechanism = service and looked, service and mechanism and looked
        chain = said.chain or frozenset()
        overlap = Overlap(stated=len(chain), true=overlap.true, common=len(chain & _true_chain(truth)))
        parts["root_cause"], parts["mechanism"] = float(service), float(mechanism)
        if mechanism:
            parts["trigger"] = (
                (said.trigger == truth.fault.triggered_by) + (said.sustained_by == truth.fault.sustained_by)
            ) / 2
        if service:
            parts["chain"] = overlap.f1 if overlap.true else float(said.chain == frozenset())
        if said.confidence is not None and _definite(said) and _looked(record, said.service or truth.fault.service):
            parts["confidence"] = _brier(said.confidence, right=mechanism)
    return Diagnosed(parts=parts, evidence=_evidence(record, truth, overlap))


def _right(said: RootCauseStatement, truth: Truth) -> tuple[bool, bool]:
    """Whether the service and the mechanism that are stated are the true ones."""
    fault = truth.fault
    nothing = said.mechanism == Mechanism.NO_INCIDENT
    if fault.harmless or nothing:  # who says that nothing is wrong names no service as its cause
        return (fault.harmless and nothing,) * 2
    return said.service == fault.service, said.mechanism == fault.mechanism


def _looked(record: EpisodeRecord, service: str) -> bool:
    """Whether a service had been looked at before the statement was made."""
    looked = record.investigated.get(service)
    return looked is not None and record.stated_at is not None and looked < record.stated_at


def _definite(said: RootCauseStatement) -> bool:
    """Whether a statement can be right or wrong."""
    return said.mechanism == Mechanism.NO_INCIDENT or (said.service is not None and said.mechanism is not None)


def _true_chain(truth: Truth) -> Chain:
    return frozenset() if truth.fault.harmless else truth.graph.edges


def _brier(confidence: float, *, right: bool) -> float:
    """1 less the Brier score: who says how sure they really are earns most."""
    return 1.0 - (confidence - float(right)) ** 2


def _evidence(record: EpisodeRecord, truth: Truth, overlap: Overlap) -> dict[str, Any]:
    """What was said against what is so, as JSON."""
    said, fault = record.statement, truth.fault
    stated = None
    if said is not None:
        stated = {
            "root_cause": said.service,
            "mechanism": _text(said.mechanism),
            "trigger": _text(said.trigger),
            "sustained_by": _text(said.sustained_by),
            "chain": None if said.chain is None else _listed(said.chain),
            "confidence": said.confidence,
        }
    return {
        "said": stated,
        "stated_at": record.stated_at,
        "investigated_at": record.investigated.get(fault.service),
        "so": {
            "root_cause": fault.service,
            "mechanism": str(fault.mechanism),
            "trigger": str(fault.triggered_by),
            "sustained_by": str(fault.sustained_by),
            "chain": _listed(_true_chain(truth)),
        },
        "edges": {
            "stated": overlap.stated,
            "true": overlap.true,
            "common": overlap.common,
            "precision": round(overlap.precision, 6),
            "recall": round(overlap.recall, 6),
            "f1": round(overlap.f1, 6),
        },
    }


def _text(id_: str | None) -> str | None:
    return None if id_ is None else str(id_)


def _listed(chain: Chain) -> list[list[str]]:
    """The edges in the order of their names."""
    return [list(edge) for edge in sorted(chain)]
