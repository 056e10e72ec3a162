"""The seven services, the users in front of them, and the alert rules that watch them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import ceil

from ..catalogue import catalogue
from ..specs import CallTo, ClusterSpec, EndpointSpec, EnsureToken, ScrapeSpec, ServiceSpec
from ..telemetry.rules.rule import AlertRule, RecordingRule, Rule
from . import auth, checkout, config, inventory, nodes, payment, postgres, redis, rules

_MODULES = (payment, postgres, redis, inventory, checkout, auth, config)

SERVICES: Mapping[str, ServiceSpec] = catalogue(ServiceSpec, *_MODULES)
RECORDING_RULES: Mapping[str, RecordingRule] = catalogue(RecordingRule, rules, *_MODULES)
ALERT_RULES: Mapping[str, AlertRule] = catalogue(AlertRule, rules, *_MODULES, nodes)
RULES: tuple[Rule, ...] = (*RECORDING_RULES.values(), *ALERT_RULES.values())
"""All rules, in the order of their evaluation."""

DEFAULT_ARRIVAL_RATE_HZ = 20.0
USERS = 400
"""People logged in at some time (chosen: each acts every half minute or so)."""

_LOGIN = CallTo(service="auth-service", operation="login", timeout_s=5.0)
_SIGNED_IN = EnsureToken(login=_LOGIN)


def _ask(service: str, operation: str) -> CallTo:
    return CallTo(service=service, operation=operation, timeout_s=8.0)


ENDPOINTS = (
    EndpointSpec(name="browse", share=0.40, slo_latency_s=1.5, steps=(_ask("inventory-service", "browse"),)),
    EndpointSpec(
        name="checkout",
        share=0.15,
        slo_latency_s=2.5,
        steps=(_SIGNED_IN, _ask("checkout-service", "checkout")),
    ),
    EndpointSpec(name="pay", share=0.20, slo_latency_s=1.5, steps=(_SIGNED_IN, _ask("payment-service", "pay"))),
    EndpointSpec(name="session", share=0.15, slo_latency_s=0.75, steps=(_SIGNED_IN, _ask("auth-service", "verify"))),
    EndpointSpec(name="login", share=0.10, slo_latency_s=0.75, steps=(_LOGIN,)),
)
"""What users do; shares and latency objectives are chosen."""


def seven_services(
    arrival_rate_hz: float = DEFAULT_ARRIVAL_RATE_HZ,
    scrape: ScrapeSpec = ScrapeSpec(),  # noqa: B008 - frozen
) -> ClusterSpec:
    """The cluster, with workers, cores and users in proportion to the traffic it is built for."""
    scale = max(arrival_rate_hz / DEFAULT_ARRIVAL_RATE_HZ, 1.0)
    return ClusterSpec(
        services=tuple(_provisioned(service, scale) for service in SERVICES.values()),
        endpoints=ENDPOINTS,
        arrival_rate_hz=arrival_rate_hz,
        users=round(USERS * arrival_rate_hz / DEFAULT_ARRIVAL_RATE_HZ),
        rules=RULES,
        scrape=scrape,
    )


def _provisioned(service: ServiceSpec, scale: float) -> ServiceSpec:
    if service.cache is not None:  # one thread, whatever the traffic
        return service
    return replace(service, workers=ceil(service.workers * scale), queue_limit=ceil(service.queue_limit * scale))
