"""Simulated time: whole nanoseconds since the start of the simulation, so that sums are exact in any order."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

SECOND: Final = 1_000_000_000
MILLISECOND: Final = 1_000_000

WINDOW_S: Final = 15
"""Seconds of one window of the random streams, the scrape interval and the alert evaluation interval."""
WINDOW: Final = WINDOW_S * SECOND

EPOCH_UNIX_S: Final = 1_741_942_800
"""Unix time of simulated zero: 2025-03-14T09:00:00Z (chosen)."""


def nanoseconds(seconds: float) -> int:
    """Seconds as whole nanoseconds."""
    return round(seconds * SECOND)


def seconds(duration: int) -> float:
    """Nanoseconds as seconds."""
    return duration / SECOND


def unix_s(at: int, epoch_s: int = EPOCH_UNIX_S) -> float:
    """Unix time in seconds of a simulated instant."""
    return epoch_s + at / SECOND


def unix_ms(at: int, epoch_s: int = EPOCH_UNIX_S) -> int:
    """Unix time in whole milliseconds of a simulated instant."""
    return epoch_s * 1000 + at // MILLISECOND


def moment(at: int, epoch_s: int = EPOCH_UNIX_S) -> datetime:
    """The UTC date and time of a simulated instant, to the microsecond."""
    whole, rest = divmod(at, SECOND)
    return datetime.fromtimestamp(epoch_s + whole, UTC).replace(microsecond=rest // 1000)


def rfc3339(at: int, epoch_s: int = EPOCH_UNIX_S) -> str:
    """`2025-03-14T09:04:30Z`, to the second."""
    return moment(at, epoch_s).strftime("%Y-%m-%dT%H:%M:%SZ")
