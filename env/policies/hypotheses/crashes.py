"""Causes for which containers end, over and over."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..case import APPLICATIONS
from ..evidence import SignClue
from ..spread import Edge
from .hypothesis import Hypothesis, Topic, left_in
from .ways import THROUGH_AUTH, THROUGH_INVENTORY, THROUGH_PAYMENT

CHECKOUT, PAYMENT, INVENTORY, AUTH = APPLICATIONS

OWNERS: Mapping[str, str] = MappingProxyType(
    {CHECKOUT: "checkout-team", PAYMENT: "payments-team", INVENTORY: "inventory-team", AUTH: "security-team"}
)
SPREAD: Mapping[str, tuple[Edge, ...]] = MappingProxyType(
    {CHECKOUT: (), PAYMENT: THROUGH_PAYMENT, INVENTORY: THROUGH_INVENTORY, AUTH: THROUGH_AUTH}
)

JVM, PYTHON = "fatal error has been detected", "Fatal Python error"
LAST_WORDS: Mapping[str, str] = MappingProxyType({CHECKOUT: JVM, PAYMENT: JVM, INVENTORY: PYTHON, AUTH: PYTHON})
"""The words with which a process ends that crashes in native code."""

_ENDED = "kube_pod_container_status_last_terminated"
_USERS = 'service:http_requests:rate1m{service="inventory-service"}'


def _slug(service: str) -> str:
    return service.replace("-", "_")


KILLED = f'count by (service) ({_ENDED}_reason{{reason="OOMKilled"}} == 1) > 0'
"""Processes that were killed at their memory limit."""
LOWERED = (
    "min by (service) (min_over_time(container_spec_memory_limit_bytes[10m]))"
    " < max by (service) (max_over_time(container_spec_memory_limit_bytes[20m]))"
)
"""The lowest memory limit, where it was higher before; containers that wait show none."""
TOLD_TO_END = (
    f"count by (service) ({_ENDED}_exitcode == 143 or {_ENDED}_exitcode == 137) > 1"
    " and sum by (service) (increase(kube_pod_container_status_restarts_total[10m])) > 3"
)
"""Pods whose process was told to end, if there are several, and it happens again and again."""
ABORTED = f"count by (service) ({_ENDED}_exitcode == 134 or {_ENDED}_exitcode == 139) > 0"
"""Processes that crashed in native code."""
RUSHED = f"max(max_over_time({_USERS}[10m])) > 2 * max(avg_over_time({_USERS}[20m]))"
"""Users who came, if there were many more of them for a while than on average."""


def memory_leak(service: str) -> Hypothesis:
    """A release keeps memory."""
    return Hypothesis(
        root_cause=service,
        mechanism="memory_leak",
        trigger="deploy",
        sustained_by="accumulation",
        spread=SPREAD[service],
        felt_after_s=130.0,
        team=OWNERS[service],
        plan=(f"rollback_{_slug(service)}",),
        topic=Topic.CRASHES,
        clues=(
            SignClue(
                sign=f"leaks@{service}",
                says=f"processes of {service} are killed at a memory limit that is what it ever was",
                expr=f"{KILLED} unless {LOWERED}",
                weight=12,
            ),
        ),
        explanation=f"A release of {service} keeps memory of every answer, until the kernel kills its processes.",
        prevention="Memory that climbs must open a ticket.",
    )


def limit_job(service: str) -> Hypothesis:
    """A job patches the memory limit."""
    return Hypothesis(
        root_cause=service,
        mechanism="bad_config",
        trigger="scheduled_job",
        sustained_by="ongoing_event",
        spread=SPREAD[service],
        felt_after_s=100.0,
        team="platform-team",
        plan=("suspend_rebalancer_cronjob", "restore_memory_limit"),
        topic=Topic.CRASHES,
        clues=(
            SignClue(
                sign=f"killed_early@{service}",
                says=f"processes of {service} are killed at a memory limit that was higher before",
                expr=f"{KILLED} and {LOWERED}",
                weight=12,
            ),
        ),
        leaves=(left_in(service, "vpa-updater", "a job patches the deployment", alone=True),),
        explanation=f"A job patches the memory limit of {service} to less than its pods come to need.",
        prevention="Limits must have one owner.",
    )


def crashing_image(service: str) -> Hypothesis:
    """An image dies in native code."""
    return Hypothesis(
        root_cause=service,
        mechanism="bad_deploy",
        trigger="deploy",
        sustained_by="standing_state",
        spread=SPREAD[service],
        felt_after_s=None,
        team=OWNERS[service],
        plan=(f"rollback_{_slug(service)}",),
        topic=Topic.CRASHES,
        clues=(
            SignClue(
                sign=f"aborts@{service}",
                says=f"processes of {service} crash in native code",
                expr=ABORTED,
                weight=12,
            ),
        ),
        leaves=(left_in(service, LAST_WORDS[service], "a process dies in native code", alone=True),),
        explanation=f"An image of {service} crashes now and then in native code.",
        prevention="A new image must be tried on a few requests first.",
    )


def hasty_probe(service: str) -> Hypothesis:
    """A probe ends processes that work."""
    return Hypothesis(
        root_cause=service,
        mechanism="bad_config",
        trigger="config_change",
        sustained_by="standing_state",
        spread=SPREAD[service],
        felt_after_s=100.0,
        team="platform-team",
        plan=("relax_probe",),
        topic=Topic.CRASHES,
        clues=(
            SignClue(
                sign=f"ended_from_outside@{service}",
                shared=True,
                says=f"processes of {service} that work are ended from outside, again and again",
                expr=f"{TOLD_TO_END} unless on () {RUSHED}",
                weight=10,
            ),
        ),
        leaves=(left_in(service, "Liveness probe failed", "liveness probes fail", alone=True),),
        explanation=f"The liveness probe of {service} is too strict and ends processes that work.",
        prevention="A liveness probe must not look at dependencies.",
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
            sign="auth_ended_after_a_rush",
            shared=True,
            says="processes of auth-service are ended from outside, again and again, after a rush of users",
            expr=f'sum(({TOLD_TO_END}) and on (service) up{{service="{AUTH}"}}) and {RUSHED}',
            weight=10,
        ),
    ),
    leaves=(left_in("auth-service", "Liveness probe failed", "liveness probes fail", alone=True),),
    explanation="The liveness probe of auth-service waits for a worker, and ends every pod that is busy.",
    prevention="A liveness probe must not wait behind requests.",
)

HYPOTHESES = (
    *map(memory_leak, APPLICATIONS),
    *map(limit_job, APPLICATIONS),
    *map(hasty_probe, APPLICATIONS),
    *map(crashing_image, APPLICATIONS),
    PROBED_TO_DEATH,
)
