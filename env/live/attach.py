"""A session's way onto the live cluster, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..errors import EnvError
from ..sessions import Session
from ..workers import Reset
from .cluster import LiveCluster
from .session import environment_for


@dataclass(frozen=True, slots=True)
class Attach:
    """A reset that begins or ends a stay on the live cluster, which is in this process.

    Attributes:
        to: what to attach to; None is an episode of one's own again.
    """

    changes: ClassVar[bool] = True
    begins: ClassVar[bool] = True
    reset: Reset
    to: str | None
    live: LiveCluster | None

    def __call__(self, session: Session) -> bytes:
        before = session.environment
        session.environment = environment_for(self.to, before, self.live)
        try:
            return self.reset(session)
        except EnvError:
            session.environment = before
            raise
