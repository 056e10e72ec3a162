"""How replicas start and stop, and the operations made of that: restarts, rolling deploys, scaling."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from heapq import heapify
from typing import TYPE_CHECKING

from simpy.events import Event

from ..clock import SECOND, nanoseconds
from .call import Call
from .crashes import CRASHES, START_FAILS_AFTER, BackOff, exit_code
from .failures import Failure
from .heap import Heap
from .pool import ConnectionPool
from .replica import Replica

if TYPE_CHECKING:
    from ..cluster import Cluster
    from .service import Service

ENTRYPOINT = SECOND // 2
"""Nanoseconds that what runs before a server's process takes (chosen)."""

DRAIN = 3 * SECOND
"""A pod that is told to stop gets no new calls and has this long to finish (chosen)."""


def pending_calls(cluster: Cluster) -> Iterator[Call]:
    """Every call that waits for something other than a call of its own."""
    for _, _, _, event in sorted(cluster.sim.queue, key=lambda entry: entry[2]):
        if isinstance(event, Call):
            yield event
    for service in cluster.services.values():
        for replica in service.replicas:
            yield from replica.queue
            for pool in replica.pools.values():
                for _, call in pool.waiting:
                    yield call
                if pool.transactions is not None:
                    yield from pool.transactions.waiting
            if replica.flights is not None:
                for followers in replica.flights.filling.values():
                    yield from followers
    for edge in cluster.edges:
        if edge.gate is not None:
            yield from edge.gate.waiting()


def stop(cluster: Cluster, replica: Replica, reason: str, *, code: int | None = None, words: str = "stopping") -> None:
    """The process ends at once: what it was doing is lost, its callers see the connection reset.

    Args:
        code: its exit code; the usual one for the reason, if none is given.
        words: the event that its last lines in the log are of.
    """
    service = replica.service
    replica.waiting = ""
    replica.last_exit = reason
    replica.exit_code = exit_code(reason) if code is None else code
    if not replica.alive:
        return
    replica.alive = replica.ready = replica.probed_out = False
    service.refresh_ready()
    cluster.recorder.log(service.name, replica.name, words, reason, *_unsaved(cluster, service))
    victims = _lost_calls(cluster, replica)
    replica.queue.clear()
    if replica.flights is not None:
        replica.flights = None
    for pool in replica.pools.values():
        _close(cluster, pool)
    if service.backends is not None:
        _drop_sessions(cluster, service)
        for lock in service.locks.values():
            lock.cut()
    failure = Failure.ADMIN_SHUTDOWN if service.backends is not None else Failure.RESET
    for call in victims:
        if call.parent is not None:
            cluster.executor.abandon(call, failure)
    for admission in cluster.admissions:
        admission.process_stopped(replica)


def _unsaved(cluster: Cluster, service: Service) -> Iterator[str]:
    """Whether it is a store that cannot save its keys before it ends."""
    keyspace = service.keyspace
    if keyspace is not None and not keyspace.saves.fits(keyspace.dataset_bytes, cluster.sim.now):
        yield "unsaved"


def _lost_calls(cluster: Cluster, replica: Replica) -> list[Call]:
    """The calls that die with a replica, taken out of the queue of events; what they had called goes on alone."""
    victims: dict[Call, None] = {}
    leaves: set[Call] = set()
    for leaf in list(pending_calls(cluster)):
        below: Call | None = None
        call: Call | None = leaf
        while call is not None:
            if call.replica is replica or _holds_connection_to(call, replica.service):
                victims.setdefault(call)
                if below is not None:
                    below.parent = None
                else:
                    leaves.add(call)
                if replica.service.backends is not None:
                    call.pool = None
            below = call
            call = call.parent
    _take_out(cluster, leaves)
    return list(victims)


def cancel(cluster: Cluster, service: Service, before: int) -> None:
    """Fail the calls at a service that began before an instant and wait there for nothing but work or a worker."""
    flights = [replica.flights for replica in service.replicas if replica.flights is not None]
    following = {call for flight in flights for calls in flight.filling.values() for call in calls}
    found = [call for call in pending_calls(cluster) if _at(call, service) and call.start < before]
    found = [call for call in found if call not in following]
    queued = {call for replica in service.replicas for call in replica.queue}
    _take_out(cluster, set(found))
    for replica in service.replicas:
        replica.queue = deque(call for call in replica.queue if call not in found)
    for call in sorted(found, key=lambda call: call not in queued):
        going_on = cluster.executor.fail(call, Failure.SERVER_ERROR, working=call not in queued)
        if going_on is not None:
            cluster.executor.resume(going_on)


