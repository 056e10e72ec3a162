"""Series made up for tests of the formats."""

from __future__ import annotations

import numpy as np

from cluster_sim.telemetry.series import STALE, Series

START_MS = 1_741_942_800_000
"""2025-03-14T09:00:00Z."""


def series(values: list[float], *, start_ms: int = START_MS, step_ms: int = 15_000, **labels: str) -> Series:
    """One series with a sample every so often; `name` is its name."""
    named = {"__name__": labels.pop("name"), **labels}
    times = np.arange(len(values), dtype=np.int64) * step_ms + start_ms
    return Series(dict(sorted(named.items())), times, _floats(values))


def _floats(values: list[float]) -> np.ndarray:
    """The values; a marker's bits are set as bits."""
    made = np.array([0.0 if value is STALE else value for value in values])
    made.view(np.uint64)[[value is STALE for value in values]] = 0x7FF0000000000002
    return made
