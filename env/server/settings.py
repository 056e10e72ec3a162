"""What an operator may set about the server, by argument or environment variable."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

PREFIX = "INCIDENT_ENV_"


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """Limits of one server process; every field is also `INCIDENT_ENV_<FIELD>`.

    Attributes:
        max_sessions: sessions open at once, over HTTP and /ws together.
        keep_idle_s: seconds after which an unused session is closed.
        spare_idle_s: seconds after which an unused session gives way to a new one when all are taken.
        workers: threads that simulate; more share one interpreter, so a few keep every answer prompt.
        max_body_bytes: largest request body and WebSocket frame.
    """

    max_sessions: int = 512
    keep_idle_s: float = 3600.0
    spare_idle_s: float = 120.0
    workers: int = 4
    max_body_bytes: int = 64 * 1024

    def __post_init__(self) -> None:
        for field in fields(self):
            if not getattr(self, field.name) > 0:
                raise ValueError(f"{PREFIX}{field.name.upper()} must be above 0")

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> "ServerSettings":
        """The defaults, but for what the environment variables say."""
        given: dict[str, Any] = {}
        for field in fields(cls):
            name = f"{PREFIX}{field.name.upper()}"
            if name in environ:
                try:
                    given[field.name] = (int if field.type is int else float)(environ[name])
                except ValueError:
                    raise ValueError(f"{name} must be a number") from None
        return cls(**given)
