"""What is left when nothing was found and users are well: a page that needs no repair."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..evidence import LogClue, QuietClue, SignClue
from .hypothesis import NOTHING, Hypothesis, Topic

PAIN = r"HighErrorRate|HighUnauthorizedRate|HighLatency"
"""The pages that users' pain sets off."""

NO_NETWORK: Mapping[str, str] = MappingProxyType(
    {
        "payment-service": "UnknownHostException",
        "checkout-service": "UnknownHostException",
        "inventory-service": "gaierror",
        "auth-service": "gaierror",
    }
)
"""What a process writes that finds no network at its start."""

QUIET = QuietClue(says="users are well, and no fault shows anywhere", pages=PAIN, required=True)

CALM = Hypothesis(
    root_cause="checkout-service",
    mechanism=NOTHING,
    trigger="none",
    sustained_by="nothing",
    felt_after_s=None,
    team="",
    plan=(),
    topic=Topic.LOAD,
    clues=(QUIET,),
    explanation="Nothing is wrong; the alert fired for something that users do not feel.",
)

ROLLED_OUT = Hypothesis(
    root_cause="checkout-service",
    mechanism=NOTHING,
    trigger="deploy",
    sustained_by="nothing",
    felt_after_s=60.0,
    team="",
    plan=(),
    topic=Topic.LOAD,
    clues=(
        QUIET,
        SignClue(
            sign="checkout_rolled_out",
            says="a release of checkout-service was rolled out, and it has answered more slowly for minutes only",
            expr='sum(changes(kube_deployment_metadata_generation{deployment="checkout-service"}[15m])) > 0'
            ' and max(max_over_time(service:http_request_duration_seconds:p50_1m{service="checkout-service"}[10m]))'
            " > 0.8",
            weight=1,
            decisive=False,
        ),
    ),
    explanation="New processes of checkout-service were slow until they had warmed up, and users put up with it.",
)


def moved_pod(service: str) -> Hypothesis:
    """A pod has started where there was no network yet."""
    return Hypothesis(
        root_cause=service,
        mechanism=NOTHING,
        trigger="infrastructure",
        sustained_by="nothing",
        felt_after_s=80.0,
        team="",
        plan=(),
        topic=Topic.CRASHES,
        clues=(
            QUIET,
            LogClue(
                says=f"a process of {service} found no network at its start",
                pattern=r"UnknownHostException|socket\.gaierror",
                services=(service,),
                at_least=1,
                grep=NO_NETWORK[service],
            ),
        ),
        explanation=f"One pod of {service} was moved to a node without network, and has started since.",
    )


FLAPPING = Hypothesis(
    root_cause="checkout-service",
    mechanism=NOTHING,
    trigger="none",
    sustained_by="nothing",
    felt_after_s=None,
    team="",
    plan=(),
    topic=Topic.LOAD,
    clues=(
        QUIET,
        SignClue(
            sign="page_came_and_went",
            says="the page about traffic came and went before, as it does all day",
            expr='sum(count_over_time(ALERTS{alertname="HighTraffic",alertstate="firing"}[15m] offset 8m)) > 0',
            weight=1,
            decisive=False,
        ),
    ),
    explanation="The threshold of the alert lies within ordinary traffic; the rule needs a ticket.",
)

HYPOTHESES = (CALM, ROLLED_OUT, FLAPPING, *map(moved_pod, NO_NETWORK))
