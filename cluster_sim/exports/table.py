"""The wide table of metrics that root-cause analysis reads: one column per service and indicator, one row per scrape.

Names of the columns and of the file follow RCAEval (github.com/phamquiluan/RCAEval, RE1 and RE2): `time` in Unix
seconds, then `<service>_<indicator>`.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from ..clock import WINDOW_S, unix_ms
from ..specs import Language, ServiceSpec
from ..telemetry.promql import evaluate_range
from .episode import Episode
from .openmetrics import number


class Kind(Enum):
    """What an indicator is measured at."""

    ANY = "any service"
    APPLICATION = "a service that answers HTTP"
    POSTGRES = "PostgreSQL"
    REDIS = "Redis"
    CLIENT = "a service with connection pools"

    def has(self, spec: ServiceSpec) -> bool:
        """Whether a service is one."""
        match self:
            case Kind.ANY:
                return True
            case Kind.APPLICATION:
                return spec.language not in (Language.POSTGRES, Language.REDIS)
            case Kind.CLIENT:
                return bool(spec.pools)
            case _:
                return spec.language is Language[self.name]


@dataclass(frozen=True, kw_only=True)
class Indicator:
    """A column of every service of a kind.

    Attributes:
        name: what follows the service's name.
        query: PromQL whose series have the label `service`.
        otherwise: the value where there is no series, as of errors that never occurred; None leaves the cell empty.
    """

    name: str
    kind: Kind
    query: str
    otherwise: float | None = None


_REQUESTS = "http_server_request_duration_seconds"


def _quantile(name: str, q: str) -> Indicator:
    rates = f"sum by (service, le) (rate({_REQUESTS}_bucket[1m]))"
    return Indicator(name=name, kind=Kind.APPLICATION, query=f"histogram_quantile({q}, {rates})")


def _answers(name: str, status: str) -> Indicator:
    counted = f'{_REQUESTS}_count{{http_response_status_code=~"{status}"}}'
    return Indicator(name=name, kind=Kind.APPLICATION, query=f"sum by (service) (rate({counted}[1m]))", otherwise=0.0)


def _failed(kind: Kind) -> Indicator:
    """Calls to a datastore that failed, as its clients saw them: it has no answers with a status."""
    failed = "sum by (server) (rate(traces_service_graph_request_failed_total[1m]))"
    return Indicator(
        name="error", kind=kind, query=f'label_replace({failed}, "service", "$1", "server", "(.+)")', otherwise=0.0
    )


def _rate(name: str, kind: Kind, counter: str) -> Indicator:
    return Indicator(name=name, kind=kind, query=f"sum by (service) (rate({counter}[1m]))")


def _sum(name: str, kind: Kind, gauge: str) -> Indicator:
    return Indicator(name=name, kind=kind, query=f"sum by (service) ({gauge})")


INDICATORS = (
    Indicator(name="cpu", kind=Kind.ANY, query="100 * sum by (service) (rate(container_cpu_usage_seconds_total[1m]))"),
    _sum("mem", Kind.REDIS, "container_memory_working_set_bytes"),
    _rate("workload", Kind.APPLICATION, f"{_REQUESTS}_count"),
    _rate("workload", Kind.POSTGRES, "pg_stat_statements_calls_total"),
    _rate("workload", Kind.REDIS, "redis_commands_processed_total"),
    _answers("error", "5.."),
    _failed(Kind.POSTGRES),
    _failed(Kind.REDIS),
    _answers("denied", "401"),
    _quantile("latency-50", "0.5"),
    _quantile("latency-90", "0.9"),
    _quantile("latency-99", "0.99"),
    _sum("connections", Kind.POSTGRES, "pg_stat_activity_count"),
    _sum("pending", Kind.CLIENT, "hikaricp_connections_pending or db_client_connection_pending_requests"),
    _rate("misses", Kind.REDIS, "redis_keyspace_misses_total"),
    _sum("ready", Kind.ANY, 'kube_pod_status_ready{condition="true"}'),
)
"""Units: CPU in percent of a core, memory in bytes, everything that is counted per second, latencies in seconds."""


def columns(episode: Episode) -> dict[str, list[float | None]]:
    """The columns by name, `time` first, then service by service."""
    cluster = episode.cluster
    step = WINDOW_S * 1000
    # A rate needs two scrapes.
    start, end = unix_ms(0) + 2 * step, unix_ms(cluster.now)
    times = range(start, end + 1, step)
    table: dict[str, list[float | None]] = {"time": [at / 1000 for at in times]}
    found = {}
    for indicator in INDICATORS:
        result = evaluate_range(cluster.metrics, indicator.query, start, end, step)
        found[indicator] = {one.labels["service"]: one for one in result.series}
    for spec in cluster.spec.services:
        for indicator in INDICATORS:
            if not indicator.kind.has(spec):
                continue
            column: list[float | None] = [indicator.otherwise] * len(times)
            one = found[indicator].get(spec.name)
            if one is not None:
                for at, value in zip(one.times.tolist(), one.values.tolist(), strict=True):
                    if math.isfinite(value):
                        column[(at - start) // step] = value
            table[f"{spec.name}_{indicator.name}"] = column
    return table


def as_csv(table: dict[str, list[float | None]]) -> Iterator[str]:
    """The table as CSV; what is not known is an empty cell."""
    yield row(list(table))
    for values in zip(*table.values(), strict=True):
        yield row(["" if value is None else number(value) for value in values])


def row(cells: list[str]) -> str:
    """A line of CSV."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()
