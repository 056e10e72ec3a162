"""The table that proves the incidents: loads, users' experience, time to page, and what every remediation does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from statistics import mean, median

from .clock import SECOND, WINDOW
from .cluster import Cluster
from .engine.replica import SUM
from .faults import FAULTS, TASK_FAULTS
from .incident import HISTORY_S, begin
from .recovery import good_share, judge
from .remediations import REMEDIATIONS
from .services import seven_services
from .telemetry.alerts import Severity

HEALTHY_S = 300
"""Seconds before the onset over which the healthy figures are taken."""
FAULTY_S = 180
"""Seconds after the page, untouched, over which the faulty figures are taken; then a remediation is applied."""


@dataclass(frozen=True)
class Load:
    """How busy the cluster is over a span.

    Attributes:
        workers: service → share of its workers held, ρ. Above 1 the rest is the queue for them.
        pools: client → share of its connections to the database in use, ρ; above 1 likewise.
        slots: share of max_connections that is taken, at the end.
        hit_ratio: of the cache.
        users: share of good answers to users, of all and of each endpoint.
    """

    workers: dict[str, float]
    pools: dict[str, float]
    slots: float
    hit_ratio: float
    users: float
    endpoints: tuple[float, ...]


@dataclass(frozen=True)
class Trial:
    """One remediation on one seed.

    Attributes:
        meanwhile: share of good answers from the order to the end of settling.
        afterwards: share of good answers over the worst minute of the hold time.
    """

    toward: bool
    safe: bool
    held: bool
    meanwhile: float
    afterwards: float
    took_s: float


@dataclass(frozen=True)
class SeedProof:
    """One incident on one seed."""

    seed: int
    page_s: float
    pages: tuple[str, ...]
    healthy: Load
    faulty: Load
    trials: dict[str, Trial]


def prove(fault_name: str, seed: int, remediations: Iterable[str] = REMEDIATIONS) -> SeedProof:
    """Play one incident, and every remediation on a copy of it."""
    fault = FAULTS[fault_name]
    undisturbed = Cluster(seven_services(), seed)
    undisturbed.run_for(HISTORY_S - HEALTHY_S)
    healthy = _load(undisturbed, HEALTHY_S)
    incident = begin(seven_services(), fault, seed)
    cluster = incident.cluster
    pages = tuple(alert.name for alert in cluster.alerts.firing(Severity.PAGE))
    faulty = _load(cluster, FAULTY_S)
    snapshot = cluster.snapshot()
    trials = {}
    for name in remediations:
        branch = Cluster.restore(snapshot)
        distance = fault.distance(branch)
        ordered = branch.now
        REMEDIATIONS[name].carry_out(branch)
        verdict = judge(branch, fault)
        trials[name] = Trial(
            toward=fault.distance(branch) < distance,
            safe=verdict.safe,
            held=verdict.held,
            meanwhile=good_share(_answers(branch, ordered)),
            afterwards=verdict.worst_minute,
            took_s=(branch.now - ordered) / SECOND,
        )
    return SeedProof(seed, (incident.paged - incident.onset) / SECOND, pages, healthy, faulty, trials)


def _load(cluster: Cluster, span_s: float) -> Load:
    """Let a span pass, untouched, and measure it."""
    began = cluster.now
    before = _held(cluster), _store(cluster)
    cluster.run_for(span_s)
    after = _held(cluster), _store(cluster)
    held = {key: (after[0][key] - before[0][key]) / (span_s * SECOND) for key in before[0]}
    lookups, hits = (new - old for new, old in zip(after[1], before[1], strict=True))
    backends = cluster.service("postgres-db").backends
    assert backends is not None
    sizes = {
        service.name: sum(pool.size for replica in service.replicas for pool in replica.pools.values())
        for service in cluster.services.values()
    }
    counts = _answers(cluster, began)
    return Load(
        workers={
            name: held[name] / sum(replica.workers for replica in service.replicas)
            for name, service in cluster.services.items()
        },
        pools={name: held[f"{name} pool"] / size for name, size in sizes.items() if size},
        slots=backends.used / backends.max_connections,
        hit_ratio=hits / lookups if lookups else 0.0,
        users=good_share(counts),
        endpoints=tuple(good / answered if answered else 1.0 for answered, good in counts),
    )


def _held(cluster: Cluster) -> dict[str, int]:
    """Nanoseconds for which the workers of each service, and the connections of each client, have been held."""
    held = {name: 0 for name in cluster.services} | {f"{name} pool": 0 for name in cluster.services}
    for edge in cluster.edges:
        for replica in cluster.service(edge.server).replicas:
            spent = replica.served[edge.slot][SUM]
            spent += sum(h[SUM] for (slot, _), h in replica.failed.items() if slot == edge.slot)
            held[edge.server] += spent
            if edge.server == "postgres-db":
                held[f"{edge.client} pool"] += spent
    return held


def _store(cluster: Cluster) -> tuple[int, int]:
    keyspace = cluster.service("redis-cache").keyspace
    assert keyspace is not None
    return keyspace.hits + keyspace.misses, keyspace.hits


def _answers(cluster: Cluster, since: int) -> list[tuple[int, int]]:
    return cluster.recorder.outcome(since - since % WINDOW, cluster.now)


# ---------------------------------------------------------------- the page


def tables(seeds: range, workers: int | None = None) -> Iterator[str]:
    """The proof of every fault as Markdown, line by line."""
    for name in TASK_FAULTS:
        with ProcessPoolExecutor(workers) as pool:
            proofs = list(pool.map(prove, [name] * len(seeds), seeds))
        yield from _table(name, proofs)


def _table(name: str, proofs: list[SeedProof]) -> Iterator[str]:
    fault = FAULTS[name]
    yield f"## {name}"
    yield ""
    yield f"Root cause {fault.service}, mechanism {fault.mechanism}, {len(proofs)} seeds."
    yield ""
    times = [proof.page_s for proof in proofs]
    yield f"Time from onset to the page: median {median(times):.0f} s, from {min(times):.0f} to {max(times):.0f} s."
    first: dict[str, int] = {}
    for proof in proofs:
        for page in proof.pages:
            first[page] = first.get(page, 0) + 1
    shown = ", ".join(f"{page} {count}/{len(proofs)}" for page, count in sorted(first.items(), key=lambda e: -e[1]))
    yield f"Pages firing at that moment: {shown}."
    yield ""
    yield "| load ρ (mean of the seeds) | healthy | faulty |"
    yield "|---|---|---|"
    for service in proofs[0].healthy.workers:
        healthy = mean(proof.healthy.workers[service] for proof in proofs)
        faulty = mean(proof.faulty.workers[service] for proof in proofs)
        yield f"| {service}, workers | {healthy:.4f} | {faulty:.4f} |"
    for client in proofs[0].healthy.pools:
        healthy = mean(proof.healthy.pools[client] for proof in proofs)
        faulty = mean(proof.faulty.pools[client] for proof in proofs)
        yield f"| {client}, connections to postgres-db | {healthy:.4f} | {faulty:.4f} |"
    yield _row("postgres-db, connection slots", proofs, "slots")
    yield _row("cache hit ratio", proofs, "hit_ratio")
    yield _row("good answers to users", proofs, "users")
    for i, endpoint in enumerate(seven_services().endpoints):
        healthy = mean(proof.healthy.endpoints[i] for proof in proofs)
        faulty = mean(proof.faulty.endpoints[i] for proof in proofs)
        yield f"| … of {endpoint.name} | {healthy:.3f} | {faulty:.3f} |"
    yield ""
    yield (
        "| remediation | root safe | users held | fix line paid | toward safe | good answers meanwhile "
        "| worst minute after | takes |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    count = len(proofs)
    for remediation in proofs[0].trials:
        trials = [proof.trials[remediation] for proof in proofs]
        paid = sum(trial.safe and trial.held for trial in trials)
        yield (
            f"| {remediation} | {sum(t.safe for t in trials)}/{count} | {sum(t.held for t in trials)}/{count} "
            f"| {paid}/{count} | {sum(t.toward for t in trials)}/{count} | {mean(t.meanwhile for t in trials):.3f} "
            f"| {mean(t.afterwards for t in trials):.3f} | {mean(t.took_s for t in trials):.0f} s |"
        )
    yield ""


def _row(label: str, proofs: list[SeedProof], field: str) -> str:
    healthy = mean(getattr(proof.healthy, field) for proof in proofs)
    faulty = mean(getattr(proof.faulty, field) for proof in proofs)
    return f"| {label} | {healthy:.3f} | {faulty:.3f} |"
