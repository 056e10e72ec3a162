"""payment-service: takes payments, over a Hikari pool to postgres."""

from __future__ import annotations

from ..specs import CallTo, FindKey, Language, Operation, PoolSpec, ProbeSpec, RetrySpec, ServiceSpec, Work
from .rules import high_latency

PROVIDER = "psp"
"""The payment service provider outside, which every payment is authorised by."""

_STORE = CallTo(service="postgres-db", operation="insert_payment", timeout_s=5.0, pool="postgres-db")

SERVICE = ServiceSpec(
    name="payment-service",
    team="payments-team",
    language=Language.JAVA,
    port=8080,
    replicas=3,
    workers=32,
    queue_limit=200,
    gc=True,
    start_s=14.0,
    # HikariCP keeps a pool at its maximum by default; its connectionTimeout is 30 s by default, here 3 s (chosen).
    pools={"postgres-db": PoolSpec(size=15, acquire_timeout_s=3.0)},
    liveness=ProbeSpec(),
    readiness=ProbeSpec(),
    operations=(
        Operation(
            name="pay",
            method="POST",
            route="/v1/payments",
            error_probability=0.0008,
            steps=(
                # A token by an unknown key need not trouble auth-service, which says whether it is good.
                FindKey(),
                CallTo(service="auth-service", operation="verify", timeout_s=0.5, retry=RetrySpec(attempts=1)),
                # Our own work with the call to the payment provider in it (chosen).
                Work(mean_s=0.035, sigma=0.6, external=PROVIDER),
                _STORE,
            ),
        ),
        Operation(
            name="charge",
            method="POST",
            route="/v1/charges",
            error_probability=0.0008,
            steps=(Work(mean_s=0.035, sigma=0.6, external=PROVIDER), _STORE),
        ),
    ),
)

LATENCY = high_latency(SERVICE.name, p99_s=2.0)
