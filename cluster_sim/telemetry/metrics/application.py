"""What an application pod exposes: its requests, pools, breakers, runtime, tokens and configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from ...clock import SECOND
from ...engine.failures import STATUS
from ...engine.recorder import GOOD
from ...specs import Language
from ..identity import checksum
from .exporter import BUSY, FAILURES, IN_FLIGHT, Failures, Key, PodExporter, Reading, listening, pod_layout
from .spec import Column, Layout, MetricSpec

if TYPE_CHECKING:
    from ...engine.edge import Breaker, Edge
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

OUTBOUND = MetricSpec(
    name="http_client_request_duration_seconds", help="Duration of HTTP client requests.", kind="summary"
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

Outbound = tuple[tuple[str, int], ...]
"""Systems outside that a pod has asked, and the statuses of their answers."""

Validations = tuple[tuple[str, str], ...]
"""Results and key ids of the tokens that a pod has checked, in the order of their first occurrence."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What the series of an application's pods have in common.

    Attributes:
        served: method and route of the calls, by slot.
        threads: name of the thread pool; empty if the runtime has no such metrics.
        pools, guarded: names of its connection pools, and of the servers behind circuit breakers.
        keyed: whether it holds signing keys.
    """

    served: tuple[tuple[str, str], ...]
    threads: str
    pools: tuple[str, ...]
    guarded: tuple[str, ...]
    keyed: bool


class ApplicationExporter(PodExporter):
    """The metrics endpoint of an application pod."""

    def __init__(self, replica: Replica, edges: list[Edge], calls: list[Edge]) -> None:
        super().__init__(replica, edges)
        spec = replica.service.spec
        self.job = spec.name
        self.port = spec.port
        self.container = spec.name.removesuffix("-service")
        self.java = spec.language is Language.JAVA
        self.guarded = [edge for edge in calls if edge.breaker is not None]
        self.shape = Shape(
            served=tuple((edge.method, edge.route) for edge in sorted(edges, key=lambda edge: edge.slot)),
            threads=f"http-nio-{spec.port}" if self.java else "",
            pools=tuple(pool.name for pool in replica.pools.values()),
            guarded=tuple(edge.server for edge in self.guarded),
            keyed=replica.keys is not None,
        )

    def columns(self, key: Key) -> Sequence[Column]:
        """The series there are."""
        return _columns(self.shape, *key[FAILURES:])

    def look(self, now: int) -> tuple[Key, Reading | None]:
        """Node, restarts, failures had, tokens seen, configuration, outside systems; and values while it listens."""
        replica = self.replica
        kid = replica.keys.signing if replica.keys is not None else ""
        validations = tuple(replica.validations)
        outbound = tuple(replica.outbound)
        key = (replica.node, replica.restarts, tuple(replica.failed), validations, replica.revision, kid, outbound)
        if not listening(replica):
            return key, None
        reading = self.histograms()
        values = reading.values
        values.append(replica.started)
        if self.java:
            values += (replica.workers - replica.free, replica.workers, replica.pauses, replica.paused)
        for pool in replica.pools.values():
            if self.java:
                size = pool.size
                values += (pool.open, pool.active, pool.idle, len(pool.waiting), size, size)
                values += (pool.timeouts, pool.acquired, pool.waited)
            else:
                values += (pool.idle, pool.active, pool.size, len(pool.waiting), pool.timeouts)
        for edge in self.guarded:
            values += _breaker_values(replica.breakers.get(edge.index))
        values += replica.validations.values()
        if replica.keys is not None:
            values.append(replica.revision_at)
        for counts in replica.outbound.values():
            values += counts
        return key, reading


@lru_cache(maxsize=1024)
def _columns(
    shape: Shape, failures: Failures, validations: Validations, revision: int, kid: str, outbound: Outbound
) -> tuple[Column, ...]:
    layout = pod_layout(len(shape.served), failures)
    sums = layout.histograms
    _requests(layout, shape, failures)
    layout.again(ACTIVE_REQUESTS, sums + IN_FLIGHT, {"url_scheme": "http"})
    layout.again(CPU, sums + BUSY, divisor=SECOND)
    layout.value(START_TIME, divisor=SECOND, since_epoch=True)
    if shape.threads:
        layout.value(BUSY_THREADS, {"name": shape.threads})
        layout.value(MAX_THREADS, {"name": shape.threads})
        layout.summary(GC_PAUSE)
    for pool in shape.pools:
        if shape.threads:
            _hikari(layout)
        else:
            _pool(layout, pool)
    for server in shape.guarded:
        _breaker(layout, server)
    for result, token_kid in validations:
        layout.value(VALIDATIONS, {"result": result, "kid": token_kid})
    if shape.keyed:
        layout.constant(CONFIG_VERSION, {"version": str(revision), "checksum": checksum(revision, kid)})
        layout.value(CONFIG_RELOADED, divisor=SECOND, since_epoch=True)
    for peer, status in outbound:
        layout.summary(OUTBOUND, {"server_address": peer, "http_response_status_code": str(status)})
    return tuple(layout.columns)


def _requests(layout: Layout, shape: Shape, failures: Failures) -> None:
    parts: dict[tuple[str, str, int], list[int]] = {}
    for slot, (method, route) in enumerate(shape.served):
        parts.setdefault((method, route, GOOD), []).append(slot)
    for index, (slot, failure) in enumerate(failures, len(shape.served)):
        parts.setdefault((*shape.served[slot], STATUS[failure]), []).append(index)
    for (method, route, status), histograms in sorted(parts.items()):
        labels = {
            "http_request_method": method,
            "http_route": route,
            "http_response_status_code": str(status),
            "url_scheme": "http",
        }
        if status >= 500:
            labels["error_type"] = str(status)
        layout.histogram(REQUESTS, tuple(histograms), labels)


def _hikari(layout: Layout) -> None:
    labels = {"pool": "HikariPool-1"}
    for spec in (HIKARI, HIKARI_ACTIVE, HIKARI_IDLE, HIKARI_PENDING, HIKARI_MAX, HIKARI_MIN, HIKARI_TIMEOUTS):
        layout.value(spec, labels)
    layout.summary(HIKARI_ACQUIRE, labels)


def _pool(layout: Layout, name: str) -> None:
    labels = {"db_client_connection_pool_name": name}
    layout.states(POOL_COUNT, "db_client_connection_state", ("idle", "used"), labels)
    for spec in (POOL_MAX, POOL_PENDING, POOL_TIMEOUTS):
        layout.value(spec, labels)


def _breaker(layout: Layout, server: str) -> None:
    labels = {"name": server}
    layout.states(BREAKER_STATE, "state", BREAKER_STATES, labels)
    layout.value(BREAKER_REFUSED, {**labels, "kind": "not_permitted"})
    layout.value(BREAKER_RATE, labels)
    layout.states(BREAKER_BUFFERED, "kind", ("failed", "successful"), labels)


def _breaker_values(breaker: Breaker | None) -> tuple[float, ...]:
    if breaker is None:  # it begins to exist with its first call; until then it is closed and has counted nothing
        return (1, 0, 0, 0, -1.0, 0, 0)
    state = breaker.state
    ratio = breaker.failure_ratio()
    failed = breaker.failed
    return (
        state == "closed",
        state == "half_open",
        state == "open",
        breaker.refused,
        ratio * 100 if ratio >= 0 else -1.0,
        failed,
        len(breaker.outcomes) - failed,
    )
