"""The rules that watch all services: rate, errors and duration, error budgets, pods, pools and runtimes."""

from __future__ import annotations

from ..telemetry.rules.file import duration
from ..telemetry.rules.rule import AlertRule, RecordingRule, Severity

USER_FACING = "auth-service|checkout-service|inventory-service|payment-service"
"""The services that users talk to, as a regular expression."""

RED, WORKLOAD, SATURATION = "red", "workload", "saturation"
"""Groups of rules."""

_COUNT = "http_server_request_duration_seconds_count"
_BUCKET = "http_server_request_duration_seconds_bucket"
_BUSY_ENOUGH = "on (service) service:http_requests:rate1m > 0.2"
"""Ratios of less traffic are not alerted on (chosen: a dozen requests a minute)."""

# ---------------------------------------------------------------- golden signals over the last minute

REQUESTS = RecordingRule(
    record="service:http_requests:rate1m",
    expr=f"sum by (service) (rate({_COUNT}[1m]))",
    group=RED,
)
ERRORS = RecordingRule(
    record="service:http_errors:rate1m",
    expr=f'sum by (service) (rate({_COUNT}{{http_response_status_code=~"5.."}}[1m]))',
    group=RED,
)
ERROR_RATIO = RecordingRule(
    record="service:http_errors:ratio_rate1m",
    expr="service:http_errors:rate1m / service:http_requests:rate1m",
    group=RED,
)
UNAUTHORIZED_RATIO = RecordingRule(
    record="service:http_unauthorized:ratio_rate1m",
    expr=f'sum by (service) (rate({_COUNT}{{http_response_status_code="401"}}[1m])) / service:http_requests:rate1m',
    group=RED,
)


def _latency(quantile: float) -> RecordingRule:
    """A quantile of latency; refusals are left out, quick as they are."""
    answered = f'rate({_BUCKET}{{http_response_status_code!="401"}}[1m])'
    return RecordingRule(
        record=f"service:http_request_duration_seconds:p{quantile * 100:.0f}_1m",
        expr=f"histogram_quantile({quantile:g}, sum by (service, le) ({answered}))",
        group=RED,
    )


P50, P99 = _latency(0.5), _latency(0.99)

# ---------------------------------------------------------------- pages: what users feel

HIGH_ERRORS = AlertRule(
    alert="HighErrorRate",
    expr=f'service:http_errors:ratio_rate1m{{service=~"{USER_FACING}"}} > 0.05 and {_BUSY_ENOUGH}',
    for_s=60,
    severity=Severity.PAGE,
    summary="{{ $labels.service }} 5xx ratio {{ $value | humanizePercentage }} > 5% over 1m for 1m",
    description="Users of {{ $labels.service }} get errors of the server.",
    group=RED,
)
HIGH_UNAUTHORIZED = AlertRule(
    alert="HighUnauthorizedRate",
    expr=f'service:http_unauthorized:ratio_rate1m{{service=~"{USER_FACING}"}} > 0.1 and {_BUSY_ENOUGH}',
    for_s=60,
    severity=Severity.PAGE,
    summary="{{ $labels.service }} 401 ratio {{ $value | humanizePercentage }} > 10% over 1m for 1m",
    description="Users of {{ $labels.service }} are refused although they have logged in.",
    group=RED,
)


def high_latency(service: str, *, p99_s: float) -> AlertRule:
    """The page for a service that is slow."""
    return AlertRule(
        alert="HighLatencyP99",
        expr=f'{P99.record}{{service="{service}"}} > {p99_s:g} and {_BUSY_ENOUGH}',
        for_s=60,
        severity=Severity.PAGE,
        summary="{{ $labels.service }} p99 latency {{ $value | humanizeDuration }} "
        f"> {p99_s:g}s over 1m for 1m",
        description="One request in a hundred to {{ $labels.service }} takes longer than that.",
        labels={"service": service},
        scope=service,
        group=RED,
    )


# ---------------------------------------------------------------- error budgets

BUDGET = 0.01
"""Share of requests that may fail: an objective of 99 % (chosen)."""

WORKBOOK_SCALE = 432
"""Three days of the workbook are the ten minutes of history that an episode begins with.

Source of factors and windows: Google, The Site Reliability Workbook, chapter 5, table 5-8: 14.4 over 1h & 5m, 6 over
6h & 30m, 3 over 1d & 2h, 1 over 3d & 6h. Divided by this, most are too short for scrapes every 15 s: all the short
windows become the minute of the golden signals, and no long one is shorter than two.
"""
_SHORT_S, _SHORTEST_LONG_S = 60, 120


