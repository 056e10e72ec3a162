"""Faults of capacity under load, and load that needs no repair."""

from __future__ import annotations

from dataclasses import replace

from simpy.events import Event

from ..clock import WINDOW, nanoseconds
from ..cluster import Cluster
from ..engine.heap import MIB, needed
from ..engine.profile import Profile, Shape
from ..engine.release import Behaviour
from ..specs import AutoscaleSpec, Balance, ClusterSpec
from ..telemetry.rules.rule import AlertRule, Severity
from .fault import Evidence, Family, Fault, Mechanism, Sustained, Trigger
from .parameters import pick, pick_one, pick_whole
from .settings import All, Laborious, PagedBy, Provisioned, Watched

CHECKOUT = "checkout-service"

# ---------------------------------------------------------------- settings

HIGH_TRAFFIC = AlertRule(
    alert="HighTraffic",
    expr='service:http_requests:rate1m{service="checkout-service"}\n'
    "> 1.6 * avg_over_time(service:http_requests:rate1m[10m])",
    for_s=30,
    severity=Severity.TICKET,
    summary="{{ $labels.service }} requests {{ $value | humanize }}/s over 1m, more than 1.6 times the last 10m",
    group="red",
)


def _flapping(spec: ClusterSpec) -> ClusterSpec:
    """The alert about traffic with a threshold that about half of all ordinary minutes are above."""
    orders = next(endpoint.share for endpoint in spec.endpoints if endpoint.name == "checkout")
    ordinary = f"{orders * spec.arrival_rate_hz:.3g}"
    busy = AlertRule(
        alert=HIGH_TRAFFIC.alert,
        expr=f'service:http_requests:rate1m{{service="{CHECKOUT}"}} > {ordinary}',
        severity=Severity.PAGE,
        summary=f"{{{{ $labels.service }}}} requests {{{{ $value | humanize }}}}/s over 1m, more than {ordinary}/s",
        group="red",
    )
    return replace(spec, rules=(*spec.rules, busy))


SLOWER = AlertRule(
    alert="LatencyP50Warning",
    expr='service:http_request_duration_seconds:p50_1m{service="checkout-service"} > 0.9',
    for_s=30,
    severity=Severity.TICKET,
    summary="{{ $labels.service }} median latency {{ $value | humanizeDuration }} > 0.9s over 1m for 30s",
    group="red",
)

_LABORIOUS = All((Laborious(CHECKOUT, 0.6, 0.3), Provisioned(CHECKOUT, (("balance", Balance.LEAST_CONNECTIONS),))))
"""Checkout prices the cart and makes its documents itself, so most of a checkout is work of its own (chosen).

Calls go to the pod with the fewest, or else the slow spells of a single one would wake the engineer.
"""

_WATCHED = All((Watched((HIGH_TRAFFIC, SLOWER)), PagedBy((HIGH_TRAFFIC.alert, SLOWER.alert))))
"""Much traffic to checkout wakes the engineer, and so do slower checkouts."""

AUTOSCALED = All(
    (
        _LABORIOUS,
        # Three pods of two threads do 8.3 checkouts a second; 3 a second come on average.
        Provisioned(
            CHECKOUT,
            (("workers", 2), ("autoscale", AutoscaleSpec(minimum=3, maximum=12, cpu_request=1.2, target=0.8))),
        ),
        _WATCHED,
    )
)
"""Checkout has tight pods and an autoscaler."""

# ---------------------------------------------------------------- peaks


