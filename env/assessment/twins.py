"""The worlds of twins: the same seed, traffic, noise and decoys, and another fault of the set that looks like it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Iterator
from dataclasses import replace
from threading import RLock
from typing import Any, TypeVar

from cluster_sim import (
    Alert,
    Cluster,
    Fault,
    Incident,
    NoPage,
    Saved,
    WarmUps,
    attempts,
    begin,
    recent_logs,
    seven_services,
    twins_of,
)

from ..models import EpisodeOptions
from ..scenes import address_of
from ..tasks import GENERATED
from .expressions import Question, Reading
from .lines import template

MOST_TWINS = 2
"""Twins whose worlds are looked at (chosen: each takes as long as a reset)."""
MOST_BEGUN = 4
"""Twins that are begun in search of them: where one pages nobody, the next is taken (chosen)."""
MOST_ANSWERS = 1_000
MOST_SAVED = 6
"""Answers, and states, kept of one world (chosen)."""

Answer = TypeVar("Answer")
Firing = frozenset[tuple[str, str]]


class TwinWorld:
    """An incident that nobody acts on, as of any instant since its page.

    Attributes:
        fault: the twin.
        paged: nanoseconds, when somebody was paged there.
    """

    def __init__(self, incident: Incident) -> None:
        self.fault = incident.fault
        self.paged = incident.paged
        self._saved = {incident.paged: Saved(incident.cluster)}
        self._cluster = incident.cluster
        self._answers: dict[Hashable, Any] = {}
        self._read_until: dict[str, tuple[int, frozenset[str]]] = {}

    def templates(self, service: str, at: int) -> frozenset[str]:
        """The kinds of lines in a service's log. Up to the onset it is the log of the incident itself."""

        def ask() -> frozenset[str]:
            cluster, earlier = self._at(at), self._read_until.get(service, (0, frozenset()))
            since, known = earlier if earlier[0] <= cluster.now else (0, frozenset())
            lines = recent_logs(cluster, service, since_ns=since, limit=sys.maxsize)
            found = known | frozenset(map(template, lines))
            self._read_until[service] = (cluster.now, found)
            return found

        return self._once(("templates", service, at), ask)

    def firing(self, at: int) -> Firing:
        """Name and subject of the alerts that fire."""

        def ask() -> Firing:
            alerts = self._after(at).alerts
            known: list[Alert] = [*alerts.firing(), *alerts.history]
            return frozenset((alert.alertname, _subject(alert)) for alert in known if _fires(alert, at))

        return self._once(("firing", at), ask)

    def reading(self, question: Question, at: int) -> Reading | None:
        """What a query yields."""
        return self._once((question, at), lambda: question.read(self._after(at), at))

    def _at(self, at: int) -> Cluster:
        """The world at an instant, or at its page if that came later."""
        at = max(at, self.paged)
        if self._cluster.now > at:
            self._cluster = self._saved[max(instant for instant in self._saved if instant <= at)].restore()
        if self._cluster.now < at:
            self._cluster.run_until(at)
            self._saved[at] = Saved(self._cluster)
            if len(self._saved) > MOST_SAVED:
                del self._saved[next(instant for instant in self._saved if instant != self.paged)]
        return self._cluster

    def _after(self, at: int) -> Cluster:
        """The world at that instant or later, whichever it is; it remembers what was."""
        return self._cluster if self._cluster.now >= at else self._at(at)

    def _once(self, question: Hashable, ask: Callable[[], Answer]) -> Answer:
        if question not in self._answers:
            answer = ask()
            if len(self._answers) >= MOST_ANSWERS:
                self._answers.clear()
            self._answers[question] = answer
        answer_kept: Answer = self._answers[question]
        return answer_kept


def _subject(alert: Alert) -> str:
    return alert.service or alert.labels.get("node", "cluster")


def _fires(alert: Alert, at: int) -> bool:
    began = alert.fired_at is not None and alert.fired_at <= at
    return began and (alert.resolved_at is None or alert.resolved_at > at)


class TwinWorlds:
    """The worlds of the first twins of an incident that page somebody, begun when first asked for.

    Args:
        task_id, seed, options: the episode.
        fault: that of the incident.
        world_seed: of its cluster, which tells the draws of an address apart.
        warm_ups: incidents begun before, if any are kept.

    Attributes:
        lock: one thread at a time looks at them, since they go on while they are looked at.
    """

    def __init__(
        self,
        task_id: str,
        seed: int,
        options: EpisodeOptions,
        *,
        fault: Fault,
        world_seed: int,
        warm_ups: WarmUps | None = None,
    ) -> None:
        self.lock = RLock()
        self._task_id = task_id
        self._seed = seed
        self._options = options
        self._world_seed = world_seed
        self._warm_ups = warm_ups
        self._untried = list(twins_of(fault))[:MOST_BEGUN]
        self._worlds: list[TwinWorld] = []

    def __iter__(self) -> Iterator[TwinWorld]:
        """One after another; hold `lock` while they are looked at."""
        for number in range(MOST_TWINS):
            while number >= len(self._worlds) and self._untried:
                try:
                    self._worlds.append(TwinWorld(self._begin(self._untried.pop(0))))
                except NoPage:
                    continue
            if number < len(self._worlds):
                yield self._worlds[number]

    def _begin(self, twin: Fault) -> Incident:
        begin_incident = begin if self._warm_ups is None else self._warm_ups.begin
        if self._task_id != GENERATED:
            spec = twin.spec(seven_services(self._options.arrival_rate_hz))
            return begin_incident(spec, twin, self._seed, noise=self._options.noise)
        drawn = attempts(address_of(self._seed, self._options))
        blueprint = next(blueprint for blueprint in drawn if blueprint.seed == self._world_seed)
        other = replace(blueprint, fault=twin.name, service=twin.service)
        return begin_incident(other.spec(), twin, other.seed, noise=other.noise, decoys=other.decoys)
