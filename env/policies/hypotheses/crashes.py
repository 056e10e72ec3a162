"""Causes for which containers end, over and over."""

from __future__ import annotations

from ..evidence import SignClue
from .hypothesis import Hypothesis, Topic, left_in
from .ways import THROUGH_AUTH, THROUGH_INVENTORY, THROUGH_PAYMENT

_ENDED = "kube_pod_container_status_last_terminated"


def _killed(service: str) -> str:
    """Processes that were killed at their memory limit, if any."""
    return f'count({_ENDED}_reason{{service="{service}",reason="OOMKilled"}} == 1) > 0'


def _ended(service: str) -> str:
    """Pods whose process was told to end, if there are several, and it happens again and again."""
    code = f'{_ENDED}_exitcode{{service="{service}"}}'
    restarts = f'kube_pod_container_status_restarts_total{{service="{service}"}}'
    return f"count({code} == 143 or {code} == 137) > 1 and sum(increase({restarts}[10m])) > 3"


MEMORY_LEAK = Hypothesis(
    root_cause="checkout-service",
    mechanism="memory_leak",
    trigger="deploy",
    sustained_by="accumulation",
    felt_after_s=130.0,
    team="checkout-team",
    plan=("rollback_checkout_service",),
    topic=Topic.CRASHES,
    clues=(
        SignClue(
            sign="checkout_killed_at_its_limit",
            says="processes of checkout-service are killed at their memory limit",
            expr=_killed("checkout-service"),
            weight=12,
        ),
    ),
    explanation="A release of checkout-service keeps memory of every order, until the kernel kills its processes.",
    prevention="Memory that climbs must open a ticket.",
)

LIMIT_JOB = Hypothesis(
    root_cause="inventory-service",
    mechanism="bad_config",
    trigger="scheduled_job",
    sustained_by="ongoing_event",
    spread=THROUGH_INVENTORY,
    felt_after_s=100.0,
    team="platform-team",
    plan=("suspend_rebalancer_cronjob", "restore_memory_limit"),
    topic=Topic.CRASHES,
    clues=(
        SignClue(
            sign="inventory_killed_at_its_limit",
            says="processes of inventory-service are killed at their memory limit",
            expr=_killed("inventory-service"),
            weight=12,
        ),
    ),
    leaves=(left_in("inventory-service", "vpa-updater", "a job patches the deployment"),),
    explanation="A job patches the memory limit of inventory-service to less than its pods come to need.",
    prevention="Limits must have one owner.",
)

HASTY_PROBE = Hypothesis(
    root_cause="payment-service",
    mechanism="bad_config",
    trigger="config_change",
    sustained_by="standing_state",
    spread=THROUGH_PAYMENT,
    felt_after_s=100.0,
    team="platform-team",
    plan=("relax_probe",),
    topic=Topic.CRASHES,
    clues=(
        SignClue(
            sign="payment_ended_from_outside",
            shared=True,
            says="processes of payment-service that work are ended from outside, again and again",
            expr=_ended("payment-service"),
            weight=10,
        ),
    ),
    leaves=(left_in("payment-service", "Liveness probe failed", "liveness probes fail", alone=True),),
    explanation="The liveness probe of payment-service is too strict and ends processes that work.",
    prevention="A liveness probe must not look at dependencies.",
)

CRASHING_IMAGE = Hypothesis(
    root_cause="payment-service",
    mechanism="bad_deploy",
    trigger="deploy",
    sustained_by="standing_state",
    spread=THROUGH_PAYMENT,
    felt_after_s=None,
    team="payments-team",
    plan=("rollback_payment_service",),
    topic=Topic.CRASHES,
    clues=(
        SignClue(
            sign="payment_aborts",
            says="processes of payment-service abort in native code",
            expr=f'count({_ENDED}_exitcode{{service="payment-service"}} == 134) > 0',
            weight=12,
        ),
    ),
    leaves=(left_in("payment-service", "fatal error has been detected", "a JVM dies in native code"),),
    explanation="An image of payment-service crashes now and then in native code.",
    prevention="A new image must be tried on a few requests first.",
)

PROBED_TO_DEATH = Hypothesis(
    root_cause="auth-service",
    mechanism="bad_config",
    trigger="traffic",
    sustained_by="feedback",
    spread=THROUGH_AUTH,
    felt_after_s=60.0,
    team="platform-team",
    plan=("relax_probe",),
    otherwise=("shed_load", "admit_all_traffic"),
    topic=Topic.CRASHES,
    clues=(
        SignClue(
            sign="auth_ended_from_outside",
            shared=True,
            says="processes of auth-service are ended from outside, again and again",
            expr=_ended("auth-service"),
            weight=10,
        ),
    ),
    leaves=(left_in("auth-service", "Liveness probe failed", "liveness probes fail", alone=True),),
    explanation="The liveness probe of auth-service waits for a worker, and ends every pod that is busy.",
    prevention="A liveness probe must not wait behind requests.",
)

HYPOTHESES = (MEMORY_LEAK, LIMIT_JOB, HASTY_PROBE, CRASHING_IMAGE, PROBED_TO_DEATH)