def _take_out(cluster: Cluster, calls: set[Call]) -> None:
    """Remove calls from the queue of events, and from where they are held."""
    queue = cluster.sim.queue
    queue[:] = [entry for entry in queue if entry[3] not in calls]
    heapify(queue)
    for edge in cluster.edges:
        if edge.gate is not None:
            edge.gate.forget(calls)
    for service in cluster.services.values():
        for replica in service.replicas:
            for pool in replica.pools.values():
                if pool.transactions is not None:
                    pool.transactions.forget(calls)


def _at(call: Call, service: Service) -> bool:
    return call.replica is not None and call.replica.service is service


def _holds_connection_to(call: Call, server: Service) -> bool:
    """Whether a call has its connection to a server but has not been taken up there yet."""
    pool = call.pool
    if call.replica is not None or pool is None or pool.server is not server:
        return False
    return all(call is not waiter for _, waiter in pool.waiting)


def _close(cluster: Cluster, pool: ConnectionPool) -> None:
    pool.closed = True
    backends = pool.server.backends
    assert backends is not None
    # A server that waits for a lock does not notice that its client is gone.
    orphans = sum(lock.waiting_of(pool) for lock in pool.server.locks.values())
    backends.used -= pool.drop_all() - orphans
    for _, call in pool.waiting:
        call.parent = None
        call.pool = None
    pool.waiting.clear()
    if pool.transactions is not None:
        pool.transactions.waiting.clear()


def _drop_sessions(cluster: Cluster, server: Service) -> None:
    assert server.backends is not None
    server.backends.used = server.backends.monitoring
    if server.backends.authentication is not None:
        server.backends.authentication.stop()
    for service in cluster.services.values():
        for replica in service.replicas:
            for pool in replica.pools.values():
                if pool.server is server and not pool.closed:
                    pool.drop_all()
                    pool.filler.start()


