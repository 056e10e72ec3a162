"""Policies that read nothing they are shown: the floor that the scoring must keep low."""

from __future__ import annotations

import random  # noqa: TID251 - an own Random of an agent; no episode draws from it
from collections.abc import Callable, Iterator
from itertools import cycle, repeat
from typing import Any

from ..models import Action, ActionType, Observation
from .policy import offered

MECHANISM_KEYWORDS = (
    "connection limit, max_connections, too many clients, pool exhausted, connection leak, slow query, "
    "missing index, lock contention, deadlock, memory exhaustion, OOM, maxmemory, eviction, cache stampede, "
    "hot key, partial rollout, secret rotation, JWT, kid, signature, expired token, bad config, bad deploy, "
    "retry storm, thread pool saturation, CPU throttling, GC pause, memory leak, disk full, packet loss, "
    "DNS failure, network partition, clock skew, traffic spike, circuit breaker open"
)
"""Every word that a postmortem of some incident might be looked through for; chosen."""

FIRST_PAGE = "0/alerts/0"
"""The id under which the first page is cited."""
LAST_LINE = 59
"""Place of the newest log line of a look at a service that writes much."""

NOTHING_MORE = Action(action_type=ActionType.POSTMORTEM, details="Nothing more was done.")
"""How a policy without a plan leaves the incident: with a note, which takes no time, as often as it is asked."""

Script = Callable[[Observation], Iterator[Action]]
"""Writes the whole episode's actions from the first observation's `available_actions` alone."""


class Scripted:
    """A policy that fixes its plan at the first observation and leaves it at that once the plan is used up."""

    def __init__(self, name: str, script: Script) -> None:
        self.name = name
        self._script = script
        self._plan: Iterator[Action] | None = None

    def act(self, observation: Observation) -> Action:
        if self._plan is None:
            self._plan = self._script(observation)
        return next(self._plan, NOTHING_MORE)


def nothing(observation: Observation) -> Iterator[Action]:
    """Watches the incident go by."""
    return repeat(Action(action_type=ActionType.NO_OP))


def spam(observation: Observation) -> Iterator[Action]:
    """Does everything that is listed, in the listed order, over and over."""
    while True:
        for entry in observation.available_actions:
            yield listed_action(entry, postmortem="The incident is resolved.")


def first_listed(observation: Observation) -> Iterator[Action]:
    """Takes the first of every kind and blames the first service."""
    service = offered(observation, "investigate")[0]
    yield Action(action_type=ActionType.INVESTIGATE, target=service)
    yield Action(action_type=ActionType.ESCALATE, target=offered(observation, "escalate")[0])
    yield Action(action_type=ActionType.APPLY_FIX, target=offered(observation, "apply_fix")[0])
    yield Action(action_type=ActionType.POSTMORTEM, details=f"The root cause of the incident was {service}.")


def keyword_salad(observation: Observation) -> Iterator[Action]:
    """Names every service and every mechanism in every text, then tries the fixes as listed."""
    salad = f"{', '.join(offered(observation, 'investigate'))}: {MECHANISM_KEYWORDS}"
    for team in offered(observation, "escalate")[:1]:
        yield Action(action_type=ActionType.ESCALATE, target=team, details=salad)
    yield Action(action_type=ActionType.POSTMORTEM, details=salad)
    for fix in offered(observation, "apply_fix"):
        yield Action(action_type=ActionType.APPLY_FIX, target=fix)


def look_only(observation: Observation) -> Iterator[Action]:
    """Investigates every service once and leaves it at that."""
    for service in offered(observation, "investigate"):
        yield Action(action_type=ActionType.INVESTIGATE, target=service)


def restart_everything(observation: Observation) -> Iterator[Action]:
    """Pages the first team, turns everything off and on again, and says so."""
    yield Action(action_type=ActionType.ESCALATE, target=offered(observation, "escalate")[0])
    for fix in offered(observation, "apply_fix"):
        if fix.startswith("restart_"):
            yield Action(action_type=ActionType.APPLY_FIX, target=fix)
    yield Action(action_type=ActionType.POSTMORTEM, details="We restarted every service. The incident is resolved.")


def all_clear(observation: Observation) -> Iterator[Action]:
    """Says at once that nothing is wrong, and cites the first page unread."""
    yield no_incident([FIRST_PAGE])


def all_clear_after_looking(observation: Observation) -> Iterator[Action]:
    """Looks at every service, and then says so, whatever there was to see; cites what came last on three screens."""
    yield from look_only(observation)
    looked = enumerate(offered(observation, "investigate"), 1)
    yield no_incident([f"{step}/logs/{service}/{LAST_LINE}" for step, service in looked])


def no_incident(cites: list[str]) -> Action:
    """The postmortem that there is no incident, of somebody who does not know.

    Args:
        cites: what is cited, one after another.
    """
    said: list[dict[str, Any]] = [
        {"claim": "root_cause", "service": None, "mechanism": "no_incident"},
        {"claim": "trigger", "trigger": "none"},
        {"claim": "sustained_by", "sustained_by": "nothing"},
    ]
    claims = [claim | {"cites": [cite]} for claim, cite in zip(said, cycle(cites), strict=False)]
    return Action(
        action_type=ActionType.POSTMORTEM,
        details={
            "root_cause": None,
            "mechanism": "no_incident",
            "trigger": "none",
            "sustained_by": "nothing",
            "chain": [],
            "confidence": 0.5,
            "evidence": cites[:3],
            "claims": claims,
        },
    )


def random_valid(seed: int) -> Script:
    """Draws every action uniformly from the list."""

    def script(observation: Observation) -> Iterator[Action]:
        draws = random.Random(seed)
        while True:
            yield listed_action(draws.choice(observation.available_actions), postmortem="The incident is resolved.")

    return script


def listed_action(entry: str, *, postmortem: str) -> Action:
    """The action that an entry of `available_actions` stands for."""
    verb, _, target = entry.partition(":")
    if verb == ActionType.POSTMORTEM:
        return Action(action_type=ActionType.POSTMORTEM, details=postmortem)
    return Action(action_type=ActionType(verb), target=target or None)
