"""A cluster laid open as plain data: everything that an episode can show of it and all that decides its future.

Whatever an object holds is part of the portrait unless it is named in `_LEFT_OUT` with the reason, so that a new
attribute is compared from the day it exists.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from functools import partial
from typing import Any

import numpy as np

from cluster_sim.cluster import Cluster, Later
from cluster_sim.engine.background import Background
from cluster_sim.engine.call import Call
from cluster_sim.engine.edge import Deadlines, DeadlineTimer, Edge
from cluster_sim.engine.executor import Executor
from cluster_sim.engine.keyspace import Keyspace
from cluster_sim.engine.locks import Migration, Report
from cluster_sim.engine.pool import ConnectionPool
from cluster_sim.engine.recorder import Recorder
from cluster_sim.engine.replica import Replica, SingleFlight
from cluster_sim.engine.service import Service
from cluster_sim.engine.simulation import Simulation
from cluster_sim.engine.timer import Timer
from cluster_sim.rng import Streams
from cluster_sim.telemetry.alerts import AlertManager
from cluster_sim.telemetry.rules.rule import AlertRule
from cluster_sim.telemetry.scrape import Scraper, Target
from cluster_sim.workload import Workload

Data = Any
"""None, numbers, strings, bytes, arrays, enumerations, and lists, dictionaries and `AnyOrder` of these."""


class AnyOrder(dict[Any, Any]):
    """A dictionary whose order nothing depends on."""

    def __repr__(self) -> str:
        return repr(sorted(self.items()))


_LEFT_OUT: Mapping[type, frozenset[str]] = {
    # How the time was spent, not what happened in it.
    Cluster: frozenset({"fast_forward", "fast"}),
    # Declared, and the same for two clusters of one spec; `replicas` and `log` have a place of their own.
    Service: frozenset({"spec", "log", "replicas"}),
    Edge: frozenset({"spec", "deadlines", "breaker"}),
    Replica: frozenset({"service"}),
    # Draws that follow from the seed and the window.
    Background: frozenset({"_drawn"}),
    # Timers are seen in what is to happen when they go off.
    ConnectionPool: frozenset({"armed", "executor", "filler", "waiting"}),
    Keyspace: frozenset({"spec", "expiring"}),
    # Which has them.
    Report: frozenset({"lock"}),
    Migration: frozenset({"lock"}),
}
"""Attributes that are not part of the portrait, or not as they are."""

_NAMED: Mapping[type, Callable[[Any], str]] = {
    Cluster: lambda _: "cluster",
    Executor: lambda _: "executor",
    Simulation: lambda _: "simulation",
    Recorder: lambda _: "recorder",
    Streams: lambda streams: f"streams of {streams.seed}",
    Workload: lambda _: "workload",
    Scraper: lambda _: "scraper",
    AlertManager: lambda _: "alert manager",
    Service: lambda service: service.name,
    Replica: lambda replica: f"{replica.service.name}/{replica.uid}",
    Edge: lambda edge: f"edge {edge.index}",
    Deadlines: lambda deadlines: f"deadlines after {deadlines.timeout}",
    ConnectionPool: lambda pool: f"pool of {pool.replica.uid}.{pool.replica.restarts} to {pool.server.name}",
    Target: lambda target: f"target {target.exporter.place}",
    AlertRule: lambda rule: f"rule {rule.name}",
}
"""What stands in the portrait as a name wherever another object refers to it."""

_SECTIONS = frozenset(
    {"spec", "streams", "sim", "services", "recorder", "executor", "edges", "workload", "alerts", "scrapes"}
    | {"recordings", "metrics"}
)
"""Attributes of a cluster that `portrait` lays open one by one."""


def portrait(cluster: Cluster) -> dict[str, Data]:
    """Everything, by section."""
    own = {name: value for name, value in vars(cluster).items() if name not in _SECTIONS | _LEFT_OUT[Cluster]}
    return {
        "now": cluster.now,
        "users": _users(cluster),
        "services": {name: _service(service) for name, service in cluster.services.items()},
        "replicas": {_name(replica): _replica(replica) for replica in _replicas(cluster)},
        "pools": {_name(pool): _pool(pool) for replica in _replicas(cluster) for pool in replica.pools.values()},
        "edges": [_edge(edge) for edge in cluster.edges],
        "tokens": AnyOrder(cluster.executor.tokens),
        "deadlines": _deadlines(cluster),
        "flows": _split_flows(cluster),
        "pending": _pending(cluster),
        "cluster": {name: plain(value) for name, value in own.items()},
        "logs": {name: plain(list(service.log)) for name, service in cluster.services.items()},
        "spans": _spans(cluster),
        "scrapes": _scrapes(cluster),
        # Whoever reads them gets them in the order of their labels.
        "recordings": AnyOrder(
            {str(key): [times, values] for key, (times, values) in cluster.recordings.series.items()}
        ),
        "alerts": {"active": plain(cluster.alerts.active), "history": plain(cluster.alerts.history)},
    }


# ---------------------------------------------------------------- values


def plain(value: Any) -> Data:
    """A value as plain data; what has a name stands there by it."""
    if value is None or isinstance(value, (bool, int, float, str, bytes, array, Enum, np.generic)):
        return value
    if isinstance(value, Call):
        return call_chain(value)
    if type(value) in _NAMED:
        return _name(value)
    if isinstance(value, Mapping):
        return {_hashable(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(map(plain, value), key=repr)
    if isinstance(value, np.ndarray):
        return [str(value.dtype), *plain(value.tolist())]
    if hasattr(value, "__func__"):
        return [value.__func__.__qualname__, plain(value.__self__)]
    if isinstance(value, partial):
        return [plain(value.func), plain(value.args), plain(value.keywords)]
    if isinstance(value, Iterator):
        raise TypeError(f"an iterator is no state: {value!r}")
    if hasattr(value, "__iter__"):
        return [plain(entry) for entry in value]
    if callable(value):
        return value.__qualname__
    return _object(value)


def _hashable(key: Any) -> Any:
    if isinstance(key, tuple):
        return tuple(map(_hashable, key))
    return key if isinstance(key, (bool, int, float, str, Enum)) else str(plain(key))


def _name(value: Any) -> str:
    return _NAMED[type(value)](value)


def _object(value: Any) -> dict[str, Data]:
    """The attributes of an object; what an event wakes when it comes is told where it is pending."""
    left_out = _LEFT_OUT.get(type(value), frozenset()) | {"callbacks", "timer", "_timer"}
    slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
    fields = {name: getattr(value, name) for name in slots if hasattr(value, name)} | getattr(value, "__dict__", {})
    return {"": type(value).__name__} | {name: plain(v) for name, v in fields.items() if name not in left_out}


# ---------------------------------------------------------------- calls


def call_chain(call: Call | None) -> list[dict[str, Data]]:
    """A call, the one that waits for it, and so on up to the user or to one whose caller has given up."""
    chain = []
    while call is not None:
        fields = {name: plain(getattr(call, name)) for name in _CALL_FIELDS if hasattr(call, name)}
        chain.append(fields | _flow(call))
        call = call.parent
    return chain


_CALL_FIELDS = ("edge", "replica", "pool", "start", "pc", "items", "attempt", "retry", "row")


def _flow(call: Call) -> dict[str, Data]:
    flow = call.flow
    return {f"flow.{name}": getattr(flow, name) for name in ("number", "user", "endpoint", "sampled", "start")}


def waiting_calls(cluster: Cluster) -> Iterator[Call]:
    """Every call that waits for something other than a call of its own."""
    for *_, event in sorted(cluster.sim.queue, key=lambda entry: entry[:3]):
        if isinstance(event, Call):
            yield event
    for replica in _replicas(cluster):
        yield from replica.queue
        for pool in replica.pools.values():
            for _, call in pool.waiting:
                yield call
        if replica.flights is not None:
            for followers in replica.flights.filling.values():
                yield from followers


def _split_flows(cluster: Cluster) -> list[int]:
    """Requests whose calls do not share one `Flow`: what is noted of the request would be lost on some of them."""
    flows: dict[int, set[int]] = {}
    for leaf in waiting_calls(cluster):
        call: Call | None = leaf
        while call is not None:
            flows.setdefault(call.flow.number, set()).add(id(call.flow))
            call = call.parent
    return sorted(number for number, objects in flows.items() if len(objects) > 1)


def _deadlines(cluster: Cluster) -> list[Data]:
    """The calls that have a deadline, as they fall due. Those that have ended, and the timer's wake-ups, do not count.

    A live call that no timer would wake is told of as such.
    """
    wakes = {id(event.owner): at for at, _, _, event in cluster.sim.queue if isinstance(event, DeadlineTimer)}
    queues = {id(edge.deadlines): edge.deadlines for edge in cluster.edges}
    queues |= {id(deadlines): deadlines for deadlines in cluster.executor._deadlines.values()}
    found: list[tuple[int, int, Data]] = []
    for deadlines in queues.values():
        for call in deadlines.calls:
            if call.parent is not None:
                due = deadlines.asked.get(call, call.start) + deadlines.timeout
                woken = deadlines.armed and wakes.get(id(deadlines), due + 1) <= due
                found.append((due, deadlines.timeout, [woken, *call_chain(call)]))
    return [list(entry) for entry in sorted(found, key=lambda entry: entry[:2])]


# ---------------------------------------------------------------- what is to come


def _pending(cluster: Cluster) -> list[Data]:
    """The events to come, in their order. Timers of deadlines and of waits are seen in those who have them."""
    events = []
    for at, _, _, event in sorted(cluster.sim.queue, key=lambda entry: entry[:3]):
        if isinstance(event, Timer) and isinstance(event.owner, (Deadlines, ConnectionPool)):
            continue
        events.append([at, _event(event)])
    return events


def _event(event: Any) -> Data:
    if isinstance(event, Call):
        return call_chain(event)
    if isinstance(event, Later):
        return [plain(event.function), plain(event.args)]
    wakes = [callback.__func__.__name__ for callback in event.callbacks]
    woken = event.owner if isinstance(event, Timer) else event
    if type(woken) in _NAMED:
        return [_name(woken), wakes]
    return [_object(woken) | {"callbacks": wakes}]


# ---------------------------------------------------------------- the cluster, part by part


def _replicas(cluster: Cluster) -> Iterator[Replica]:
    for service in cluster.services.values():
        yield from service.replicas


def _users(cluster: Cluster) -> dict[str, Data]:
    workload = cluster.workload
    names = ("arrived", "window", "next_at", "expected", "rate_factor", "spread", "rate_hz", "users")
    recorder = cluster.recorder
    return {name: getattr(workload, name) for name in names} | {
        "finished": recorder.finished,
        "zombies": recorder.zombies,
        "outcomes": AnyOrder(plain(recorder.outcomes)),
        "failures": AnyOrder({window: AnyOrder(statuses) for window, statuses in recorder.failures.items()}),
    }


def _service(service: Service) -> dict[str, Data]:
    keyspace = service.keyspace
    return _object(service) | {
        "keyspace": None if keyspace is None else _keyspace(keyspace),
        "pods": [_name(replica) for replica in service.replicas],
    }


def _edge(edge: Edge) -> dict[str, Data]:
    return _object(edge) | {"timeout": edge.timeout, "failures": AnyOrder(edge.failures)}


def _keyspace(keyspace: Keyspace) -> dict[str, Data]:
    """The keys in their order, which decides on evictions under a policy that can be chosen at any time."""
    entries = keyspace.entries
    # A key that was written again is swept when its last time has come; what stands there of earlier times is dead.
    expiring = dict.fromkeys((at, key) for at, key in keyspace.expiring if entries.get(key) == at)
    return _object(keyspace) | {"expiring": plain(list(expiring))}


def _replica(replica: Replica) -> dict[str, Data]:
    flights = replica.flights
    return _object(replica) | {
        "flights": None if flights is None else _flights(flights),
        "breakers": AnyOrder({index: plain(breaker) for index, breaker in replica.breakers.items()}),
    }


def _flights(flights: SingleFlight) -> dict[str, Data]:
    return {
        "filling": {key: plain(followers) for key, followers in flights.filling.items()},
        "leading": [[call_chain(call), list(keys)] for call, keys in flights.leading.items()],
        "following": [[call_chain(call), list(keys)] for call, keys in flights.following.items()],
    }


def _pool(pool: ConnectionPool) -> dict[str, Data]:
    filler = {name: value for name, value in _object(pool.filler).items() if name != "pool"}
    return _object(pool) | {
        "filler": filler,
        "waiting": [[due, call_chain(call)] for due, call in pool.waiting],
        "nobody wakes them": bool(pool.waiting) and not pool.armed,
    }


def _spans(cluster: Cluster) -> dict[str, Data]:
    spans = cluster.recorder.spans
    return {"records": bytes(spans.packed()), "kept": [spans._window, *spans._kept], "pods": plain(spans.pods)}


def _scrapes(cluster: Cluster) -> dict[str, Data]:
    found: dict[str, Data] = {"stopped": cluster.scrapes.stopped}
    for number, target in enumerate(cluster.scrapes.targets):
        blocks = [[plain(b.key), b.up, b.histograms, b.width, b.times, b.counts, b.values] for b in target.blocks]
        found[f"{number}: {_name(target)}"] = {"ended": target.ended, "blocks": blocks}
    return found
