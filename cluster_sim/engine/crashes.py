"""How processes end before their time, and how long the kubelet waits before it starts them again.

Fast-forward: events only.
"""

from __future__ import annotations

from ..clock import SECOND
from ..specs import Language

FIRST_PAUSE = 10 * SECOND
LONGEST_PAUSE = 300 * SECOND
FORGOTTEN_AFTER = 600 * SECOND
"""The kubelet's back-off of crashed containers; source: Kubernetes documentation, Pod Lifecycle, container restart
policy: the first restart is at once, then 10 s, 20 s, 40 s, … up to 300 s, reset after 10 minutes without a crash."""

OUT_OF_MEMORY = "OOMKilled"
ERROR = "Error"
CRASHES = frozenset({OUT_OF_MEMORY, ERROR})
"""The ends of a process after which its container is kept waiting; the others are wanted."""

KILLED, TERMINATED, FAILED_START = 137, 143, 1
"""Exit codes: 128 and the signal, or what the program says itself."""
FATAL = {Language.JAVA: 134, Language.PYTHON: 139, Language.GO: 2}
"""Exit code of a process that dies of itself: an aborting JVM, a segmentation fault, a panic."""

START_FAILS_AFTER = 4 * SECOND
"""Nanoseconds after which a process that cannot reach what it needs gives up its start (chosen)."""


class BackOff:
    """The kubelet's patience with one container.

    Attributes:
        pause: nanoseconds that it will wait after the next crash.
        since: when it last started the container after a crash.
    """

    def __init__(self) -> None:
        self.pause = 0
        self.since = 0

    def crashed(self, now: int) -> int:
        """The container has crashed; returns the nanoseconds until it is started again."""
        if now - self.since > FORGOTTEN_AFTER:
            self.pause = 0
        pause = self.pause
        self.pause = min(2 * pause, LONGEST_PAUSE) or FIRST_PAUSE
        self.since = now + pause
        return pause


def exit_code(reason: str) -> int:
    """The usual exit code of a process that ended for a reason."""
    return {OUT_OF_MEMORY: KILLED, ERROR: TERMINATED}.get(reason, 0)
