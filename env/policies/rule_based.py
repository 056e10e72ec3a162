"""The rule-based agent: follows the evidence from the page to a cause, then has it cured."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..models import Action, ActionType, Observation
from .case import CaseFile
from .evidence import Clue
from .hypotheses import HYPOTHESES, Hypothesis

CHECKS_AFTER_FIX = 2
"""How often the agent looks again before it gives up on a fix; chosen."""
MOST_EVIDENCE = 4
"""Pieces of evidence that a statement lists; chosen."""

LEADS: Mapping[str, str] = MappingProxyType(
    {
        "postgres-db": r"(?i)postgres|psycopg|SQLSTATE|HikariPool|QueuePool|:5432\b",
        "redis-cache": r"(?i)redis|maxmemory|\bcache write failed|:6379\b",
        "auth-service": r"(?i)auth-service|invalid_token|\b401\b|jwt",
        "config-service": r"(?i)config-service|rollout|\bkid\b|jwt-signing",
        "inventory-service": r"(?i)inventory",
        "payment-service": r"(?i)payment",
        "checkout-service": r"(?i)checkout",
    }
)
"""What in a complaint leads on to which service."""

_COMPLAINT = re.compile(r"(?i)error|fatal|warn|fail|refused|timed? ?out|exceeded|\b5\d\d\b|\b401\b|not allowed")
_ERROR_RATIO = re.compile(r"(?i)(error|failure|5xx|4xx|401).*(ratio|rate|percent)")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A cause the agent has settled on, with what it had seen by then; a cure does not unsay the evidence.

    Attributes:
        cause: what is held to have gone wrong.
        evidence: the clues that were found, each with what was read.
        proven: whether something decisive is among them.
    """

    cause: Hypothesis
    evidence: tuple[tuple[Clue, str], ...]
    proven: bool


class RuleBasedPolicy:
    """Works as a good on-call engineer does, from observations alone.

    It starts at the page, reads the services that the evidence leads to, names a cause once something
    decisive was seen, calls the owners, applies the fix, looks whether the pages clear, and writes the
    postmortem.
    """

    name = "rule-based"

    def __init__(self, hypotheses: tuple[Hypothesis, ...] = HYPOTHESES) -> None:
        self.case = CaseFile()
        self._open = list(hypotheses)
        self._verdict: Verdict | None = None
        self._checks = 0

    def act(self, observation: Observation) -> Action:
        self.observe(observation)
        action = self.decide()
        self.took(action)
        return action

    def observe(self, observation: Observation) -> None:
        """Note what is seen."""
        self.case.note(observation)

    def took(self, action: Action) -> None:
        """Note what was done, by this agent or by another one in its place."""
        self.case.took(action)

    def decide(self) -> Action:
        """The next action by the notes so far."""
        self._verdict = self._verdict or self._conclude()
        if self._verdict is None:
            return self._look_further()
        return self._answer(self._verdict)

    def _answer(self, verdict: Verdict) -> Action:
        """What a known cause asks for next: the owners, the cure, a look at its effect, the write-up."""
        cause = verdict.cause
        if not self.case.has(ActionType.ESCALATE, cause.team):
            return escalation(verdict)
        if not self.case.has(ActionType.APPLY_FIX, cause.fix) and self.case.offers_fix(cause.fix):
            return Action(action_type=ActionType.APPLY_FIX, target=cause.fix)
        if not self.case.recovered and self._checks < CHECKS_AFTER_FIX:
            self._checks += 1
            return _investigate(cause.root_cause)
        if not self.case.recovered and (other := self._other_than(cause)) is not None:
            self._verdict, self._checks = other, 0
            return self._answer(other)
        if not self.case.has(ActionType.POSTMORTEM):
            return Action(action_type=ActionType.POSTMORTEM, details=postmortem(verdict, self.case))
        return _investigate(cause.root_cause)

    def _conclude(self) -> Verdict | None:
        """The likeliest cause: a proven one, or the best suspicion once there is nothing left to read."""
        ranked = self._ranked()
        proven = [hypothesis for hypothesis in ranked if hypothesis.proven(self.case)]
        if proven:
            return self._settle(proven[0])
        return self._settle(ranked[0]) if ranked and self._unread() is None else None

    def _other_than(self, cause: Hypothesis) -> Verdict | None:
        """Drop a cause whose fix changed nothing, for another one that is proven too."""
        self._open = [hypothesis for hypothesis in self._open if hypothesis != cause]
        other = next((h for h in self._ranked() if h.proven(self.case)), None)
        return None if other is None else self._settle(other)

    def _settle(self, cause: Hypothesis) -> Verdict:
        return Verdict(cause=cause, evidence=tuple(cause.evidence(self.case)), proven=cause.proven(self.case))

    def _ranked(self) -> list[Hypothesis]:
        """The open hypotheses that anything speaks for, the likeliest first."""
        weights = {hypothesis: hypothesis.weight(self.case) for hypothesis in self._open}
        return sorted((h for h in self._open if weights[h] > 0), key=lambda h: -weights[h])

    def _look_further(self) -> Action:
        service = self._unread()
        if service is not None:
            return _investigate(service)
        if not self.case.services:
            return Action(action_type=ActionType.NO_OP)
        return _investigate(min(self.case.services, key=lambda name: self.case.investigated.get(name, 0)))

    def _unread(self) -> str | None:
        """The service to read next, or None when all were read."""
        unread = (
            service
            for service in self._trail()
            if service in self.case.services and service not in self.case.investigated
        )
        return next(unread, None)

    def _trail(self) -> Iterator[str]:
        """The services in the order in which they are worth reading."""
        for hypothesis in self._ranked():
            yield from hypothesis.look_at
        yield from (page.service for page in self.case.pages)
        yield from named_in_complaints(self.case)
        yield from sorted(self.case.services, key=lambda name: -error_ratio(self.case, name))


