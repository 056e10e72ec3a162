"""The rule-based agent: follows the evidence from the page to a cause, then has it cured."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from itertools import chain
from types import MappingProxyType
from typing import Any

from ..models import Action, ActionType, Observation
from .case import CaseFile
from .evidence import LogClue, SignClue
from .hypotheses import HYPOTHESES, Hypothesis, Topic
from .panels import Panel, panels
from .verdict import Verdict, settle
from .write_up import escalation, postmortem

CHECKS_AFTER_FIX = 2
"""How often the agent looks again before it gives up on a fix; chosen."""
CHECKS_AFTER_POSTMORTEM = 5
"""How often it has looked again when it gives up on one that seems to have worked; chosen: all signs are fresh then."""

TOPICS: Mapping[str, tuple[Topic, ...]] = MappingProxyType(
    {
        "Unauthorized": (Topic.ACCESS,),
        "Redis": (Topic.CACHE,),
        "CrashLoop": (Topic.CRASHES,),
        "Traffic|P50": (Topic.LOAD,),
        "ErrorRate": (Topic.DATABASE, Topic.CALLS),
        "LatencyP99": (Topic.CALLS, Topic.CACHE, Topic.DATABASE),
    }
)
"""What a page suggests to look into first, by the name of its alert."""

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


class RuleBasedPolicy:
    """Works as a good on-call engineer does, from observations alone.

    It starts at the page, reads the services that the evidence leads to, and with every look asks for the signs of
    several causes at once, in an order that the page suggests. Once something decisive was seen it looks at that by
    itself, repairs, looks whether the pages clear, pages the owners with what it now knows was the cause, and writes
    the postmortem with a citation for each claim. Where nothing is found and users are well it says so and touches
    nothing.
    """

    name = "rule-based"

    def __init__(self, hypotheses: tuple[Hypothesis, ...] = HYPOTHESES) -> None:
        self.case = CaseFile()
        self._open = list(hypotheses)
        self._verdict: Verdict | None = None
        self._fixed = 0
        self._checks = 0
        self._confirmed = False
        self._panels: deque[Panel] = deque()

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
        if self._verdict is None:
            self._verdict = self._conclude()
        elif not self._fixed:
            self._verdict = settle(self._verdict.cause, self.case, self._verdict.evidence)
        if self._verdict is None:
            return self._look_further()
        return self._answer(self._verdict)

    def _answer(self, verdict: Verdict) -> Action:
        """What a known cause asks for next: the cure, the owners, a look at its effect, the write-up."""
        cause = verdict.cause
        if not self._confirmed and not self._fixed:
            self._confirmed = True
            if (action := self._confirm(verdict)) is not None:
                return action
        given_up = (not self.case.recovered and self._checks >= CHECKS_AFTER_FIX) or self._fixed > len(cause.plan)
        for fix in (*cause.plan, *(cause.otherwise if given_up else ()))[self._fixed :]:
            self._fixed += 1
            if self.case.offers_fix(fix):
                return Action(action_type=ActionType.APPLY_FIX, target=fix)
        if not cause.harmless and not self.case.recovered and self._checks < CHECKS_AFTER_FIX:
            return self._check(cause)
        if not self.case.recovered and (action := self._answer_other(cause)) is not None:
            return action
        if cause.team and not self.case.has(ActionType.ESCALATE, cause.team):
            return escalation(verdict)
        if not self.case.has(ActionType.POSTMORTEM):
            return Action(action_type=ActionType.POSTMORTEM, details=postmortem(verdict, self.case))
        # The write-up is filed and the incident is not over: whatever looks cured is not, or not for good.
        if self._checks >= CHECKS_AFTER_POSTMORTEM and (action := self._answer_other(cause)) is not None:
            return action
        return self._check(cause)

    def _confirm(self, verdict: Verdict) -> Action | None:
        """One more look before anything is changed: at the strongest sign by itself, and at what the cause leaves in
        logs; none where enough was seen."""
        cause, found = verdict.cause, {clue for clue, _ in verdict.evidence}
        signs = [clue for clue, _ in verdict.evidence if isinstance(clue, SignClue)]
        sign = next((clue for clue in signs if clue.decisive), next(iter(signs), None))
        left = next((clue for clue in cause.leaves if clue not in found), None)
        if verdict.well_shown or (sign is None and left is None):
            return None
        query: dict[str, Any] = {} if sign is None else {"promql": Panel(signs=(sign,)).query}
        return Action(
            action_type=ActionType.INVESTIGATE,
            target=cause.root_cause if left is None else left.services[0],
            details=query | {"logs": {} if left is None else {"grep": left.grep}},
        )

    def _check(self, cause: Hypothesis) -> Action:
        """Look again: where another cause might lie, or else where this one did."""
        self._checks += 1
        others = (other for other in self._ranked() if other is not cause and other.decided(self.case))
        unread = (name for other in others for name in other.to_read if name not in self.case.investigated)
        return self._investigate(next(unread, cause.root_cause))

    def _answer_other(self, cause: Hypothesis) -> Action | None:
        """Take up another cause, where one is proven, and do what it asks for."""
        other = self._other_than(cause)
        if other is None:
            return None
        self._verdict, self._checks, self._fixed, self._confirmed = other, 0, 0, False
        return self._answer(other)

    def _conclude(self) -> Verdict | None:
        """The likeliest cause: a proven one, or the best suspicion once there is nothing left to read."""
        ranked = self._ranked()
        proven = [hypothesis for hypothesis in ranked if self._proven(hypothesis)]
        if proven:
            return settle(proven[0], self.case)
        read = self._unread() is None and next(self._unasked(harmless=True), None) is None
        return settle(ranked[0], self.case) if ranked and read else None

    def _proven(self, hypothesis: Hypothesis) -> bool:
        """Whether it is, and what would tell of causes that look alike was asked for."""
        if not hypothesis.proven(self.case):
            return False
        everywhere = hypothesis.shared(self.case)
        likes = (like for like in self._open if everywhere or like.topic is hypothesis.topic)
        return all(sign.sign in self.case.asked for like in likes for sign in like.signs)

    def _other_than(self, cause: Hypothesis) -> Verdict | None:
        """Drop a cause whose fix changed nothing, for another one that is proven too."""
        if cause in self._open:
            self._open.remove(cause)
        other = next((h for h in self._ranked() if self._proven(h)), None)
        return None if other is None else settle(other, self.case)

    def _ranked(self) -> list[Hypothesis]:
        """The open hypotheses that anything speaks for, the likeliest first."""
        weights = {hypothesis: hypothesis.weight(self.case) for hypothesis in self._open}
        return sorted((h for h in self._open if weights[h] > (0, 0)), key=lambda h: weights[h], reverse=True)

    # ------------------------------------------------------------ where to look

    def _look_further(self) -> Action:
        if (asked := next(self._unasked(), None)) is not None:
            return self._investigate(asked[0], grep=asked[1])
        if (left := next(self._traces(), None)) is not None:
            return self._investigate(left.services[0], grep=left.grep)
        if (service := self._unread()) is not None:
            return self._investigate(service)
        if (asked := next(self._unasked(harmless=True), None)) is not None:
            return self._investigate(asked[0], grep=asked[1])
        if not self.case.services:
            return Action(action_type=ActionType.NO_OP)
        return self._investigate(min(self.case.services, key=lambda name: self.case.investigated.get(name, 0)))

    def _investigate(self, service: str, *, grep: str = "") -> Action:
        """Look at a service, and ask for more signs on the way; when all were asked for, for the first ones again."""
        if not self._panels:
            self._panels.extend(panels(sign for topic in topics(self.case) for sign in self._signs(topic)))
        query: dict[str, Any] = {"promql": self._panels[0].query} if self._panels else {}
        self._panels.rotate(-1)
        return Action(
            action_type=ActionType.INVESTIGATE,
            target=service,
            details=query | {"logs": {"grep": grep} if grep else {}},
        )

    def _signs(self, topic: Topic) -> Iterator[SignClue]:
        return (sign for hypothesis in self._open if hypothesis.topic is topic for sign in hypothesis.signs)

    def _unasked(self, *, harmless: bool = False) -> Iterator[tuple[str, str]]:
        """The services, each with a text to look for in its log, that could make a suspicion certain; or could tell why
        nothing is to be repaired."""
        for hypothesis in (it for it in self._ranked() if it.harmless is harmless):
            for clue in hypothesis.clues:
                if isinstance(clue, LogClue) and clue.grep and self.case.investigated:
                    for service in clue.services:
                        if f"{service}: {clue.grep}" not in self.case.asked:
                            yield service, clue.grep

    def _traces(self) -> Iterator[LogClue]:
        """What causes for which something decisive was seen leave in logs, as far as nobody has looked for it."""
        for hypothesis in self._ranked():
            if hypothesis.decided(self.case):
                yield from (
                    left
                    for left in hypothesis.leaves
                    if f"{left.services[0]}: {left.grep}" not in self.case.asked and left.found(self.case) is None
                )

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
            yield from hypothesis.to_read if not hypothesis.harmless else ()
        yield from (page.service for page in self.case.pages)
        yield from named_in_complaints(self.case)
        yield from sorted(self.case.services, key=lambda name: -error_ratio(self.case, name))


def topics(case: CaseFile) -> list[Topic]:
    """What to look into, in the order that the pages suggest."""
    names = [page.name for page in case.pages]
    suggested = [some for name in names for pattern, some in TOPICS.items() if re.search(pattern, name)]
    return list(dict.fromkeys((*chain.from_iterable(suggested), *Topic)))


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
