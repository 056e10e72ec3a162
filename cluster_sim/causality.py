"""How trouble spread in an incident: which calls got worse, read from the spans and the log, and what is connected."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .clock import MILLISECOND, SECOND
from .cluster import Cluster
from .engine.call import SAMPLED
from .engine.spans import CONNECTION, NOBODY, REQUEST, WORKER
from .specs import USERS
from .telemetry.traces.records import Records

STARTED = 60 * SECOND
"""Nanoseconds after the start that are not compared with: caches and runtimes warm up (chosen)."""
FEWEST_BEFORE = 20
"""Healthy calls from which it can be told how long a call usually takes (chosen)."""
USUAL = 0.95
LONGER_BY = 50 * MILLISECOND
"""A call is slow that took twice as long as this share of the healthy ones, and so many nanoseconds longer (chosen: a
fifteenth of the tightest latency objective)."""

LOOK, STEP = 120 * SECOND, 30 * SECOND
"""A call got worse if it did so over two minutes, whichever; they are looked at every half a minute (chosen)."""
WORSE_BY = 0.1
"""By how much the share of bad calls has to rise (chosen: a caller fails as often for it)."""
ORDINARY = 0.04
"""Share of bad calls that a passing burst of errors may bring (chosen: that of the generator's decoys)."""
DEVIATIONS = 3.3
"""Standard deviations by which bad calls have to exceed that, or what was usual (a chance of 1 in 2000)."""
FEWEST_BAD = 4
"""Bad calls that are not yet chance, however few there were in all (chosen)."""

Pair = tuple[str, str]
"""The service that was called and the one that called it: the ill one, and the one that it made ill."""


@dataclass(frozen=True, kw_only=True)
class CausalGraph:
    """How trouble spread from its root.

    Attributes:
        root: the service in which it began.
        edges: the calls that got worse, each as the service called and its caller.
    """

    root: str
    edges: frozenset[Pair]

    @property
    def services(self) -> frozenset[str]:
        """Those it reached, the root among them."""
        return frozenset({self.root}.union(*self.edges))


class Calls(NamedTuple):
    """What callers saw of the calls of sampled requests, in the order of their ends; one number each.

    Attributes:
        edge: the declared call that each was an instance of.
        end: nanoseconds, when the caller had its answer or gave up.
        failed: whether it failed, was refused or was given up.
        took: nanoseconds at the server, and before it in wait for a connection.
        missed: nanoseconds since the caller had its last answer, or began: with the caller's own work in between, and
            with what a call met on its way.
    """

    edge: NDArray[np.int64]
    end: NDArray[np.int64]
    failed: NDArray[np.bool_]
    took: NDArray[np.int64]
    missed: NDArray[np.int64]


def spread(cluster: Cluster, onset: int, until: int, root: str, *, healthy: Cluster | None = None) -> CausalGraph:
    """How trouble has spread from a service since it began.

    The calls between two services got worse if more of them than before were bad over some two minutes: they failed,
    were refused, or took much longer than healthy ones. Those that are connected with the root by others of the kind
    are the graph. Where a caller merely lost more time before an ill service had answered, without that service
    measuring it, the way between is part of it as well. Calls that are not made any more say nothing.

    A service is also made ill by the one that hands out its configuration, if some of its pods do not get what others
    did.

    Args:
        onset, until: nanoseconds.
        root: where trouble began.
        healthy: an earlier state of the same cluster, which may know more of the time before the onset.
    """
    after = calls_of(cluster)
    before = after if healthy is None else calls_of(healthy)
    plain = set(_left_behind(cluster, onset, until))
    lost: set[Pair] = set()
    for edge in cluster.edges:
        if edge.client == USERS:
            continue
        was = (before.edge == edge.index) & (before.end >= STARTED) & (before.end < onset)
        now = (after.edge == edge.index) & (after.end >= onset) & (after.end <= until)
        for measure, worse in (("took", plain), ("missed", lost)):
            usual, times = getattr(before, measure)[was], getattr(after, measure)[now]
            slow = _slow_from(usual)
            share = float(np.mean(before.failed[was] | (usual > slow))) if len(usual) else 0.0
            if _got_worse(share, after.end[now], after.failed[now] | (times > slow), onset, until):
                worse.add((edge.server, edge.client))
    return CausalGraph(root=root, edges=frozenset(_connected(root, plain, lost)))


def calls_of(cluster: Cluster) -> Calls:
    """The calls that sampled requests made, as far as they are still known."""
    records = Records(cluster)
    kind, caller = records.column("kind"), records.column("caller")
    told = (kind == WORKER) | (kind != REQUEST) & (caller != NOBODY)
    kept = np.flatnonzero((records.column("sampled") == SAMPLED) & told)
    column = {name: records.column(name)[kept] for name in ("number", "edge", "start", "end", "failure")}
    caller, kind = caller[kept], kind[kept]
    # What one call made its server do, in its order: the wait for a worker, and then one call of its own after another.
    waited = kind == WORKER
    whose = column["number"] << 16 | np.where(waited, column["edge"], caller)
    since = np.where(waited, column["start"], records.column("caller_start")[kept])
    order = np.lexsort((since, whose))  # stable: they were in the order of their ends
    whose, since, kind, waited = whose[order], since[order], kind[order], waited[order]
    edge, start, end, failure = (column[name][order] for name in ("edge", "start", "end", "failure"))
    first = np.ones(len(order), bool)
    first[1:] = (whose[1:] != whose[:-1]) | (since[1:] != since[:-1])
    connected = (kind == CONNECTION) & (failure == 0)
    began = np.where(first, since, _before(end))
    had_waited = _before(connected) & ~first
    took = end - start + np.where(had_waited, _before(end - start), 0)
    began = np.where(had_waited, _before(began), began)
    calls = np.flatnonzero(~waited & ~connected)
    calls = calls[np.argsort(end[calls], kind="stable")]
    return Calls(edge[calls], end[calls], failure[calls] > 0, took[calls], (end - began)[calls])


def _before(column: NDArray[Any]) -> NDArray[Any]:
    """In the place of each value the one before it."""
    return np.roll(column, 1)


def _slow_from(usual: NDArray[np.int64]) -> float:
    """Nanoseconds from which on a call is slow."""
    if len(usual) < FEWEST_BEFORE:
        return float("inf")
    place = int(USUAL * len(usual))
    long = int(np.partition(usual, place)[place])
    return float(max(2 * long, long + LONGER_BY))


def _got_worse(before: float, ends: NDArray[np.int64], bad: NDArray[np.bool_], onset: int, until: int) -> bool:
    """Whether there were two minutes in which clearly more of the calls were bad than before."""
    last = max(until - LOOK, onset)
    starts = np.arange(onset, last + 1, STEP)
    firsts, ends_at = np.searchsorted(ends, starts), np.searchsorted(ends, np.minimum(starts + LOOK, until), "right")
    so_far = np.concatenate(([0], np.cumsum(bad)))
    counts, found = ends_at - firsts, so_far[ends_at] - so_far[firsts]
    chance = max(before, ORDINARY)
    expected = counts * chance
    most = expected + DEVIATIONS * np.sqrt(expected * (1.0 - chance))
    return bool(np.any((found >= FEWEST_BAD) & (found > most) & (found >= (before + WORSE_BY) * counts)))


def _left_behind(cluster: Cluster, onset: int, until: int) -> Iterator[Pair]:
    """The owner of the configuration and the service that holds it, if a revision did not reach all pods there."""
    owner, holder = cluster.config.owner, cluster.config.holder
    if not holder or owner == holder:
        return
    for line in cluster.service(owner).log.span(onset, until):
        if line.event != "rolled_out":
            continue
        revision, pods = line.data[0], line.data[-1]
        loaded = {
            said.source
            for said in cluster.service(holder).log.span(line.at, line.at)
            if said.event == "secret_loaded" and said.data[0] == revision
        }
        if pods != len(loaded):
            yield owner, holder
            return


def _connected(root: str, plain: set[Pair], lost: set[Pair]) -> set[Pair]:
    """The pairs that hang together with the root; those in `lost` only where it is known that the one called is ill."""
    reached = {root}
    while True:
        found = {pair for pair in plain if reached & set(pair)} | {pair for pair in lost if pair[0] in reached}
        further = reached.union(*found)
        if further == reached:
            return found
        reached = further