def _investigate(service: str) -> Action:
    return Action(action_type=ActionType.INVESTIGATE, target=service)


def named_in_complaints(case: CaseFile) -> list[str]:
    """The services that the complaints of other services name, the most named first."""
    named: Counter[str] = Counter()
    for service, lines in case.logs.items():
        for line in lines:
            if _COMPLAINT.search(line):
                named.update(to for to, lead in LEADS.items() if to != service and re.search(lead, line))
    return [service for service, _ in named.most_common()]


def error_ratio(case: CaseFile, service: str) -> float:
    """The largest error ratio on the wall dashboard for a service, 0 where it shows none."""
    return max((value for name, value in case.measured(service).items() if _ERROR_RATIO.search(name)), default=0.0)


def escalation(verdict: Verdict) -> Action:
    """Page the owning team with the root cause, the evidence and how sure the agent is."""
    evidence = [f"{clue.says}: {shown}" for clue, shown in verdict.evidence]
    return Action(
        action_type=ActionType.ESCALATE,
        target=verdict.cause.team,
        details={
            "root_cause": verdict.cause.root_cause,
            "mechanism": verdict.cause.mechanism,
            "evidence": evidence[:MOST_EVIDENCE],
            "confidence": 0.95 if verdict.proven else 0.5,
        },
    )


def postmortem(verdict: Verdict, case: CaseFile) -> str:
    """The write-up: impact, root cause, evidence, cascade, response, prevention, as far as it was seen."""
    cause = verdict.cause
    paragraphs = (
        _impact(case),
        f"Root cause: {cause.explanation}",
        _evidence(verdict),
        cause.cascade,
        _response(cause, case),
        f"Prevention: {cause.prevention}",
    )
    return "\n".join(paragraph for paragraph in paragraphs if paragraph)


def _impact(case: CaseFile) -> str:
    return " ".join(
        f"{page.name} paged on {page.service} since {page.since or 'the start'}"
        f"{f', with {page.measured}' if page.measured else ''}."
        for page in case.pages
    )


def _evidence(verdict: Verdict) -> str:
    found = [f"{clue.says} ({shown})." for clue, shown in verdict.evidence if clue.decisive]
    return f"Evidence: {' '.join(found)}" if found else "The evidence is indirect."


def _response(cause: Hypothesis, case: CaseFile) -> str:
    applied = f" and applied {cause.fix}" if case.has(ActionType.APPLY_FIX, cause.fix) else ""
    after = "have cleared since" if case.recovered else "are still firing at the time of writing"
    return f"We escalated to {cause.team}{applied}. The pages {after}."