class Peak(Event):
    """More users than usual: their number rises, stays high, and falls again. The event is its next window.

    Attributes:
        factor: requests at the height, by those of other times.
        rising: the level on the way up, and from then on.
        until: nanoseconds, when they begin to leave, as fast as they came.
        over: whether they have left, or another peak has begun instead.
    """

    _ok = True
    _value = None
    _defused = True

    def __init__(self, cluster: Cluster, factor: float, rise_s: float, high_s: float, *, delay_s: float = 0.0) -> None:
        self.cluster = cluster
        self.factor = factor
        start = cluster.now + nanoseconds(delay_s)
        self.rising = Profile(start=start, shape=Shape.RAMP, rise=nanoseconds(rise_s))
        self.until = start + nanoseconds(rise_s + high_s)
        self.over = False
        for job in list(cluster.jobs):
            if isinstance(job, Peak):
                job.end()
        cluster.jobs.append(self)
        self._turn(self)

    def end(self) -> None:
        """As many users as ever."""
        self.over = True
        self.cluster.jobs.remove(self)
        self.cluster.end_surge()

    def _turn(self, _: Event) -> None:
        now = self.cluster.now
        if self.over:
            return
        level = self.rising.level(now)
        if now > self.until:
            level -= self.rising.level(self.rising.start + now - self.until)
            if level == 0.0:
                self.end()
                return
        self.cluster.workload.rate_factor = 1.0 + (self.factor - 1.0) * level
        self.callbacks = [self._turn]
        self.cluster.sim.push((now // WINDOW + 1) * WINDOW, self)


def _flash_sale(cluster: Cluster, least: float, most: float) -> None:
    factor = pick(cluster, "factor", least, most)
    rise, high = pick(cluster, "rise_s", 75, 150), pick(cluster, "high_s", 600, 1200)
    Peak(cluster, factor, rise, high, delay_s=pick(cluster, "delay_s", 80, 200))


def _sale(cluster: Cluster) -> None:
    if pick_one(cluster, "released", (True, False)):
        cluster.deploy(CHECKOUT)
    _flash_sale(cluster, 2.4, 3.2)


def _sale_again(cluster: Cluster) -> None:
    """The next sale is a little greater, and comes as fast."""
    factor = cluster.chosen["factor"]
    assert isinstance(factor, float)
    Peak(cluster, 1.15 * factor, 60.0, 600.0)


def _nothing(_: Cluster) -> float:
    return 0.0


ORGANIC_PEAK = Fault(
    name="organic_peak",
    service=CHECKOUT,
    mechanism=Mechanism.NO_INCIDENT,
    triggered_by=Trigger.TRAFFIC,
    sustained_by=Sustained.NOTHING,
    team="checkout-team",
    inject=_sale,
    distance=_nothing,
    hold_s=300.0,
    family=Family.CHECKOUT_SLOW,
    story=(
        "A flash sale: within two minutes there are two to three times as many users, for ten to twenty minutes. The "
        "autoscaler of checkout-service adds pods as fast as they come, and users are served well throughout. The "
        "alert about traffic wakes somebody all the same."
    ),
    evidence=(
        Evidence(
            service=CHECKOUT,
            shows="the autoscaler knows how busy the pods are, and has added some",
            promql="kube_horizontalpodautoscaler_status_current_replicas\n"
            "> kube_horizontalpodautoscaler_spec_min_replicas",
        ),
        Evidence(service=CHECKOUT, shows="events of the autoscaler that adds pods", grep="SuccessfulRescale"),
    ),
    alerts=("HighTraffic",),
    masks=(("shed_load",),),
    setting=AUTOSCALED,
    harmless=True,
)


# ---------------------------------------------------------------- an autoscaler that cannot see


def _drop_request(cluster: Cluster) -> None:
    cluster.deploy(CHECKOUT)
    cluster.service(CHECKOUT).cpu_request = None
    _flash_sale(cluster, 3.9, 4.4)


def _without_request(cluster: Cluster) -> float:
    """Pods of autoscaled services that request no CPU, and templates that make such pods."""
    scaled = [service for service in cluster.services.values() if service.autoscaler is not None]
    pods = sum(replica.cpu_request is None for service in scaled for replica in service.replicas)
    return float(pods + sum(service.cpu_request is None for service in scaled))


HPA_INEFFECTIVE = Fault(
    name="hpa_ineffective",
    service=CHECKOUT,
    mechanism=Mechanism.BAD_CONFIG,
    triggered_by=Trigger.TRAFFIC,
    sustained_by=Sustained.STANDING_STATE,
    team="platform-team",
    inject=_drop_request,
    distance=_without_request,
    hold_s=300.0,
    family=Family.CHECKOUT_SLOW,
    story=(
        "A change of the manifests takes the CPU requests from checkout-service's pods. Nothing is to be felt of that "
        "until a flash sale brings four times as many users: the autoscaler knows no utilisation without requests, "
        "adds no pods, and the few there are queue until users give up."
    ),
    evidence=(
        Evidence(
            service=CHECKOUT,
            shows="the autoscaler is not active",
            promql='kube_horizontalpodautoscaler_status_condition{condition="ScalingActive",status="false"} == 1',
        ),
        Evidence(
            service=CHECKOUT,
            shows="the autoscaler's events say why",
            grep="failed to get cpu utilization: missing request for cpu",
        ),
    ),
    alerts=("HighTraffic", "HighLatencyP99", "KubernetesHpaMetricsUnavailability"),
    repairs=(
        ("restore_cpu_requests",),
        ("scale_out_checkout_service", "restore_cpu_requests"),
        ("rollback_checkout_service",),
    ),
    masks=(("scale_out_checkout_service",), ("restart_checkout_service",), ("raise_checkout_timeouts",)),
    trigger=_sale_again,
    setting=AUTOSCALED,
)


# ---------------------------------------------------------------- a heap that fills


def _small_heap(cluster: Cluster) -> None:
    cluster.deploy(CHECKOUT, Behaviour(max_heap=pick_one(cluster, "max_heap_mib", (168, 176, 184)) * MIB))
    factor, spike = pick(cluster, "factor", 5.0, 6.0), pick_whole(cluster, "spike_s", 60, 90)
    Peak(cluster, factor, 1.0, spike, delay_s=pick(cluster, "delay_s", 80, 200))


def _spike_again(cluster: Cluster) -> None:
    factor, spike = cluster.chosen["factor"], cluster.chosen["spike_s"]
    assert isinstance(factor, float)
    assert isinstance(spike, int)
    Peak(cluster, factor, 1.0, spike)


def _missing_heap(cluster: Cluster) -> float:
    """Share of the heap that all threads' requests may need which a process, or the template, does not have."""
    service = cluster.service(CHECKOUT)
    wanted = needed(service.spec.workers)
    limits = [replica.behaviour.max_heap for replica in service.replicas] + [service.behaviour.max_heap]
    return max(max(0.0, 1.0 - limit / wanted) if limit is not None else 0.0 for limit in limits)


GC_DEATH_SPIRAL = Fault(
    name="gc_death_spiral",
    service=CHECKOUT,
    mechanism=Mechanism.GC_PRESSURE,
    triggered_by=Trigger.TRAFFIC,
    sustained_by=Sustained.FEEDBACK,
    team="checkout-team",
    inject=_small_heap,
    distance=_missing_heap,
    hold_s=300.0,
    family=Family.CHECKOUT_SLOW,
    story=(
        "A release of checkout-service starts its JVM with a third of the heap it had (-Xmx). That is enough until a "
        "minute of five to six times the traffic: what is in flight then fills the heap, the collector stops the world "
        "again and again to free next to nothing, work takes many times as long, and so as much stays in flight when "
        "the spike is gone. Restarted under full load it comes back; with load shed meanwhile, it does so with the "
        "next spike."
    ),
    evidence=(
        Evidence(
            service=CHECKOUT,
            shows="the JVMs spend most of their time in garbage collection",
            promql='avg by (service) (rate(jvm_gc_pause_seconds_sum{service="checkout-service"}[1m])) > 0.5',
        ),
        Evidence(
            service=CHECKOUT,
            shows="full collections of a small heap that free next to nothing",
            grep="M(168M)|M(176M)|M(184M)",
        ),
    ),
    alerts=("HighLatencyP99", "JvmGcTimeTooHigh"),
    repairs=(
        ("restore_heap_size",),
        ("rollback_checkout_service",),
        ("shed_load", "restore_heap_size", "admit_all_traffic"),
    ),
    masks=(
        ("raise_checkout_timeouts",),
        ("scale_out_checkout_service",),
        ("restart_checkout_service",),
        ("shed_load", "restart_checkout_service", "admit_all_traffic"),
    ),
    trigger=_spike_again,
    setting=All((_LABORIOUS, _WATCHED)),
)


# ---------------------------------------------------------------- a limit of CPU time


DECLARED_LIMIT = 2.0
"""Cores that a pod of checkout-service is meant to be limited to, which it never comes near (chosen)."""


def _cut_limit(cluster: Cluster) -> None:
    cluster.deploy(CHECKOUT, Behaviour(cpu_limit=pick(cluster, "cpu_limit", 0.58, 0.74)))


def _missing_cores(cluster: Cluster) -> float:
    """Share of the declared limit that a process, or the template, does not have."""
    service = cluster.service(CHECKOUT)
    limits = [replica.behaviour.cpu_limit for replica in service.replicas] + [service.behaviour.cpu_limit]
    return max(max(0.0, 1.0 - limit / DECLARED_LIMIT) if limit is not None else 0.0 for limit in limits)


def _busy_minute(cluster: Cluster) -> None:
    cluster.surge(1.5, 60.0)


CPU_CFS_THROTTLING = Fault(
    name="cpu_cfs_throttling",
    service=CHECKOUT,
    mechanism=Mechanism.CPU_THROTTLING,
    triggered_by=Trigger.DEPLOY,
    sustained_by=Sustained.STANDING_STATE,
    team="platform-team",
    inject=_cut_limit,
    distance=_missing_cores,
    hold_s=300.0,
    family=Family.CHECKOUT_SLOW,
    story=(
        "A change of the manifests cuts the CPU limit of checkout-service's pods from 2 cores to 580m to 740m. They "
        "use some 600m on average, but now the kernel stops their threads in most of its periods of 100 ms. Threads "
        "and memory look free, usage looks low, and checkouts wait. Inventory's pods work too little for a limit to "
        "be felt there."
    ),
    evidence=(
        Evidence(
            service=CHECKOUT,
            shows="the containers' threads stand still in most periods",
            promql="sum by (service) (rate(container_cpu_cfs_throttled_periods_total[1m]))\n"
            "/ sum by (service) (rate(container_cpu_cfs_periods_total[1m])) > 0.5",
        ),
        Evidence(
            service=CHECKOUT,
            shows="a limit of less than a core",
            promql='kube_pod_container_resource_limits{service="checkout-service",resource="cpu"} < 1',
        ),
    ),
    alerts=("LatencyP50Warning", "HighLatencyP99", "CPUThrottlingHigh"),
    repairs=(("restore_cpu_limit",), ("rollback_checkout_service",)),
    masks=(("scale_out_checkout_service",), ("restart_checkout_service",), ("raise_checkout_timeouts",)),
    trigger=_busy_minute,
    setting=All((_LABORIOUS, _WATCHED)),
)


# ---------------------------------------------------------------- nothing at all


def _release(cluster: Cluster) -> None:
    cluster.deploy(CHECKOUT)
    Peak(cluster, pick(cluster, "factor", 1.0, 1.3), 30.0, 600.0)


DEPLOY_BLIP = Fault(
    name="deploy_blip",
    service=CHECKOUT,
    mechanism=Mechanism.NO_INCIDENT,
    triggered_by=Trigger.DEPLOY,
    sustained_by=Sustained.NOTHING,
    team="checkout-team",
    inject=_release,
    distance=_nothing,
    hold_s=300.0,
    family=Family.CHECKOUT_SLOW,
    story=(
        "A rolling update of checkout-service, with nothing wrong in the release. Each new JVM interprets its code "
        "until the compiler has caught up, so checkouts take twice as long for three minutes or so, which users put up "
        "with. A warning about the median wakes somebody, and goes by itself. (The buckets end at 1 and 2.5 s, and a "
        "99th percentile between them tells the two apart only by chance.)"
    ),
    evidence=(
        Evidence(
            service=CHECKOUT,
            shows="requests took longer for minutes, and are as quick as ever again and well answered",
            promql="max_over_time(service:http_request_duration_seconds:p50_1m[12m]) > 0.9\n"
            "and service:http_request_duration_seconds:p50_1m < 0.85\n"
            "unless on (service) service:http_errors:ratio_rate1m > 0.05",
        ),
        Evidence(
            service=CHECKOUT,
            shows="no more traffic than usual",
            promql='service:http_requests:rate1m{service="checkout-service"}\n'
            "< 1.5 * avg_over_time(service:http_requests:rate1m[20m])",
        ),
        Evidence(
            service="inventory-service",
            shows="one call of inventory for each checkout, as ever",
            promql='sum(rate(traces_service_graph_request_total{client="checkout-service",server="inventory-service"}[2m]))\n'
            '/ sum(rate(traces_service_graph_request_total{client="user",server="checkout-service"}[2m])) < 3',
        ),
        Evidence(
            service=CHECKOUT,
            shows="a rolling update just before",
            promql='changes(kube_deployment_metadata_generation{service="checkout-service"}[15m]) > 0',
        ),
    ),
    alerts=("LatencyP50Warning",),
    masks=(("shed_load",),),
    setting=All(
        (
            _LABORIOUS,
            Provisioned(CHECKOUT, (("warmup_s", 120.0), ("warmup_factor", 2.0))),
            _WATCHED,
        )
    ),
    harmless=True,
)


def _leave(cluster: Cluster) -> None:
    """Nothing happens: the rule has been wrong for days."""
    pick_whole(cluster, "days", 2, 30)


FLAPPING_THRESHOLD = Fault(
    name="flapping_threshold",
    service=CHECKOUT,
    mechanism=Mechanism.NO_INCIDENT,
    triggered_by=Trigger.NONE,
    sustained_by=Sustained.NOTHING,
    team="checkout-team",
    inject=_leave,
    distance=_nothing,
    hold_s=300.0,
    family=Family.CHECKOUT_SLOW,
    story=(
        "The threshold of the alert about checkout's traffic is the median of ordinary minutes, so it fires and "
        "resolves all day long. Nothing has changed in the cluster, and users are well. The rule needs a ticket, and "
        "the cluster nothing."
    ),
    evidence=(
        Evidence(
            service=CHECKOUT,
            shows="the alert fired before as well",
            promql='count_over_time(ALERTS{alertname="HighTraffic",alertstate="firing"}[10m] offset 8m) > 0',
        ),
        Evidence(
            service=CHECKOUT,
            shows="no more traffic than usual",
            promql='service:http_requests:rate1m{service="checkout-service"}\n'
            "< 1.5 * avg_over_time(service:http_requests:rate1m[20m])",
        ),
    ),
    alerts=("HighTraffic",),
    masks=(("shed_load",),),
    setting=All((_LABORIOUS, _flapping)),
    harmless=True,
)
