"""checkout-service: turns a cart into an order with auth, inventory and payment."""

from __future__ import annotations

from ..specs import BreakerSpec, CallTo, Language, Operation, ProbeSpec, RetrySpec, ServiceSpec, Work
from .rules import high_latency

SERVICE = ServiceSpec(
    name="checkout-service",
    team="checkout-team",
    language=Language.JAVA,
    port=8080,
    replicas=3,
    workers=32,
    queue_limit=200,
    gc=True,
    start_s=14.0,
    liveness=ProbeSpec(),
    readiness=ProbeSpec(),
    operations=(
        Operation(
            name="checkout",
            method="POST",
            route="/v1/checkout",
            error_probability=0.0008,
            steps=(
                Work(mean_s=0.006, sigma=0.5),
                CallTo(service="auth-service", operation="verify", timeout_s=0.5, retry=RetrySpec(attempts=1)),
                CallTo(
                    service="inventory-service",
                    operation="reserve",
                    timeout_s=2.0,
                    retry=RetrySpec(attempts=1),
                    breaker=BreakerSpec(),
                ),
                CallTo(service="payment-service", operation="charge", timeout_s=2.5, retry=RetrySpec(attempts=1)),
                Work(mean_s=0.003, sigma=0.5),
            ),
        ),
    ),
)

LATENCY = high_latency(SERVICE.name, p99_s=3.0)
