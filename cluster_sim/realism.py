"""How real generated incidents look, measured: what the command `realism` prints and the documentation keeps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import Any

import numpy as np
import numpy.typing as npt

from .clock import SECOND, WINDOW, unix_ms
from .cluster import Cluster
from .faults import Family
from .generator import Address, Split, build
from .telemetry import promql
from .telemetry.alerts import Severity
from .telemetry.logs.reader import log_format
from .telemetry.logs.written import Written

Values = npt.NDArray[np.float64]

_HTTP = "http_server_request_duration_seconds"
SIGNALS = {
    "requests": f"sum by (service) (rate({_HTTP}_count[1m]))\n"
    "or sum by (service) (rate(redis_commands_processed_total[1m]))\n"
    "or sum by (service) (rate(pg_stat_database_xact_commit[1m]))",
    "errors": f'sum by (service) (rate({_HTTP}_count{{http_response_status_code=~"5..|401"}}[1m]))',
    "p50": "service:http_request_duration_seconds:p50_1m",
    "p99": "service:http_request_duration_seconds:p99_1m",
    "cpu": "sum by (service) (rate(container_cpu_usage_seconds_total[1m]))",
    "memory": 'sum by (service) (container_memory_working_set_bytes{service="redis-cache"})',
    "connections": "sum by (service) (pg_stat_activity_count)",
}
"""What a dashboard shows of every service, as PromQL."""

STEP_MS = 15_000
SETTLED_S = 90
"""Seconds after the start of a cluster until a rate over a minute is one."""
AFTER_S = 120
"""Seconds after the page for which an incident is looked at."""
FAR = 3.0
"""Standard deviations from which a sample is anomalous."""
MAD = 1.4826
"""Median absolute deviation → standard deviation of a normal distribution."""
FEW = 0.05
"""A signal that moves by less than this share of its median is not called anomalous, however still it was before."""
FIRST_LINES = 1_000

_VARIABLE = re.compile(
    r"\b[0-9a-f]{8,}\b|0x[0-9a-f]+|[a-z]+_[0-9a-f]{6,}|[-+]?\d+(\.\d+)?|-[a-z0-9]{5}\b", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What one incident looks like.

    Attributes:
        harmless: there is nothing to repair.
        far: share of healthy samples beyond three standard deviations.
        correlation: mean correlation of the services' request rates, healthy.
        quiet, worst_errors: share of healthy minutes of a service without an error, and the highest error ratio of one.
        anomalous: services that are anomalous after the page, the most so first.
        p50, p99: by how many seconds the latencies of the service that was paged for grew.
        lines: lines of log per minute and service, healthy; `templates`: kinds of lines among the first thousand.
    """

    fault: str
    family: Family
    root: str
    harmless: bool
    far: float
    correlation: float
    quiet: float
    worst_errors: float
    anomalous: tuple[str, ...]
    p50: float
    p99: float
    lines: float
    templates: int


def look(address: Address) -> Seen:
    """Look at one incident from its start until some time after its page."""
    generated = build(address)
    incident = generated.incident
    cluster = incident.cluster
    paged = cluster.alerts.firing(Severity.PAGE)[0].service
    cluster.run_for(AFTER_S)
    series = {name: _series(cluster, query) for name, query in SIGNALS.items()}
    onset = incident.onset // SECOND * 1000 // STEP_MS - SETTLED_S * 1000 // STEP_MS
    page = incident.paged // SECOND * 1000 // STEP_MS - SETTLED_S * 1000 // STEP_MS
    scores: dict[str, float] = {}
    far: list[float] = []
    for by_service in series.values():
        for service, values in by_service.items():
            before, after = values[:onset], values[page:]
            z = _deviations(before, before)
            far.append(float(np.mean(np.abs(z) > FAR)))
            after = after[np.isfinite(after)]
            moved = _deviations(before, after)
            if moved.size:
                usual = float(np.nanmedian(before))
                moved[np.abs(after - usual) < FEW * abs(usual)] = 0
                scores[service] = max(scores.get(service, 0.0), float(np.nanmedian(np.abs(moved))))
    rates = np.array([values[:onset] for values in series["requests"].values()])
    correlations = np.corrcoef(rates)[np.triu_indices(len(rates), 1)]
    errors = [
        values[:onset] / np.maximum(series["requests"][service][:onset], 1e-9)
        for service, values in series["errors"].items()
        if service in series["requests"]
    ]
    lines, templates = _log(cluster, incident.onset)
    return Seen(
        fault=incident.fault.name,
        family=incident.fault.family,
        root=incident.fault.service,
        harmless=incident.fault.harmless,
        far=mean(far),
        correlation=float(np.nanmean(correlations)),
        quiet=float(np.mean([np.mean(ratio[np.isfinite(ratio)] == 0) for ratio in errors])),
        worst_errors=max(float(np.nanmax(ratio)) for ratio in errors),
        anomalous=tuple(sorted((s for s in scores if scores[s] > FAR), key=lambda s: -scores[s])),
        p50=_growth(series["p50"].get(paged), onset, page),
        p99=_growth(series["p99"].get(paged), onset, page),
        lines=lines,
        templates=templates,
    )


