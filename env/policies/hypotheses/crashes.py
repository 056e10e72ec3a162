"""Causes for which containers end, over and over."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..evidence import SignClue
from ..spread import Edge
from .hypothesis import Hypothesis, Topic, left_in
from .ways import THROUGH_AUTH, THROUGH_INVENTORY, THROUGH_PAYMENT

CHECKOUT, PAYMENT, INVENTORY, AUTH = "checkout-service", "payment-service", "inventory-service", "auth-service"
SERVICES = (CHECKOUT, PAYMENT, INVENTORY, AUTH)

OWNERS: Mapping[str, str] = MappingProxyType(
    {CHECKOUT: "checkout-team", PAYMENT: "payments-team", INVENTORY: "inventory-team", AUTH: "security-team"}
)
SPREAD: Mapping[str, tuple[Edge, ...]] = MappingProxyType(
    {CHECKOUT: (), PAYMENT: THROUGH_PAYMENT, INVENTORY: THROUGH_INVENTORY, AUTH: THROUGH_AUTH}
)

JVM, PYTHON = (134, "fatal error has been detected"), (139, "Fatal Python error")
"""With which exit code, and which words, a process ends that crashes in native code."""
CRASHED: Mapping[str, tuple[int, str]] = MappingProxyType(
    {CHECKOUT: JVM, PAYMENT: JVM, INVENTORY: PYTHON, AUTH: PYTHON}
)

_ENDED = "kube_pod_container_status_last_terminated"
_USERS = 'service:http_requests:rate1m{service="inventory-service"}'


def _slug(service: str) -> str:
    return service.replace("-", "_")


def _killed(service: str) -> str:
    """Processes that were killed at their memory limit, if any."""
    return f'count({_ENDED}_reason{{service="{service}",reason="OOMKilled"}} == 1) > 0'


def _lowered(service: str) -> str:
    """The lowest memory limit, where it was higher before; containers that wait show none."""
    limit = f'container_spec_memory_limit_bytes{{service="{service}"}}'
    return f"min(min_over_time({limit}[10m])) < max(max_over_time({limit}[20m]))"


def _ended(service: str) -> str:
    """Pods whose process was told to end, if there are several, and it happens again and again."""
    code = f'{_ENDED}_exitcode{{service="{service}"}}'
    restarts = f'kube_pod_container_status_restarts_total{{service="{service}"}}'
    return f"count({code} == 143 or {code} == 137) > 1 and sum(increase({restarts}[10m])) > 3"


def _rushed() -> str:
    """Users who came, if there were many more of them for a while than on average."""
    return f"max(max_over_time({_USERS}[10m])) > 2 * max(avg_over_time({_USERS}[20m]))"


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
                sign=f"{_slug(service)}_leaks",
                says=f"processes of {service} are killed at a memory limit that is what it ever was",
                expr=f"{_killed(service)} unless {_lowered(service)}",
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
                sign=f"{_slug(service)}_killed_early",
                says=f"processes of {service} are killed at a memory limit that was higher before",
                expr=f"{_killed(service)} and {_lowered(service)}",
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
                sign=f"{_slug(service)}_aborts",
                says=f"processes of {service} crash in native code",
                expr=f'count({_ENDED}_exitcode{{service="{service}"}} == {CRASHED[service][0]}) > 0',
                weight=12,
            ),
        ),
        leaves=(left_in(service, CRASHED[service][1], "a process dies in native code", alone=True),),
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
                sign=f"{_slug(service)}_ended_from_outside",
                shared=True,
                says=f"processes of {service} that work are ended from outside, again and again",
                expr=f"{_ended(service)} unless {_rushed()}",
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
            expr=f"{_ended(AUTH)} and {_rushed()}",
            weight=10,
        ),
    ),
    leaves=(left_in("auth-service", "Liveness probe failed", "liveness probes fail", alone=True),),
    explanation="The liveness probe of auth-service waits for a worker, and ends every pod that is busy.",
    prevention="A liveness probe must not wait behind requests.",
)

HYPOTHESES = (
    *map(memory_leak, SERVICES),
    *map(limit_job, SERVICES),
    *map(hasty_probe, SERVICES),
    *map(crashing_image, SERVICES),
    PROBED_TO_DEATH,
)