def start(cluster: Cluster, replica: Replica, *, instantly: bool = False) -> None:
    """A fresh process from the pod template; it is ready after its start time, and slow while it warms up."""
    service = replica.service
    replica.begin(cluster.sim.now)
    replica.alive = True
    if replica.behaviour.max_heap is not None:
        replica.heap = Heap(cluster, replica, replica.behaviour.max_heap)
    if service.keyspace is not None:
        service.keyspace.begin(cluster.sim.now)
    for name, spec in service.pools.items():
        server = cluster.service(name)
        replica.pools[name] = pool = ConnectionPool(name, spec, replica, server, cluster.executor)
        if not instantly:
            pool.filler.start(nanoseconds(service.spec.start_s) // 2)
    datastore = service.backends is not None or service.keyspace is not None  # which asks nobody when it starts
    if not datastore and cluster.without_network.get(replica.node, 0) > cluster.sim.now:
        cluster.after(START_FAILS_AFTER, cluster.start_failed, replica, replica.restarts)
        return
    if service.spec.keys is not None:
        cluster.config.load(replica)
    cluster.directory.started(replica)
    for admission in cluster.admissions:
        admission.process_started(replica)
    if service.volume is not None and service.volume.full:
        cluster.after(ENTRYPOINT, cluster.entrypoint_failed, replica, replica.restarts)
        return
    if instantly:
        replica.ready = True
        service.refresh_ready()
        return
    spread = 0.7 + 0.6 * cluster.streams.uniform("start", replica.uid, replica.restarts)
    cluster.after(int(nanoseconds(service.spec.start_s) * spread), cluster.replica_ready, replica, replica.restarts)


def restart(
    cluster: Cluster, replica: Replica, reason: str, *, code: int | None = None, words: str = "stopping"
) -> None:
    """Stop at once and start again in place (what a kubelet does with a container): later, if it crashes repeatedly."""
    stop(cluster, replica, reason, code=code, words=words)
    if reason in CRASHES:
        pause = replica.back_off.crashed(cluster.sim.now)
    else:
        pause = replica.failed_starts = 0
        replica.back_off = BackOff()
    if not pause:
        replica.restarts += 1
        start(cluster, replica)
        return
    replica.waiting = "CrashLoopBackOff"
    container = replica.service.name.removesuffix("-service")
    message = f"Back-off restarting failed container {container} in pod {replica.name}"
    cluster.record_event(replica.service, replica, "Warning", "BackOff", message)
    cluster.after(pause, cluster.start_again, replica, replica.restarts)


def add_replica(cluster: Cluster, service: Service, *, instantly: bool = False) -> Replica:
    """Schedule one more pod."""
    ordinal = len(service.replicas)
    uid = cluster.next_uid()
    node = f"node-{1 + uid % 3}"
    ip = f"10.42.{1 + uid % 3}.{10 + uid % 240}"
    replica = Replica(service, uid, ordinal, cluster.pod_name(service, ordinal, uid), ip, node)
    cluster.recorder.spans.pods[uid] = replica.name
    service.replicas.append(replica)
    cluster.record_event(
        service, replica, "Normal", "Scheduled", f"Successfully assigned shop/{replica.name} to {node}"
    )
    start(cluster, replica, instantly=instantly)
    return replica


REFILL = 30 * SECOND
"""How long the pools of a restarted server are waited for (HikariCP retries within 10 s)."""


class Rollout(Event):
    """A rolling deploy: one replica at a time is drained, replaced and waited for.

    Attributes:
        left: replicas not replaced yet.
    """

    _ok = True
    _value = None
    _defused = True

    def __init__(self, cluster: Cluster, service: Service, reason: str) -> None:
        self.cluster = cluster
        self.service = service
        self.reason = reason
        self.left = list(service.replicas)
        self.current: Replica | None = None
        service.generation += 1
        cluster.operations.append(self)
        self._drain_next()

    def _arm(self, delay: int, step: str) -> None:
        self.callbacks = [getattr(self, step)]
        self.cluster.sim.push(self.cluster.sim.now + delay, self)

    def _drain_next(self) -> None:
        while self.left and self.left[0] not in self.service.replicas:
            self.left.pop(0)
        if not self.left:
            self.cluster.operations.remove(self)
            return
        self.current = self.left.pop(0)
        # The last ready replica goes on serving until it is stopped: there is nobody to take its calls.
        if len(self.service.ready) > 1:
            self.current.ready = False
            self.service.refresh_ready()
        self._arm(DRAIN, "_replace")

    def _replace(self, _: Event) -> None:
        assert self.current is not None
        if self.current in self.service.replicas:
            restart(self.cluster, self.current, self.reason)
        self._arm(SECOND, "_await_ready")

    def _await_ready(self, _: Event) -> None:
        assert self.current is not None
        if self.current.ready or self.current not in self.service.replicas:
            self._drain_next()
        else:
            self._arm(SECOND, "_await_ready")


class Recreation(Event):
    """Every replica of a service restarted at once; over when they are ready and clients' pools have been refilled.

    Those that do not come up, however often they are started, are not waited for.

    Attributes:
        until: nanoseconds, after which pools that stay short are no longer waited for.
    """

    _ok = True
    _value = None
    _defused = True

    def __init__(self, cluster: Cluster, service: Service, reason: str) -> None:
        self.cluster = cluster
        self.service = service
        cluster.operations.append(self)
        for replica in list(service.replicas):
            restart(cluster, replica, reason)
        self.until = cluster.sim.now + REFILL
        self._arm()

    def _arm(self) -> None:
        self.callbacks = [self._look]
        self.cluster.sim.push(self.cluster.sim.now + SECOND, self)

    def _look(self, _: Event) -> None:
        ready = all(replica.ready or replica.failed_starts or replica.waiting for replica in self.service.replicas)
        if ready and (self._refilled() or self.cluster.sim.now >= self.until):
            self.cluster.operations.remove(self)
        else:
            self._arm()

    def _refilled(self) -> bool:
        pools = (
            pool
            for service in self.cluster.services.values()
            for replica in service.replicas
            for pool in replica.pools.values()
        )
        return all(pool.open >= pool.size for pool in pools if pool.server is self.service)


class Scaling(Event):
    """Pods added or taken away one after another until a deployment has the wanted number.

    Attributes:
        pace: nanoseconds between one pod and the next (scheduling, image, autoscaler step; chosen).
    """

    _ok = True
    _value = None
    _defused = True

    def __init__(self, cluster: Cluster, service: Service, replicas: int, pace: int) -> None:
        self.cluster = cluster
        self.service = service
        self.replicas = replicas
        self.pace = pace
        cluster.operations.append(self)
        self._step(self)

    def _arm(self, delay: int, step: str) -> None:
        self.callbacks = [getattr(self, step)]
        self.cluster.sim.push(self.cluster.sim.now + delay, self)

    def _step(self, _: Event) -> None:
        have = len(self.service.replicas)
        if have < self.replicas:
            add_replica(self.cluster, self.service)
            self._arm(self.pace, "_step")
        elif have > self.replicas:
            replica = self.service.replicas[-1]
            replica.ready = False
            replica.draining = True
            self.service.refresh_ready()
            self._arm(DRAIN, "_remove")
        elif all(replica.ready or not replica.alive for replica in self.service.replicas):
            self.cluster.operations.remove(self)
        else:
            self._arm(SECOND, "_step")

    def _remove(self, _: Event) -> None:
        replica = self.service.replicas[-1]
        stop(self.cluster, replica, "Completed")
        self.service.replicas.pop()
        self.cluster.record_event(self.service, replica, "Normal", "Killing", "Stopping container")
        self._step(self)
