"""What an application pod exposes: its requests, pools, breakers, runtime, tokens and configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...clock import SECOND, unix_s
from ...engine.failures import STATUS
from ...engine.recorder import GOOD
from ...specs import Language
from ..identity import checksum
from .page import MetricSpec, Page, Target, listening, pod_target

if TYPE_CHECKING:
    from ...cluster import Cluster
    from ...engine.pool import ConnectionPool
    from ...engine.replica import Replica

REQUESTS = MetricSpec(
    name="http_server_request_duration_seconds", help="Duration of HTTP server requests.", kind="histogram"
)
ACTIVE_REQUESTS = MetricSpec(name="http_server_active_requests", help="Number of active HTTP server requests.")

START_TIME = MetricSpec(
    name="process_start_time_seconds",
    help="Start time of the process since unix epoch in seconds.",
    detailed=False,
)
CPU = MetricSpec(
    name="process_cpu_seconds", help="Total user and system CPU time spent in seconds.", kind="counter", detailed=False
)

BUSY_THREADS = MetricSpec(
    name="tomcat_threads_busy_threads", help="Threads that are serving a request.", detailed=False
)
MAX_THREADS = MetricSpec(name="tomcat_threads_config_max_threads", help="Threads there may be.")
GC_PAUSE = MetricSpec(name="jvm_gc_pause_seconds", help="Time spent in GC pause.", kind="summary")

HIKARI = MetricSpec(name="hikaricp_connections", help="Total connections.")
HIKARI_ACTIVE = MetricSpec(name="hikaricp_connections_active", help="Active connections.")
HIKARI_IDLE = MetricSpec(name="hikaricp_connections_idle", help="Idle connections.", detailed=False)
HIKARI_PENDING = MetricSpec(name="hikaricp_connections_pending", help="Pending threads.")
HIKARI_MAX = MetricSpec(name="hikaricp_connections_max", help="Max connections.")
HIKARI_MIN = MetricSpec(name="hikaricp_connections_min", help="Min connections.", detailed=False)
HIKARI_TIMEOUTS = MetricSpec(
    name="hikaricp_connections_timeout", help="Connection acquisitions that timed out.", kind="counter"
)
HIKARI_ACQUIRE = MetricSpec(
    name="hikaricp_connections_acquire_seconds", help="Connection acquire time.", kind="summary", detailed=False
)

POOL_COUNT = MetricSpec(
    name="db_client_connection_count", help="The number of connections that are currently in the state of the label."
)
POOL_MAX = MetricSpec(name="db_client_connection_max", help="The maximum number of open connections allowed.")
POOL_PENDING = MetricSpec(
    name="db_client_connection_pending_requests", help="The number of current pending requests for an open connection."
)
POOL_TIMEOUTS = MetricSpec(
    name="db_client_connection_timeouts", help="Attempts to get a connection that timed out.", kind="counter"
)

BREAKER_STATE = MetricSpec(
    name="resilience4j_circuitbreaker_state",
    help="The states of the circuit breaker: 1 for the one it is in.",
    states=True,
)
BREAKER_REFUSED = MetricSpec(
    name="resilience4j_circuitbreaker_not_permitted_calls",
    help="Calls that were not permitted because the circuit breaker was open.",
    kind="counter",
)
BREAKER_RATE = MetricSpec(
    name="resilience4j_circuitbreaker_failure_rate",
    help="The failure rate of the circuit breaker in percent, -1 below its minimum of calls.",
)
BREAKER_BUFFERED = MetricSpec(
    name="resilience4j_circuitbreaker_buffered_calls",
    help="Calls stored in the circuit breaker's sliding window.",
    detailed=False,
)

VALIDATIONS = MetricSpec(
    name="auth_token_validation", help="Tokens checked, by result and by the id of their key.", kind="counter"
)
CONFIG_VERSION = MetricSpec(
    name="config_version_info", help="The revision of the signing configuration in use, with its checksum."
)
CONFIG_RELOADED = MetricSpec(
    name="config_last_reload_success_timestamp_seconds", help="When the configuration in use was loaded."
)

BREAKER_STATES = ("closed", "half_open", "open")


def write(page: Page, cluster: Cluster, replica: Replica) -> None:
    """Everything that one pod exposes."""
    spec = replica.service.spec
    target = pod_target(page, replica, job=spec.name, port=spec.port, container=spec.name.removesuffix("-service"))
    up = listening(replica)
    if up:
        _requests(target, cluster, replica)
        _process(target, replica)
        for pool in replica.pools.values():
            if spec.language is Language.JAVA:
                _hikari(target, pool)
            else:
                _pool(target, pool)
        _breakers(target, cluster, replica)
        _tokens(target, replica)
    target.close(up=up)


def _requests(target: Target, cluster: Cluster, replica: Replica) -> None:
    totals: dict[tuple[str, str, int], list[int]] = {}
    edges = [edge for edge in cluster.edges if edge.server == replica.service.name]
    for edge in edges:
        _add(totals, (edge.method, edge.route, GOOD), replica.served[edge.slot])
    by_slot = {edge.slot: edge for edge in edges}
    for (slot, failure), histogram in replica.failed.items():
        edge = by_slot[slot]
        _add(totals, (edge.method, edge.route, STATUS[failure]), histogram)
    for (method, route, status), histogram in sorted(totals.items()):
        if not any(histogram):
            continue
        labels = {
            "http_request_method": method,
            "http_route": route,
            "http_response_status_code": str(status),
            "url_scheme": "http",
        }
        if status >= 500:
            labels["error_type"] = str(status)
        target.write_histogram(REQUESTS, histogram, labels)
    target.write(ACTIVE_REQUESTS, replica.in_flight, {"url_scheme": "http"})


def _add(totals: dict[tuple[str, str, int], list[int]], key: tuple[str, str, int], histogram: list[int]) -> None:
    total = totals.get(key)
    totals[key] = histogram.copy() if total is None else [a + b for a, b in zip(total, histogram, strict=True)]


def _process(target: Target, replica: Replica) -> None:
    target.write(START_TIME, unix_s(replica.started))
    target.write(CPU, replica.busy / SECOND)
    if replica.service.spec.language is Language.JAVA:
        threads = {"name": f"http-nio-{replica.service.spec.port}"}
        target.write(BUSY_THREADS, replica.workers - replica.free, threads)
        target.write(MAX_THREADS, replica.workers, threads)
        target.write_summary(GC_PAUSE, replica.pauses, replica.paused / SECOND)


def _hikari(target: Target, pool: ConnectionPool) -> None:
    labels = {"pool": "HikariPool-1"}
    target.write(HIKARI, pool.open, labels)
    target.write(HIKARI_ACTIVE, pool.active, labels)
    target.write(HIKARI_IDLE, pool.idle, labels)
    target.write(HIKARI_PENDING, len(pool.waiting), labels)
    target.write(HIKARI_MAX, pool.size, labels)
    target.write(HIKARI_MIN, pool.size, labels)
    target.write(HIKARI_TIMEOUTS, pool.timeouts, labels)
    target.write_summary(HIKARI_ACQUIRE, pool.acquired, pool.waited / SECOND, labels)


def _pool(target: Target, pool: ConnectionPool) -> None:
    labels = {"db_client_connection_pool_name": pool.name}
    states = (("idle", pool.idle), ("used", pool.active))
    target.write_states(POOL_COUNT, "db_client_connection_state", states, labels)
    target.write(POOL_MAX, pool.size, labels)
    target.write(POOL_PENDING, len(pool.waiting), labels)
    target.write(POOL_TIMEOUTS, pool.timeouts, labels)


def _breakers(target: Target, cluster: Cluster, replica: Replica) -> None:
    for edge in cluster.edges:
        if edge.client != replica.service.name or edge.breaker is None:
            continue
        # A breaker begins to exist with its first call; until then it is closed and has counted nothing.
        breaker = replica.breakers.get(edge.index)
        labels = {"name": edge.server}
        state = breaker.state if breaker is not None else "closed"
        states = ((name, name == state) for name in BREAKER_STATES)
        target.write_states(BREAKER_STATE, "state", states, labels)
        target.write(
            BREAKER_REFUSED, breaker.refused if breaker is not None else 0, {**labels, "kind": "not_permitted"}
        )
        ratio = breaker.failure_ratio() if breaker is not None else -1.0
        target.write(BREAKER_RATE, ratio * 100 if ratio >= 0 else -1.0, labels)
        failed = breaker.failed if breaker is not None else 0
        buffered = len(breaker.outcomes) if breaker is not None else 0
        kinds = (("failed", failed), ("successful", buffered - failed))
        target.write_states(BREAKER_BUFFERED, "kind", kinds, labels)


def _tokens(target: Target, replica: Replica) -> None:
    for (result, kid), count in sorted(replica.validations.items()):
        target.write(VALIDATIONS, count, {"result": result, "kid": kid})
    if replica.keys is not None:
        kid = replica.keys.signing
        version = {"version": str(replica.revision), "checksum": checksum(replica.revision, kid)}
        target.write(CONFIG_VERSION, 1, version)
        target.write(CONFIG_RELOADED, unix_s(replica.revision_at))
