"""Claims of a postmortem: what it says was so, with citations, and whether that is true of the episode.

JSON is read exactly: `{"claims": [{"claim": "affected", "service": "checkout-service", "cites": ["1/alerts/0"]}]}`.
Claims of other kinds or shapes, or with other names, are neither credited nor false. Prose is read in `prose`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from cluster_sim import REMEDIATIONS, SERVICES, Fault, Mechanism, Sustained, Trigger

from ..diagnosis import read_statement
from ..episode import EpisodeRecord, RootCauseStatement
from ..queries import as_json
from .prose import Said, cited_sentences, root_causes

MOST_CLAIMS = 12
"""Claims of a postmortem that are read, the first ones (chosen)."""
MOST_CITES = 3
"""Citations of a claim; one that has more is not supported by any of them (chosen)."""
BEGAN_WITHIN_S = 120.0
"""Seconds around the onset in which a claim when it all began is true (chosen: two minutes, the time of a page)."""


class ClaimKind(StrEnum):
    """What can be claimed."""

    ROOT_CAUSE = "root_cause"
    TRIGGER = "trigger"
    SUSTAINED_BY = "sustained_by"
    AFFECTED = "affected"
    BEGAN = "began"
    REPAIRED_BY = "repaired_by"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim.

    Attributes:
        what: service and mechanism of a root cause (the service may be empty where there is no incident), the one name
            that other claims hold; nothing of a time.
        at: nanoseconds of the simulation, of a time.
        cites: ids, each once.
    """

    kind: ClaimKind
    what: tuple[str, ...] = ()
    at: int | None = None
    cites: tuple[str, ...] = ()

    @property
    def subject(self) -> tuple[str, ...]:
        """What it is about; only services and fixes are several."""
        several = self.kind in (ClaimKind.AFFECTED, ClaimKind.REPAIRED_BY)
        return (self.kind, *self.what) if several else (self.kind,)

    @property
    def words(self) -> dict[str, Any]:
        """The claim without its citations, to be shown."""
        match self.kind:
            case ClaimKind.ROOT_CAUSE:
                return {"claim": str(self.kind), "service": self.what[0] or None, "mechanism": self.what[1] or None}
            case ClaimKind.BEGAN:
                return {"claim": str(self.kind), "at_s": None if self.at is None else round(self.at / 1e9, 3)}
        names = {ClaimKind.AFFECTED: "service", ClaimKind.REPAIRED_BY: "fix"}
        return {"claim": str(self.kind), names.get(self.kind, str(self.kind)): self.what[0]}


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is true of an episode.

    Attributes:
        affected: the services that the trouble reached, as the causal graph has them.
        onset: nanoseconds, when it began.
        repaired_by: the fixes that were no mistake, if the incident is over.
    """

    service: str
    mechanism: str
    trigger: str
    sustained_by: str
    harmless: bool
    affected: frozenset[str]
    onset: int
    repaired_by: frozenset[str]

    @staticmethod
    def of(fault: Fault, record: EpisodeRecord, *, affected: frozenset[str], onset: int) -> Facts:
        """Those of an episode as it stands."""
        over = record.repaired_at
        right = {fix.name for fix in record.fixes if over is not None and not fix.wrong and fix.step <= over}
        return Facts(
            service=fault.service,
            mechanism=str(fault.mechanism),
            trigger=str(fault.triggered_by),
            sustained_by=str(fault.sustained_by),
            harmless=fault.harmless,
            affected=affected,
            onset=onset,
            repaired_by=frozenset(right),
        )

    def hold(self, claim: Claim) -> bool:
        """Whether a claim is true."""
        match claim.kind:
            case ClaimKind.ROOT_CAUSE:
                service, mechanism = claim.what
                right_place = service in ("", self.service) or self.harmless
                return right_place and mechanism in ("", self.mechanism)
            case ClaimKind.TRIGGER:
                return claim.what == (self.trigger,)
            case ClaimKind.SUSTAINED_BY:
                return claim.what == (self.sustained_by,)
            case ClaimKind.AFFECTED:
                return claim.what[0] in self.affected
            case ClaimKind.BEGAN:
                return claim.at is not None and abs(claim.at - self.onset) <= BEGAN_WITHIN_S * 1e9
            case ClaimKind.REPAIRED_BY:
                return claim.what[0] in self.repaired_by


@dataclass(frozen=True, kw_only=True)
class Claims:
    """What a postmortem says.

    Attributes:
        made: the claims, in order; None for one that is not understood.
        more: how many more there are, which nobody reads.
        asserted: root causes that it asserts without any citation.
    """

    made: tuple[Claim | None, ...] = ()
    more: int = 0
    asserted: tuple[Claim, ...] = ()


def read_claims(details: str | dict[str, Any] | None, epoch_s: int) -> Claims:
    """The claims in the details of a postmortem.

    Args:
        epoch_s: Unix time of simulated zero.
    """
    fields = details if isinstance(details, dict) else as_json(details or "")
    if fields is not None and "claims" in fields:
        listed = fields["claims"] if isinstance(fields["claims"], list) else []
        made = [_exact(claim, epoch_s) for claim in listed[:MOST_CLAIMS]]
        stated = read_statement({key: value for key, value in fields.items() if key != "claims"})
        return Claims(made=tuple(made), more=len(listed[MOST_CLAIMS:]), asserted=_asserted([stated]))
    said, more = cited_sentences(details, epoch_s, MOST_CLAIMS)
    return Claims(made=tuple(map(_told, said)), more=more, asserted=_asserted(root_causes(details, MOST_CLAIMS)))


def _asserted(statements: list[RootCauseStatement | None]) -> tuple[Claim, ...]:
    whats = [(said.service or "", str(said.mechanism or "")) for said in statements if said is not None]
    return tuple(Claim(kind=ClaimKind.ROOT_CAUSE, what=what) for what in dict.fromkeys(whats) if any(what))


# ---------------------------------------------------------------- JSON

_NAMES: Mapping[ClaimKind, tuple[str, frozenset[str]]] = {
    ClaimKind.TRIGGER: ("trigger", frozenset(Trigger)),
    ClaimKind.SUSTAINED_BY: ("sustained_by", frozenset(Sustained)),
    ClaimKind.AFFECTED: ("service", frozenset(SERVICES)),
    ClaimKind.REPAIRED_BY: ("fix", frozenset(REMEDIATIONS)),
}
"""The field that holds the name of a claim, and the names there are."""


def _exact(claim: Any, epoch_s: int) -> Claim | None:
    if not isinstance(claim, dict) or claim.get("claim") not in list(ClaimKind):
        return None
    kind, cites = ClaimKind(claim["claim"]), claim.get("cites", [])
    if not isinstance(cites, list) or not all(isinstance(cite, str) for cite in cites):
        return None
    ids = tuple(dict.fromkeys(cites))
    if kind is ClaimKind.BEGAN:
        at = _instant(claim.get("at"), epoch_s)
        return None if at is None else Claim(kind=kind, at=at, cites=ids)
    what = _root_cause(claim) if kind is ClaimKind.ROOT_CAUSE else _name(claim, *_NAMES[kind])
    return None if what is None else Claim(kind=kind, what=what, cites=ids)


def _name(claim: Mapping[str, Any], field: str, known: frozenset[str]) -> tuple[str, ...] | None:
    name = claim.get(field)
    return (name,) if isinstance(name, str) and name in known else None


def _root_cause(claim: Mapping[str, Any]) -> tuple[str, ...] | None:
    mechanism = _name(claim, "mechanism", frozenset(Mechanism))
    service = _name(claim, "service", frozenset(SERVICES))
    if mechanism is None or (service is None and claim.get("service") is not None):
        return None
    if mechanism == (Mechanism.NO_INCIDENT,):
        return "", *mechanism
    return None if service is None else (*service, *mechanism)


def _instant(text: Any, epoch_s: int) -> int | None:
    if not isinstance(text, str) or len(text) > 40:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    if when.tzinfo is None:
        return None
    return round((when.timestamp() - epoch_s) * 1e9)


# ---------------------------------------------------------------- prose


def _told(said: Said | None) -> Claim | None:
    return None if said is None else Claim(kind=ClaimKind(said.kind), what=said.what, at=said.at, cites=said.cites)