def budget_burn(factor: float, long_h: float) -> AlertRule:
    """The ticket for a budget that is spent `factor` times too fast, over a long window and still over a short one.

    A long window's ratio is that of the recorded minute rates, added up over the window.
    """
    long = duration(max(long_h * 3600 / WORKBOOK_SCALE, _SHORTEST_LONG_S))
    short = duration(_SHORT_S)
    limit = f"{factor * BUDGET:g}"
    ratio = f"sum_over_time({ERRORS.record}[{long}]) / sum_over_time({REQUESTS.record}[{long}])"
    return AlertRule(
        alert="ErrorBudgetBurn",
        expr=f"{ERROR_RATIO.record} > {limit}\nand {ratio} > {limit}",
        for_s=30,
        severity=Severity.TICKET,
        labels={"long": long, "short": short, "burn_rate": f"{factor:g}"},
        summary="{{ $labels.service }} 5xx ratio {{ $value | humanizePercentage }}: the error budget burns "
        f"more than {factor:g} times too fast over {long} and {short}",
        description="At this rate {{ $labels.service }} misses its objective of 99 %.",
        scope=f"{factor:g}",
        group=RED,
    )


BURN_14 = budget_burn(14.4, 1)
BURN_6 = budget_burn(6, 6)
BURN_3 = budget_burn(3, 24)
BURN_1 = budget_burn(1, 72)

ELEVATED_ERRORS = AlertRule(
    alert="ElevatedErrorRate",
    expr=f"{ERROR_RATIO.record} > 0.01 and {_BUSY_ENOUGH}",
    for_s=30,
    severity=Severity.TICKET,
    summary="{{ $labels.service }} 5xx ratio {{ $value | humanizePercentage }} > 1% over 1m for 30s",
    group=RED,
)

# ---------------------------------------------------------------- workloads

NOT_READY = AlertRule(
    alert="KubePodNotReady",
    expr='sum by (service) (kube_pod_status_ready{condition="false"}) > 0',
    for_s=30,
    severity=Severity.TICKET,
    summary="{{ $labels.service }} pods not ready for 30s: {{ $value | humanize }}",
    group=WORKLOAD,
)
RESTARTED = AlertRule(
    alert="KubePodRestarted",
    expr="sum by (service, pod) (increase(kube_pod_container_status_restarts_total[1m])) > 0",
    keep_firing_for_s=300,
    severity=Severity.TICKET,
    summary="{{ $labels.pod }} has restarted",
    description="kube_pod_container_status_last_terminated_reason tells why.",
    group=WORKLOAD,
)
CRASH_LOOP_WAITS = RecordingRule(
    record="service:containers_in_crash_loop:sum",
    expr='sum by (service) (kube_pod_container_status_waiting_reason{reason="CrashLoopBackOff"})',
    group=WORKLOAD,
)
CRASH_LOOPING = AlertRule(
    alert="KubePodCrashLooping",
    # kube-prometheus wants a container seen waiting within any five minutes of fifteen. Its minutes are our seconds:
    # three looks in three minutes, whichever containers they are, are not enough.
    expr=f"sum_over_time({CRASH_LOOP_WAITS.record}[3m]) * 15 > 45",
    severity=Severity.TICKET,
    summary="{{ $labels.service }} containers have waited {{ $value | humanizeDuration }} in CrashLoopBackOff over 3m",
    description="Containers of {{ $labels.service }} end again and again, and are started after a growing pause.",
    group=WORKLOAD,
)
TARGET_DOWN = AlertRule(
    alert="TargetDown",
    expr="up == 0",
    for_s=30,
    severity=Severity.TICKET,
    summary="{{ $labels.job }} {{ $labels.instance }} has not answered scrapes for 30s",
    group=WORKLOAD,
)

AUTOSCALER_BLIND = AlertRule(
    alert="KubernetesHpaMetricsUnavailability",
    expr="sum by (service) (kube_horizontalpodautoscaler_status_condition"
    '{condition="ScalingActive",status="false"}) > 0',
    severity=Severity.TICKET,
    summary="{{ $labels.service }} autoscaler cannot find out how busy the pods are",
    description="The number of pods stays what it is.",
    group=WORKLOAD,
)

# ---------------------------------------------------------------- saturation

