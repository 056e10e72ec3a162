"""auth-service: logs users in and verifies their tokens; every replica holds its own copy of the signing secret."""

from __future__ import annotations

from ..specs import (
    Balance,
    CallTo,
    KeyRingSpec,
    Language,
    MintToken,
    Operation,
    ProbeSpec,
    RetrySpec,
    ServiceSpec,
    Sometimes,
    VerifyToken,
    Work,
)
from ..telemetry.rules.rule import AlertRule, Severity
from .rules import high_latency

_SETTINGS = CallTo(
    service="config-service", operation="settings", timeout_s=0.5, retry=RetrySpec(attempts=1), optional=True
)

SERVICE = ServiceSpec(
    name="auth-service",
    team="security-team",
    language=Language.PYTHON,
    port=8080,
    replicas=3,
    workers=16,
    queue_limit=200,
    # kube-proxy in iptables mode picks an endpoint at random.
    balance=Balance.RANDOM,
    keys=KeyRingSpec(token_lifetime_s=300.0),
    liveness=ProbeSpec(),
    readiness=ProbeSpec(),
    operations=(
        Operation(
            name="login",
            method="POST",
            route="/v1/login",
            error_probability=0.0004,
            # A password hash of bcrypt's default cost takes some tens of milliseconds (chosen: 60).
            steps=(
                Work(mean_s=0.06, sigma=0.25),
                Sometimes(probability=0.05, steps=(_SETTINGS,)),
                MintToken(),
            ),
        ),
        Operation(
            name="verify",
            method="GET",
            route="/v1/session",
            error_probability=0.0004,
            steps=(
                Work(mean_s=0.002, sigma=0.4),
                Sometimes(probability=0.03, steps=(_SETTINGS,)),
                VerifyToken(),
            ),
        ),
    ),
)

LATENCY = high_latency(SERVICE.name, p99_s=1.0)

BAD_SIGNATURES = AlertRule(
    alert="InvalidTokenSignatures",
    expr='sum by (service) (rate(auth_token_validation_total{result="invalid_signature"}[1m]))\n'
    "/ sum by (service) (rate(auth_token_validation_total[1m])) > 0.05",
    for_s=30,
    severity=Severity.TICKET,
    summary="{{ $labels.service }} token signatures not valid {{ $value | humanizePercentage }} > 5% over 1m",
    group="auth",
)
CONFIG_VERSIONS = AlertRule(
    alert="ConfigVersionMismatch",
    expr="count by (service) (count by (service, checksum) (config_version_info)) > 1",
    for_s=60,
    severity=Severity.TICKET,
    summary="{{ $labels.service }} versions of its configuration in use for 1m: {{ $value | humanize }}",
    description="Pods of one service should use the same configuration; a rollout takes less than that.",
    group="auth",
)
