"""Random stories: a random cluster, what befalls it, and the instants at which one looks at it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

from cluster_sim.clock import MILLISECOND, SECOND, WINDOW, nanoseconds
from cluster_sim.cluster import Cluster
from cluster_sim.engine.background import pause
from cluster_sim.engine.config import SecretRevision
from cluster_sim.engine.replica import Replica
from cluster_sim.specs import ClusterSpec, PoolSpec
from tests.support.topologies import REGIMES, Regime, cluster_specs


@dataclass(frozen=True)
class Blow:
    """One thing done to a cluster, and the nanoseconds that pass until the next.

    Attributes:
        place: which of its services or calls, counted round and round.
        amount: how much of it, 0 to 1.
    """

    kind: str
    place: int
    amount: float
    wait: int


def strike(cluster: Cluster, blow: Blow) -> None:
    """Do it; what the cluster does not have is left alone."""
    services = list(cluster.services.values())
    service = services[blow.place % len(services)]
    replica = service.replicas[int(blow.amount * 7) % len(service.replicas)] if service.replicas else None
    BLOWS[blow.kind](cluster, blow, service.name, replica)


def _slow(cluster: Cluster, blow: Blow, _: str, replica: Replica | None) -> None:
    if replica is not None:
        cluster.slow_down(replica, 1 + 8 * blow.amount, until=cluster.now + int((1 + 6 * blow.amount) * SECOND))


def _pause(cluster: Cluster, blow: Blow, _: str, replica: Replica | None) -> None:
    if replica is not None:
        pause(cluster, replica, 1 + int(blow.amount * 1.5 * SECOND))


def _restart(cluster: Cluster, _: Blow, service: str, __: Replica | None) -> None:
    cluster.restart(service)


def _evict(cluster: Cluster, _: Blow, __: str, replica: Replica | None) -> None:
    if replica is not None:
        cluster.evict(replica)


def _roll(cluster: Cluster, _: Blow, service: str, __: Replica | None) -> None:
    cluster.roll(service)


def _scale(cluster: Cluster, blow: Blow, service: str, _: Replica | None) -> None:
    spec = cluster.service(service).spec
    if spec.backends is None and spec.cache is None:
        cluster.scale(service, 1 + int(blow.amount * 4), pace_s=1.0)


def _errors(cluster: Cluster, blow: Blow, service: str, _: Replica | None) -> None:
    cluster.service(service).set_error_probability(blow.amount**2)


def _timeouts(cluster: Cluster, blow: Blow, service: str, _: Replica | None) -> None:
    for edge in cluster.edges:
        if edge.server == service:
            edge.timeout = int((0.002 + blow.amount * 2) * SECOND)


def _rotate(cluster: Cluster, blow: Blow, _: str, __: Replica | None) -> None:
    if cluster.config.holder:
        cluster.config.unreachable = {0} if blow.amount < 0.5 else set()
        revision = cluster.config.current.revision + 1
        cluster.config.publish(SecretRevision(revision=revision, kid=f"kid-{revision}"))


def _flush(cluster: Cluster, _: Blow, __: str, ___: Replica | None) -> None:
    for service in cluster.services.values():
        if service.keyspace is not None:
            service.keyspace.clear()


def _policy(cluster: Cluster, blow: Blow, _: str, __: Replica | None) -> None:
    for service in cluster.services.values():
        if service.keyspace is not None:
            service.keyspace.policy = "allkeys-lru" if blow.amount < 0.7 else "noeviction"
            service.keyspace.maxmemory_bytes = 1000 + int(blow.amount * 40) * 100


def _orphans(cluster: Cluster, blow: Blow, _: str, __: Replica | None) -> None:
    for service in cluster.services.values():
        if service.keyspace is not None:
            for _block in range(int(blow.amount * 30)):
                service.keyspace.write_foreign(cluster.now)


def _drop_idle(cluster: Cluster, _: Blow, __: str, ___: Replica | None) -> None:
    for service in cluster.services.values():
        if service.backends is not None:
            cluster.drop_idle_connections(service.name)


def _pool(cluster: Cluster, blow: Blow, service: str, _: Replica | None) -> None:
    running = cluster.service(service)
    for name in running.pools:
        running.pools[name] = PoolSpec(size=1 + int(blow.amount * 12), acquire_timeout_s=0.1 + blow.amount)
    cluster.roll(service)


def _cancel(cluster: Cluster, blow: Blow, service: str, _: Replica | None) -> None:
    cluster.cancel_calls(service, longer_than_s=blow.amount / 20)


def _rate(cluster: Cluster, blow: Blow, _: str, __: Replica | None) -> None:
    cluster.workload.rate_factor = blow.amount * 3


def _branch_point(cluster: Cluster, _: Blow, __: str, ___: Replica | None) -> None:
    """Nothing is done; it is only an instant at which the cluster is left for a moment."""


BLOWS: dict[str, Callable[[Cluster, Blow, str, Replica | None], None]] = {
    "nothing": _branch_point,
    "slow": _slow,
    "pause": _pause,
    "restart": _restart,
    "evict": _evict,
    "roll": _roll,
    "scale": _scale,
    "errors": _errors,
    "timeouts": _timeouts,
    "rotate": _rotate,
    "flush": _flush,
    "policy": _policy,
    "orphans": _orphans,
    "drop_idle": _drop_idle,
    "pool": _pool,
    "cancel": _cancel,
    "rate": _rate,
}

waits = st.one_of(
    st.integers(1, 12 * SECOND),
    st.sampled_from((1, MILLISECOND, SECOND, WINDOW - 1, WINDOW, WINDOW + 1, nanoseconds(31.0))),
)
"""Nanoseconds until the next thing happens, or until one looks again."""

blows = st.builds(
    Blow,
    kind=st.sampled_from(["nothing"] * 4 + list(BLOWS)),
    place=st.integers(0, 7),
    amount=st.integers(0, 20).map(lambda twentieths: twentieths / 20),
    wait=waits,
)

quiet_blows = st.builds(Blow, kind=st.just("nothing"), place=st.just(0), amount=st.just(0.0), wait=waits)
"""Nothing is done; the run is only cut."""


@dataclass(frozen=True)
class Story:
    """A cluster and what befalls it."""

    spec: ClusterSpec
    seed: int
    noise: float
    blows: tuple[Blow, ...]


@st.composite
def stories(draw: Callable, regimes: tuple[Regime, ...] = REGIMES, blows: st.SearchStrategy[Blow] = blows) -> Story:
    """Random clusters with random things that befall them: half a minute to two minutes of simulated time."""
    return Story(
        draw(cluster_specs(regimes)),
        draw(st.integers(0, 10_000)),
        float(draw(st.sampled_from((0, 1, 1, 3)))),
        tuple(draw(st.lists(blows, min_size=1, max_size=6))),
    )


def told(story: Story, *, fast_forward: bool | Callable[[], bool]) -> Cluster:
    """The cluster after all that, by one executor or as the answer says before each stretch."""
    way = fast_forward if callable(fast_forward) else lambda: bool(fast_forward)
    cluster = Cluster(story.spec, story.seed, story.noise)
    cluster.fast_forward = way()
    for blow in story.blows:
        strike(cluster, blow)
        cluster.fast_forward = way()
        cluster.run_until(cluster.now + blow.wait)
    return cluster
