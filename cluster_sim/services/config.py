"""config-service: settings and secrets for the others."""

from __future__ import annotations

from ..specs import Language, Operation, ProbeSpec, ServiceSpec, Work

SERVICE = ServiceSpec(
    name="config-service",
    team="platform-team",
    language=Language.GO,
    port=8080,
    replicas=2,
    workers=16,
    queue_limit=200,
    start_s=4.0,
    warmup_s=2.0,
    liveness=ProbeSpec(),
    readiness=ProbeSpec(),
    operations=(
        Operation(
            name="settings",
            method="GET",
            route="/v1/settings",
            error_probability=0.0004,
            steps=(Work(mean_s=0.0015, sigma=0.4),),
        ),
    ),
)
