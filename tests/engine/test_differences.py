"""The comparison of clusters that other tests rely on finds every difference, and none where there is none."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import cache
from heapq import heapify
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from simpy.events import NORMAL

from cluster_sim import FAULTS, seven_services
from cluster_sim.cluster import Cluster
from cluster_sim.engine.call import Call, flow_of
from cluster_sim.engine.edge import DeadlineTimer
from cluster_sim.engine.failures import Failure
from cluster_sim.engine.keyspace import Keyspace
from cluster_sim.engine.replica import Replica
from cluster_sim.engine.spans import SpanLog
from tests.support.clusters import digest
from tests.support.equality import differences
from tests.support.portrait import waiting_calls
from tests.support.storms import shop


@cache
def _saved(name: str) -> bytes:
    cluster = Cluster(shop() if name == "shop" else seven_services(60), 11)
    cluster.run_for(40.3)
    if name == "shop":
        cluster.service("database").replicas[0].set_slow(12.0)
        cluster.service("authority").replicas[0].set_slow(100.0)
        cluster.roll("web")
        cluster.run_for(1.5)
    else:
        FAULTS["redis_maxmemory_orphan_keys"].inject(cluster)
        cluster.run_for(260)
    return cluster.snapshot()


def crowded() -> Cluster:
    """The small cluster in trouble: calls wait for work, workers, connections and each other's fills."""
    return Cluster.restore(_saved("shop"))


def watched() -> Cluster:
    """The seven services with alerts that fire."""
    return Cluster.restore(_saved("seven"))


def _keyspace(cluster: Cluster) -> Keyspace:
    keyspace = cluster.service("store").keyspace
    assert keyspace is not None
    return keyspace


def _replica(cluster: Cluster) -> Replica:
    return cluster.service("web").replicas[0]


def _a_call(cluster: Cluster, suits: Callable[[Call], bool] = lambda _: True) -> Call:
    """A call that waits for a call of its own."""
    return next(
        leaf.parent for leaf in waiting_calls(cluster) if leaf.parent is not None and suits(leaf.parent)
    )  # fmt: skip


# ---------------------------------------------------------------- one thing is different


def counter(cluster: Cluster) -> None:
    _replica(cluster).busy += 1


def histogram(cluster: Cluster) -> None:
    _replica(cluster).served[0][3] += 1


def failure_counted(cluster: Cluster) -> None:
    cluster.edges[0].failures[Failure.RESET] = 1


def order_of_failures(cluster: Cluster) -> None:
    """The order in which a pod first had them is that of its series."""
    failed = _replica(cluster).failed
    assert len(failed) > 1
    first = next(iter(failed))
    failed[first] = failed.pop(first)


def outcome(cluster: Cluster) -> None:
    cluster.recorder.outcomes[1][0][1] -= 1


def zombie(cluster: Cluster) -> None:
    cluster.recorder.zombies += 1


def arrival(cluster: Cluster) -> None:
    cluster.workload.arrived += 1


def log_record(cluster: Cluster) -> None:
    fresh = cluster.service("web").log.fresh
    fresh[-1] = fresh[-1]._replace(data=(*fresh[-1].data, 0))


def order_of_log(cluster: Cluster) -> None:
    fresh = cluster.service("web").log.fresh
    fresh[-1], fresh[-2] = fresh[-2], fresh[-1]


def _rewrite_spans(cluster: Cluster, rows: NDArray[Any]) -> None:
    spans = SpanLog()
    spans.pods = cluster.recorder.spans.pods
    spans.extend(rows)
    cluster.recorder.spans = spans


def span(cluster: Cluster) -> None:
    rows = cluster.recorder.spans.rows().copy()
    rows["end"][70] += 1
    _rewrite_spans(cluster, rows)


def lost_span(cluster: Cluster) -> None:
    _rewrite_spans(cluster, cluster.recorder.spans.rows()[:-1])


def _place_of_a_call(cluster: Cluster) -> int:
    return next(place for place, entry in enumerate(cluster.sim.queue) if isinstance(entry[3], Call))


def pending_event(cluster: Cluster) -> None:
    place = _place_of_a_call(cluster)
    at, priority, sequence, event = cluster.sim.queue[place]
    cluster.sim.queue[place] = (at + 1, priority, sequence, event)


def forgotten_event(cluster: Cluster) -> None:
    del cluster.sim.queue[_place_of_a_call(cluster)]


def order_at_one_instant(cluster: Cluster) -> None:
    """Two events trade places that come at the same instant."""
    queue = cluster.sim.queue
    one, other = sorted(queue, key=lambda entry: entry[:3])[-2:]
    queue.remove(one)
    queue.remove(other)
    queue += [(10**18, NORMAL, 1, one[3]), (10**18, NORMAL, 2, other[3])]


def place_in_program(cluster: Cluster) -> None:
    next(waiting_calls(cluster)).pc += 1