CONTAINER_MEMORY = AlertRule(
    alert="ContainerMemoryNearLimit",
    expr="container_memory_working_set_bytes / container_spec_memory_limit_bytes > 0.9",
    for_s=60,
    severity=Severity.TICKET,
    summary="{{ $labels.pod }} memory at {{ $value | humanizePercentage }} of the container's limit > 90% for 1m",
    description="At the limit the kernel kills it.",
    group=SATURATION,
)
POOL_TIMEOUTS = AlertRule(
    alert="ConnectionPoolTimeouts",
    expr="sum by (service) (increase(hikaricp_connections_timeout_total[1m])) > 0\n"
    "or sum by (service) (increase(db_client_connection_timeouts_total[1m])) > 0",
    for_s=30,
    severity=Severity.TICKET,
    summary="{{ $labels.service }} pool acquisitions that timed out over 1m: {{ $value | humanize }}",
    group=SATURATION,
)
POOL_PENDING = AlertRule(
    alert="ConnectionPoolPending",
    expr="sum by (service) (hikaricp_connections_pending) > 0\n"
    "or sum by (service) (db_client_connection_pending_requests) > 0",
    for_s=30,
    severity=Severity.TICKET,
    summary="{{ $labels.service }} requests waiting for a connection for 30s: {{ $value | humanize }}",
    group=SATURATION,
)
THREADS = AlertRule(
    alert="TomcatThreadsBusy",
    expr="sum by (service) (tomcat_threads_busy_threads) / sum by (service) (tomcat_threads_config_max_threads) > 0.8",
    for_s=30,
    severity=Severity.TICKET,
    summary="{{ $labels.service }} threads busy {{ $value | humanizePercentage }} > 80% for 30s",
    group=SATURATION,
)
GC_PAUSES = AlertRule(
    alert="JvmGcPauseHigh",
    expr="avg by (service) (rate(jvm_gc_pause_seconds_sum[1m])) > 0.006",
    severity=Severity.TICKET,
    summary="{{ $labels.service }} GC stopped the world for {{ $value | humanizePercentage }} of the last minute",
    group=SATURATION,
)
THROTTLED = AlertRule(
    alert="CPUThrottlingHigh",
    expr="sum by (service) (rate(container_cpu_cfs_throttled_periods_total[1m]))\n"
    "/ sum by (service) (rate(container_cpu_cfs_periods_total[1m])) > 0.25",
    for_s=60,
    severity=Severity.TICKET,
    summary="{{ $labels.service }} threads stood still in {{ $value | humanizePercentage }} > 25% of periods for 1m",
    description="The containers have used up their CPU limit in these.",
    group=SATURATION,
)
GC_TIME = AlertRule(
    alert="JvmGcTimeTooHigh",
    expr="avg by (service) (rate(jvm_gc_pause_seconds_sum[1m])) > 0.3",
    for_s=30,
    severity=Severity.TICKET,
    summary="{{ $labels.service }} spends {{ $value | humanizePercentage }} > 30% of its time in GC for 30s",
    description="What is in use fills most of the heap, and collections free little.",
    group=SATURATION,
)
BREAKER_OPEN = AlertRule(
    alert="CircuitBreakerOpen",
    expr='sum by (service, name) (resilience4j_circuitbreaker_state{state="open"}) > 0',
    severity=Severity.TICKET,
    summary="{{ $labels.service }} circuit breakers to {{ $labels.name }} that are open: {{ $value | humanize }}",
    group=SATURATION,
)
FAILING_CALLS = AlertRule(
    alert="DependencyErrors",
    expr='sum by (client, server) (rate(traces_service_graph_request_failed_total{client!="user"}[1m]))\n'
    '/ sum by (client, server) (rate(traces_service_graph_request_total{client!="user"}[1m])) > 0.05',
    for_s=30,
    severity=Severity.TICKET,
    labels={"service": "{{ $labels.server }}"},
    summary="{{ $labels.server }} calls from {{ $labels.client }} fail {{ $value | humanizePercentage }} > 5% over 1m",
    group=SATURATION,
)
NETWORK_ERRORS = AlertRule(
    alert="NodeNetworkReceiveErrs",
    expr="sum by (node) (rate(node_network_receive_errs_total[1m])) > 0.2",
    for_s=60,
    severity=Severity.TICKET,
    summary="{{ $labels.node }} network interface reports {{ $value | humanize }} receive errors/s over 1m for 1m",
    group=SATURATION,
)