def _series(cluster: Cluster, query: str) -> dict[str, Values]:
    """A signal of every service, on the grid of the evaluation of the rules."""
    start = unix_ms(SETTLED_S * SECOND, cluster.epoch_s)
    end = unix_ms(cluster.now // WINDOW * WINDOW, cluster.epoch_s)
    value = promql.evaluate_range(cluster.metrics, query, start, end, STEP_MS)
    assert isinstance(value, promql.Matrix)
    found: dict[str, Values] = {}
    for line in value.series:
        values = np.full((end - start) // STEP_MS + 1, np.nan)
        values[(line.times - start) // STEP_MS] = line.values
        found[line.labels["service"]] = np.nan_to_num(values) if "p99" not in query else values
    return found


def _deviations(before: Values, values: Values) -> Values:
    """Distances from the median before, in robust standard deviations."""
    known = before[np.isfinite(before)]
    if not known.size:
        return np.zeros(0)
    middle = float(np.median(known))
    spread = MAD * float(np.median(np.abs(known - middle)))
    spread = spread or float(np.std(known)) or 1e-9
    return (values[np.isfinite(values)] - middle) / spread if values.size else np.zeros(0)


def _growth(values: Values | None, onset: int, page: int) -> float:
    if values is None or not np.isfinite(values[page:]).any() or not np.isfinite(values[:onset]).any():
        return float("nan")
    return float(np.nanmedian(values[page:]) - np.nanmedian(values[:onset]))


def _log(cluster: Cluster, until: int) -> tuple[float, int]:
    """Healthy lines per minute and service, and the kinds of lines among the first thousand of all services."""
    lines: list[tuple[int, str]] = []
    for name, service in cluster.services.items():
        written = log_format(cluster, name)
        for record, before in Written(cluster, 0, until).pairs(service):
            lines += [(record.at, f"{name} {line}") for line in written.lines(record, before)]
    lines.sort(key=lambda line: line[0])
    kinds = {_VARIABLE.sub("#", line.partition('"event"')[2] or line) for _, line in lines[:FIRST_LINES]}
    return len(lines) / (until / SECOND / 60) / len(cluster.services), len({kind[:60] for kind in kinds})


def report(count: int, split: Split = Split.TRAIN) -> Iterator[str]:
    """The figures over some incidents of medium difficulty, as a Markdown table with what is aimed at."""
    seen = [look(Address(split=split, index=index, difficulty=3)) for index in range(count)]
    faults = [one for one in seen if one.anomalous]
    slow = [it for it in faults if it.family is Family.CHECKOUT_SLOW and it.p99 == it.p99 and not it.harmless]
    cold = [one for one in faults if one.family is Family.CACHE_MEMORY and one.p99 == one.p99]
    others = [len([service for service in one.anomalous if service != one.root]) for one in faults]
    first = [one.anomalous[0] == one.root for one in faults]
    yield f"Over {count} generated incidents of difficulty 3 ({split}):"
    yield ""
    yield "| what | measured | aim |"
    yield "|---|---|---|"
    for row in (
        ("healthy samples beyond 3σ (robust)", f"{mean(one.far for one in seen):.1%}", "2–10 %"),
        ("correlation of request rates across services", f"{mean(one.correlation for one in seen):.2f}", "> 0"),
        ("anomalous services beside the cause, median incident", f"{median(others):g}", "≥ 2"),
        ("incidents in which the cause is the most anomalous", f"{mean(first):.0%}", "< 100 %"),
        ("growth of p99 / p50 where calls, code or capacity are slow", _pair(slow), "p99 ≫ p50"),
        ("growth of p99 / p50 where the cache is lost", _pair(cold), "both"),
        ("healthy minutes of a service without an error", f"{mean(one.quiet for one in seen):.0%}", "most"),
        ("highest healthy error ratio of a minute, median", f"{median(o.worst_errors for o in seen):.1%}", "spiky"),
        ("log lines per minute and service, healthy", f"{mean(one.lines for one in seen):.0f}", "plausible"),
        (f"templates in the first {FIRST_LINES} lines", _range([one.templates for one in seen]), "20–100"),
    ):
        yield f"| {' | '.join(row)} |"


def _pair(slow: Sequence[Seen]) -> str:
    if not slow:
        return "–"
    return f"+{median(one.p99 for one in slow):.1f} s / +{median(one.p50 for one in slow):.1f} s"


def _range(values: Sequence[Any]) -> str:
    return f"{min(values)} to {max(values)}, median {median(values):g}"