def items_of_a_call(cluster: Cluster) -> None:
    call = _a_call(cluster, lambda call: bool(call.items))
    call.items = call.items[1:]


def start_of_a_caller(cluster: Cluster) -> None:
    _a_call(cluster, lambda call: call.replica is not None).start -= 1


def draws_of_a_call(cluster: Cluster) -> None:
    call = _a_call(cluster)
    call.row = [*call.row[:-1], call.row[-1] + 1]


def split_flow(cluster: Cluster) -> None:
    """A caller and its call hold equal flows that are not one: what is noted of one is not seen by the other."""
    leaf = next(leaf for leaf in waiting_calls(cluster) if leaf.parent is not None)
    flow = leaf.flow
    leaf.flow = flow_of(flow.number, flow.user, flow.endpoint, flow.sampled, flow.start)


def deadline(cluster: Cluster) -> None:
    calls = next(edge.deadlines.calls for edge in cluster.edges if any(c.parent for c in edge.deadlines.calls))
    calls.remove(next(call for call in calls if call.parent is not None))


def timer_of_deadlines(cluster: Cluster) -> None:
    """Calls have deadlines, but nothing will happen at them."""
    deadlines = next(e.deadlines for e in cluster.edges if any(c.parent for c in e.deadlines.calls))
    queue = cluster.sim.queue
    queue[:] = [entry for entry in queue if getattr(entry[3], "owner", None) is not deadlines]


def queue_of_a_replica(cluster: Cluster) -> None:
    queue = next(r.queue for s in cluster.services.values() for r in s.replicas if len(r.queue) > 1)
    queue.rotate(1)


def free_worker(cluster: Cluster) -> None:
    _replica(cluster).free -= 1


def idle_connection(cluster: Cluster) -> None:
    _replica(cluster).pools["database"].idle += 1


def waited(cluster: Cluster) -> None:
    _replica(cluster).pools["database"].waited += 1


def waiting_for_a_connection(cluster: Cluster) -> None:
    pools = [pool for s in cluster.services.values() for r in s.replicas for pool in r.pools.values()]
    next(pool for pool in pools if pool.waiting).waiting.popleft()


def slot(cluster: Cluster) -> None:
    backends = cluster.service("database").backends
    assert backends is not None
    backends.used += 1


def breaker(cluster: Cluster) -> None:
    found = [b for s in cluster.services.values() for r in s.replicas for b in r.breakers.values() if b.outcomes]
    found[0].outcomes = deque(not outcome for outcome in found[0].outcomes)


def validation(cluster: Cluster) -> None:
    validations = cluster.service("authority").replicas[0].validations
    validations[next(iter(validations))] += 1


def signing_key(cluster: Cluster) -> None:
    keys = cluster.service("authority").replicas[0].keys
    assert keys is not None
    keys.verifying["another"] = None


def token(cluster: Cluster) -> None:
    tokens = cluster.executor.tokens
    user = next(iter(tokens))
    kid, expires = tokens[user]
    tokens[user] = (kid, expires + 1)


def cache_entry(cluster: Cluster) -> None:
    entries = _keyspace(cluster).entries
    entries[next(iter(entries))] += 1


def order_of_cache_entries(cluster: Cluster) -> None:
    entries = _keyspace(cluster).entries
    first = next(iter(entries))
    entries[first] = entries.pop(first)


def expiry(cluster: Cluster) -> None:
    """An entry that will never be swept."""
    keyspace = _keyspace(cluster)
    keyspace.expiring = deque(p for p in keyspace.expiring if keyspace.entries.get(p[1]) != p[0])


def cache_counter(cluster: Cluster) -> None:
    _keyspace(cluster).expired += 1


def fill_in_progress(cluster: Cluster) -> None:
    flights = [r.flights for r in cluster.service("stock").replicas if r.flights is not None and r.flights.filling]
    flights[0].filling.pop(next(iter(flights[0].filling)))


def turn(cluster: Cluster) -> None:
    cluster.service("database").turn += 1


def background_errors(cluster: Cluster) -> None:
    cluster.service("web").error_threshold += 1


def retry_budget(cluster: Cluster) -> None:
    cluster.edges[0].tokens += 1e-12


def kind_of_number(cluster: Cluster) -> None:
    """A number of numpy where there was one of Python: equal, but not in a snapshot."""
    replica = _replica(cluster)
    replica.busy = np.int64(replica.busy)  # type: ignore[assignment]


def rollout(cluster: Cluster) -> None:
    cluster.operations[0].left.pop()  # type: ignore[attr-defined]


def new_attribute(cluster: Cluster) -> None:
    """Nobody has told the comparison about it."""
    _replica(cluster).temperature = 20  # type: ignore[attr-defined]


def scraped_value(cluster: Cluster) -> None:
    cluster.scrapes.targets[-1].blocks[-1].values[0] += 1


