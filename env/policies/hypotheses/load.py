"""Causes for which a service is slow by itself under its load."""

from __future__ import annotations

from ..evidence import SignClue
from .hypothesis import NOTHING, Hypothesis, Topic, left_in

AUTOSCALER = Hypothesis(
    root_cause="checkout-service",
    mechanism="bad_config",
    trigger="traffic",
    sustained_by="standing_state",
    felt_after_s=None,
    team="platform-team",
    plan=("restore_cpu_requests",),
    topic=Topic.LOAD,
    clues=(
        SignClue(
            sign="autoscaler_blind",
            says="the autoscaler of checkout-service is not active",
            expr="count(kube_horizontalpodautoscaler_status_condition"
            '{condition="ScalingActive",status="false"} == 1) > 0',
            weight=12,
        ),
    ),
    leaves=(left_in("checkout-service", "missing request for cpu", "the autoscaler knows no utilisation"),),
    explanation="The pods of checkout-service request no CPU, so its autoscaler knows no utilisation and adds no pods.",
    prevention="Manifests of autoscaled services must be checked for requests.",
)

SMALL_HEAP = Hypothesis(
    root_cause="checkout-service",
    mechanism="gc_pressure",
    trigger="traffic",
    sustained_by="feedback",
    felt_after_s=150.0,
    team="checkout-team",
    plan=("restore_heap_size",),
    topic=Topic.LOAD,
    clues=(
        SignClue(
            sign="collector_stops_the_world",
            shared=True,
            says="the JVMs of checkout-service spend most of their time in garbage collection",
            expr='avg(rate(jvm_gc_pause_seconds_sum{service="checkout-service"}[1m])) > 0.2',
            weight=11,
        ),
    ),
    leaves=(left_in("checkout-service", "Pause Full", "full collections follow one another", alone=True),),
    explanation="A release of checkout-service starts its JVM with too small a heap, which its requests fill.",
    prevention="The heap must be sized for all threads.",
)

CPU_LIMIT = Hypothesis(
    root_cause="checkout-service",
    mechanism="cpu_throttling",
    trigger="deploy",
    sustained_by="standing_state",
    team="platform-team",
    plan=("restore_cpu_limit",),
    topic=Topic.LOAD,
    clues=(
        SignClue(
            sign="threads_stopped",
            says="the kernel stops the threads of checkout-service in most periods",
            expr='sum(rate(container_cpu_cfs_throttled_periods_total{service="checkout-service"}[1m]))'
            ' / sum(rate(container_cpu_cfs_periods_total{service="checkout-service"}[1m])) > 0.3',
            weight=11,
        ),
    ),
    explanation="The CPU limit of checkout-service was cut below what its pods use.",
    prevention="Throttling must open a ticket.",
)

PEAK = Hypothesis(
    root_cause="checkout-service",
    mechanism=NOTHING,
    trigger="traffic",
    sustained_by="nothing",
    felt_after_s=None,
    team="",
    plan=(),
    topic=Topic.LOAD,
    clues=(
        SignClue(
            sign="autoscaler_adds_pods",
            says="the autoscaler of checkout-service adds pods as users come",
            expr="max(kube_horizontalpodautoscaler_status_current_replicas)"
            " > max(kube_horizontalpodautoscaler_spec_min_replicas)",
            weight=4,
            decisive=False,
        ),
    ),
    leaves=(left_in("checkout-service", "SuccessfulRescale", "the autoscaler has added pods"),),
    explanation="There are many users, and the autoscaler keeps up with them.",
)

HYPOTHESES = (AUTOSCALER, SMALL_HEAP, CPU_LIMIT, PEAK)
