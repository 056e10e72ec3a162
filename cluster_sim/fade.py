"""How latency faults fade on their way to the users, measured on the spans of sampled requests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice
from statistics import median

import numpy as np
import numpy.typing as npt

from .clock import SECOND, nanoseconds
from .cluster import Cluster
from .engine.call import SAMPLED
from .engine.failures import STATUS, Failure
from .engine.recorder import GOOD
from .engine.spans import REQUEST, SERVED
from .faults import FAULTS, Family, Fault, Mechanism
from .generator import Address, Split, build
from .generator.blueprint import draw
from .generator.splits import faults_of
from .harm import patience_s
from .specs import USERS, ClusterSpec, calls_in
from .telemetry.traces.records import Records

Chosen = npt.NDArray[np.bool_]

DIFFICULTY = 3
SETTLED_S = 90
"""Seconds after the start of a cluster until caches and pools are as they stay (chosen)."""
AFTER_S = 120
"""Seconds after the page whose requests are looked at."""
FEWEST = 20
"""Requests below which there is no saying how slow they are (chosen)."""
PER_FAULT = 3
"""Incidents of each fault (chosen)."""

LEVELS = ("the service with the cause", "services that call it", "users who need it", "all users")
"""From the cause to the edge: calls that the services answered, then requests of users, at first only of those
endpoints from which calls may come there."""

_WAITED_IN_VAIN = 504
_COUNTED = [0, *(int(failure) for failure in Failure if STATUS[failure] == _WAITED_IN_VAIN)]
_STATUSES = [GOOD, _WAITED_IN_VAIN]
"""How a call or a request ends that counts: answered well, or given up after a long wait. Other errors come early, and
a service that gives many of them looks quick."""


def is_slow(fault: Fault) -> bool:
    """Whether it makes calls slow, rather than fail."""
    waits = fault.mechanism in (Mechanism.SLOW_QUERY, Mechanism.LOCK_CONTENTION)
    return not fault.harmless and (waits or fault.family is Family.CHECKOUT_SLOW)


@dataclass(frozen=True, kw_only=True)
class Growth:
    """How many times as slow something became.

    Attributes:
        p50, p99: quantiles of its latency after the page, by those before the onset.
    """

    p50: float
    p99: float


@dataclass(frozen=True, kw_only=True)
class Faded:
    """One incident from its cause to the users.

    Attributes:
        levels: by those of `LEVELS`; None where nobody calls, or too few.
    """

    fault: str
    levels: tuple[Growth | None, ...]


def fade(address: Address) -> Faded:
    """Play an incident until some time after its page, and compare the latencies with those before its onset."""
    incident = build(address).incident
    cluster = incident.cluster
    cluster.scrapes.stop()
    cluster.run_for(AFTER_S + patience_s(cluster.spec))  # so that all have their answers
    records = Records(cluster)
    start = records.column("start")
    before = (start >= SETTLED_S * SECOND) & (start < incident.onset)
    after = (start >= incident.paged) & (start < incident.paged + nanoseconds(AFTER_S))
    taken = (records.column("end") - start) / SECOND
    return Faded(
        fault=incident.fault.name,
        levels=tuple(
            _growth(taken[level & before], taken[level & after])
            for level in _levels(cluster, records, incident.fault.service)
        ),
    )


def _growth(before: npt.NDArray[np.float64], after: npt.NDArray[np.float64]) -> Growth | None:
    if min(before.size, after.size) < FEWEST:
        return None
    p50, p99 = np.quantile(after, (0.5, 0.99)) / np.quantile(before, (0.5, 0.99))
    return Growth(p50=float(p50), p99=float(p99))


def _levels(cluster: Cluster, records: Records, cause: str) -> Iterator[Chosen]:
    """Which records are those of each level."""
    spec = cluster.spec
    sampled = records.column("sampled") == SAMPLED
    served = sampled & (records.column("kind") == SERVED) & np.isin(records.column("failure"), _COUNTED)
    asked = sampled & (records.column("kind") == REQUEST) & np.isin(records.column("second"), _STATUSES)
    callers = {client for client, call in spec.calls() if call.service == cause} - {USERS}
    for services in ({cause}, callers):
        edges = [place for place, edge in enumerate(cluster.edges) if edge.server in services]
        yield served & np.isin(records.column("edge"), edges)
    yield asked & np.isin(records.column("first"), needing(spec, cause))
    yield asked


def needing(spec: ClusterSpec, service: str) -> list[int]:
    """The endpoints, by their places, whose requests may come to a service, whoever passes them on."""
    reached = {service}
    while more := {client for client, call in spec.calls() if call.service in reached} - reached - {USERS}:
        reached |= more
    endpoints = enumerate(spec.endpoints)
    return [place for place, one in endpoints if any(call.service in reached for call in calls_in(one.steps))]


def addresses(fault: Fault) -> Iterator[Address]:
    """Incidents that are drawn with a fault, from the first split that holds it."""
    split = next(split for split in Split if fault in faults_of(split, harmless=fault.harmless))
    for index in count():
        address = Address(split=split, index=index, difficulty=DIFFICULTY)
        if draw(address).fault == fault.name:
            yield address


def report(per_fault: int = PER_FAULT) -> Iterator[str]:
    """How many times as slow each level becomes, of all incidents and by fault, as Markdown tables."""
    slow = [fault for fault in FAULTS.values() if is_slow(fault)]
    seen = {fault.name: [fade(address) for address in islice(addresses(fault), per_fault)] for fault in slow}
    every = [one for several in seen.values() for one in several]
    yield f"Latency after the page, by that before the onset, over {len(every)} incidents of {len(slow)} faults that"
    yield f"make calls slow, {per_fault} of each (medians of the incidents):"
    yield ""
    yield "| where | p50 | p99 |"
    yield "|---|---|---|"
    for place, name in enumerate(LEVELS):
        p50, p99 = _medians(every, place)
        yield f"| {name} | {p50} | {p99} |"
    yield ""
    less, known = _less_at_the_edge(every)
    yield f"The p99 of all users grew less than that of the service with the cause in {less} of {known} incidents."
    yield ""
    yield f"| p50 / p99 by fault | {' | '.join(LEVELS)} |"
    yield f"|---|{'---|' * len(LEVELS)}"
    for fault, several in seen.items():
        cells = " | ".join(" / ".join(_medians(several, place)) for place in range(len(LEVELS)))
        yield f"| {fault} | {cells} |"


def _less_at_the_edge(several: list[Faded]) -> tuple[int, int]:
    """In how many incidents the tail of all users grew less than that at the cause, and of how many that is known."""
    pairs = [(cause, users) for cause, *_, users in (one.levels for one in several) if cause and users]
    return sum(users.p99 < cause.p99 for cause, users in pairs), len(pairs)


def _medians(several: list[Faded], place: int) -> tuple[str, str]:
    known = [level for one in several if (level := one.levels[place]) is not None]
    if not known:
        return "–", "–"
    return _times(median(one.p50 for one in known)), _times(median(one.p99 for one in known))


def _times(factor: float) -> str:
    return f"×{factor:.1f}" if factor < 10 else f"×{factor:.0f}"
