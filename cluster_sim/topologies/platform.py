"""What all generated domains share: the service that logs users in, and that with the settings."""

from __future__ import annotations

from collections.abc import Mapping

from ..specs import CallTo, MintToken, Operation, Sometimes, VerifyToken, Work

AUTH, CONFIG = "auth-service", "config-service"

ERRORS = 0.0004
"""Share of requests to any application that fail for no reason of the cluster's (chosen)."""

LOGIN = CallTo(service=AUTH, operation="login", timeout_s=5.0)
VERIFY = CallTo(service=AUTH, operation="verify", timeout_s=0.5)
SETTINGS = CallTo(service=CONFIG, operation="settings", timeout_s=0.5, optional=True)

OPERATIONS: Mapping[str, tuple[Operation, ...]] = {
    AUTH: (
        Operation(
            name="login",
            method="POST",
            route="/v1/login",
            error_probability=ERRORS,
            # A password hash of bcrypt's default cost takes some tens of milliseconds (chosen: 60).
            steps=(Work(mean_s=0.06, sigma=0.25), MintToken()),
        ),
        Operation(
            name="verify",
            method="GET",
            route="/v1/session",
            error_probability=ERRORS,
            steps=(Work(mean_s=0.002, sigma=0.4), Sometimes(probability=0.03, steps=(SETTINGS,)), VerifyToken()),
        ),
    ),
    CONFIG: (
        Operation(
            name="settings",
            method="GET",
            route="/v1/settings",
            error_probability=ERRORS,
            steps=(Work(mean_s=0.0015, sigma=0.4),),
        ),
    ),
}
"""Service → its operations."""
