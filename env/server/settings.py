"""What an operator may set about the server, by argument or environment variable."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

PREFIX = "INCIDENT_ENV_"


def cores() -> int:
    """The processor's cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """Limits of one server; every field is also `INCIDENT_ENV_<FIELD>`.

    Attributes:
        max_sessions: sessions open at once, over HTTP and /ws together.
        keep_idle_s: seconds after which an unused session is closed.
        park_idle_s: seconds after which of an unused session only its actions are kept, which make its episode again.
        spare_idle_s: seconds after which an unused session gives way to a new one when all are taken.
        processes: worker processes that simulate beside the one that serves, once two sessions are at work at the same
            time; by default as many as there are cores. With 1 the serving process does it all.
        workers: threads that take steps in each process; they share one interpreter, so more make none of them faster.
        warm_up_mb: megabytes of incidents at their page that each process keeps, for resets to the same task and seed.
        max_body_bytes: largest request body and WebSocket frame.
    """

    max_sessions: int = 512
    keep_idle_s: float = 3600.0
    park_idle_s: float = 600.0
    spare_idle_s: float = 120.0
    processes: int = field(default_factory=cores)
    workers: int = 2
    warm_up_mb: int = 32
    max_body_bytes: int = 64 * 1024

    def __post_init__(self) -> None:
        for setting in fields(self):
            if not getattr(self, setting.name) > 0:
                raise ValueError(f"{PREFIX}{setting.name.upper()} must be above 0")

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> "ServerSettings":
        """The defaults, but for what the environment variables say."""
        given: dict[str, Any] = {}
        for setting in fields(cls):
            name = f"{PREFIX}{setting.name.upper()}"
            if name in environ:
                try:
                    given[setting.name] = (int if setting.type is int else float)(environ[name])
                except ValueError:
                    raise ValueError(f"{name} must be a number") from None
        return cls(**given)