def scraped_count(cluster: Cluster) -> None:
    target = next(t for t in cluster.scrapes.targets if t.blocks and len(t.blocks[-1].counts))
    target.blocks[-1].counts[0] += 1


def time_of_scrape(cluster: Cluster) -> None:
    cluster.scrapes.targets[0].blocks[-1].times[0] += 1


def recorded_sample(cluster: Cluster) -> None:
    samples = next(iter(cluster.recordings.series.values()))
    samples.values[-1] += 1e-9


def alert(cluster: Cluster) -> None:
    cluster.alerts.active[0].value += 1e-9


def alert_in_history(cluster: Cluster) -> None:
    cluster.alerts.history.append(cluster.alerts.active[0])


IN_A_CROWD = (
    *(counter, histogram, failure_counted, order_of_failures, outcome, zombie, arrival, log_record, order_of_log),
    *(span, lost_span, pending_event, forgotten_event, order_at_one_instant, place_in_program, items_of_a_call),
    *(start_of_a_caller, draws_of_a_call, split_flow, deadline, timer_of_deadlines, queue_of_a_replica, free_worker),
    *(idle_connection, waited, waiting_for_a_connection, slot, breaker, validation, signing_key, token, cache_entry),
    *(order_of_cache_entries, expiry, cache_counter, fill_in_progress, turn, background_errors, retry_budget),
    *(kind_of_number, rollout, new_attribute, scraped_value, scraped_count, time_of_scrape),
)


@pytest.mark.parametrize("change", IN_A_CROWD)
def test_one_thing_that_is_different_is_found(change: Callable[[Cluster], None]) -> None:
    one, other = crowded(), crowded()
    change(other)
    assert differences(one, other)
    assert digest(one) != digest(other)


@pytest.mark.parametrize("change", [recorded_sample, alert, alert_in_history])
def test_a_different_record_of_a_rule_is_found(change: Callable[[Cluster], None]) -> None:
    one, other = watched(), watched()
    change(other)
    assert differences(one, other)


# ---------------------------------------------------------------- nothing is different


@pytest.mark.parametrize("make", [crowded, watched])
def test_a_copy_is_no_different(make: Callable[[], Cluster]) -> None:
    cluster = make()
    assert differences(cluster, make()) == []
    assert differences(cluster, cluster.branch()) == []
    assert digest(cluster) == digest(cluster.branch())


def numbers_of_events(cluster: Cluster) -> None:
    """All events are put on the queue anew, in their order."""
    queue = sorted(cluster.sim.queue, key=lambda entry: entry[:3])
    cluster.sim.sequence += 1000
    cluster.sim.queue[:] = [
        (at, priority, cluster.sim.sequence + place, event) for place, (at, priority, _, event) in enumerate(queue)
    ]
    cluster.sim.sequence += len(queue)


def deadlines_of_ended_calls(cluster: Cluster) -> None:
    for edge in cluster.edges:
        calls = edge.deadlines.calls
        for call in [call for call in calls if call.parent is None]:
            calls.remove(call)


def idle_timers(cluster: Cluster) -> None:
    """Timers of deadlines that nobody has any more."""
    queue = cluster.sim.queue
    for *_, event in list(queue):
        if isinstance(event, DeadlineTimer) and not any(call.parent for call in event.owner.calls):
            event.owner.calls.clear()
            event.owner.armed = False
            queue[:] = [entry for entry in queue if entry[3] is not event]
    heapify(queue)


def overwritten_expiries(cluster: Cluster) -> None:
    """Times at which a key would have expired that was written again since."""
    keyspace = _keyspace(cluster)
    keyspace.expiring = deque(p for p in keyspace.expiring if keyspace.entries.get(p[1]) == p[0])


def packed_spans(cluster: Cluster) -> None:
    spans = cluster.recorder.spans
    spans.extend(spans.rows()[:0])


def forgotten_draws(cluster: Cluster) -> None:
    """They can be made again."""
    cluster.workload.rows = []


@pytest.mark.parametrize(
    "change",
    [
        numbers_of_events,
        deadlines_of_ended_calls,
        idle_timers,
        overwritten_expiries,
        packed_spans,
        forgotten_draws,
    ],
)
def test_what_makes_no_difference_is_none(change: Callable[[Cluster], None]) -> None:
    one, other = crowded(), crowded()
    change(other)
    assert differences(one, other) == []
    for cluster in (one, other):
        cluster.run_for(20)
    assert differences(one, other) == []


def test_the_place_and_both_values_of_a_difference_are_told() -> None:
    one, other = crowded(), crowded()
    other.service("web").replicas[1].busy += 7
    (line,) = differences(one, other)
    busy = one.service("web").replicas[1].busy
    assert line == f"/replicas/web/2/busy: {busy} | {busy + 7}"
