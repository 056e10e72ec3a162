"""The line of a postmortem: claims that are true of the episode, with citations that tell the cause from a twin.

A root cause that is claimed and credited is worth `ROOT_CAUSE`, every other credited claim of another subject
`FURTHER`, up to 1; a false one costs `FALSE`, and who claims a false root cause has explained nothing. A claim of whose
citations one was never shown is not supported by the others either; citations that were shown and tell nothing take
their part of its worth.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from cluster_sim import Cluster, Fault

from ..episode import EpisodeRecord
from .claims import MOST_CITES, Claim, ClaimKind, Facts, read_claims
from .discrimination import Discrimination
from .sights import Cited, cited
from .twins import TwinWorlds

ROOT_CAUSE = 0.4
FURTHER = 0.2
FALSE = 0.3
"""What claims are worth and cost, as shares of the line (chosen)."""
MOST_CLAIMS_PER_CITATION = 2
"""Claims that one thing seen supports (chosen)."""

CREDITED, UNSUPPORTED, UNTRUE, UNREAD = "credited", "true but unsupported", "false", "unread"


@dataclass(frozen=True, kw_only=True)
class Explained:
    """How well a postmortem explains an episode.

    Attributes:
        share: 0 to 1.
        evidence: the claims, each with its verdict, what it is worth, and what its citations tell.
        any_credited: whether any claim is credited.
    """

    share: float = 0.0
    evidence: tuple[dict[str, Any], ...] = ()
    any_credited: bool = False


@dataclass
class _Tally:
    """Claims judged so far.

    Attributes:
        worth: of each subject that is credited.
        false, false_cause: how many are not true; whether a root cause is among them.
        uses: how many claims a thing has been cited for.
        judged: claims that have been made before.
    """

    worth: dict[tuple[str, ...], float] = field(default_factory=dict)
    false: int = 0
    false_cause: bool = False
    uses: Counter[tuple[object, ...]] = field(default_factory=Counter)
    judged: set[Claim] = field(default_factory=set)

    @property
    def share(self) -> float:
        cause = (str(ClaimKind.ROOT_CAUSE),)
        if cause not in self.worth or self.false_cause:
            return 0.0
        return round(max(min(sum(self.worth.values()), 1.0) - FALSE * self.false, 0.0), 6)


def explained(
    record: EpisodeRecord,
    *,
    fault: Fault,
    cluster: Cluster,
    onset: int,
    affected: frozenset[str],
    twins: TwinWorlds | None = None,
) -> Explained:
    """Judge the postmortem of an episode.

    Args:
        cluster: the world as it stands.
        onset: nanoseconds, when the fault began.
        affected: the services that the trouble reached.
        twins: the worlds of twins; without them citations count by declared evidence only.
    """
    if record.postmortem is None:
        return Explained()
    details = record.postmortem if record.postmortem_details is None else record.postmortem_details
    claims = read_claims(details, cluster.epoch_s)
    facts = Facts.of(fault, record, affected=affected, onset=onset)
    discrimination = Discrimination(record, fault=fault, cluster=cluster, onset=onset, twins=twins)
    claimed = [claim for claim in claims.made if claim is not None and _may_be_credited(claim, facts)]
    seen = {id: cited(record, id) for claim in claimed for id in claim.cites}
    to_judge = {
        thing.id: thing
        for claim in claimed
        if all(seen[id] is not None for id in claim.cites)
        for thing in (seen[id] for id in claim.cites)
        if thing is not None
    }
    # In the order of time, in which the worlds of twins go on.
    tells = {thing.id: discrimination.by(thing) for thing in sorted(to_judge.values(), key=lambda it: it.at)}
    tally = _Tally()
    evidence = [_judge(claim, facts, seen, tells, tally) for claim in claims.made]
    more = [claim for claim in claims.asserted if claim not in tally.judged and not facts.hold(claim)]
    evidence += [_contradict(claim, tally) for claim in more]
    if claims.more:
        evidence.append({"verdict": UNREAD, "claims": claims.more})
    return Explained(share=tally.share, evidence=tuple(evidence), any_credited=bool(tally.worth))


def _may_be_credited(claim: Claim, facts: Facts) -> bool:
    """Whether it is worth to look at its citations."""
    return len(claim.cites) <= MOST_CITES and facts.hold(claim)


def _judge(
    claim: Claim | None, facts: Facts, seen: dict[str, Cited | None], tells: dict[str, str | None], tally: _Tally
) -> dict[str, Any]:
    if claim is None:
        return {"verdict": UNREAD}
    bare = Claim(kind=claim.kind, what=claim.what, at=claim.at)
    if bare in tally.judged:
        return {**claim.words, "verdict": UNREAD, "why": "claimed before"}
    tally.judged.add(bare)
    if not facts.hold(claim):
        tally.false_cause |= claim.kind is ClaimKind.ROOT_CAUSE
        return _contradict(claim, tally)
    if len(claim.cites) > MOST_CITES:
        return {**claim.words, "verdict": UNSUPPORTED, "why": f"more than {MOST_CITES} citations"}
    citations = [_citation(id, seen[id], tells, tally) for id in claim.cites]
    telling = [citation for citation in citations if citation["discriminates"]]
    supported = bool(telling) and all(citation["seen"] for citation in citations)
    worth = 0.0
    if supported and claim.subject not in tally.worth:
        full = ROOT_CAUSE if claim.kind is ClaimKind.ROOT_CAUSE else FURTHER
        worth = tally.worth[claim.subject] = round(full * len(telling) / len(citations), 6)
    verdict = CREDITED if supported else UNSUPPORTED
    return {**claim.words, "verdict": verdict, "worth": worth, "citations": citations}


def _citation(id: str, thing: Cited | None, tells: dict[str, str | None], tally: _Tally) -> dict[str, Any]:
    shown = id if len(id) <= 200 else f"{id[:200]}…"
    if thing is None:
        return {"id": shown, "seen": False, "discriminates": None}
    tally.uses[thing.thing] += 1
    if tally.uses[thing.thing] > MOST_CLAIMS_PER_CITATION:
        return {"id": shown, "seen": True, "discriminates": None, "why": "cited for other claims already"}
    return {"id": shown, "seen": True, "discriminates": tells.get(id)}


def _contradict(claim: Claim, tally: _Tally) -> dict[str, Any]:
    tally.false += 1
    return {**claim.words, "verdict": UNTRUE, "worth": -FALSE}
