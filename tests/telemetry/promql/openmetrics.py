"""Series as untyped OpenMetrics with timestamps, so that promtool takes any name and any value."""

from __future__ import annotations

import math
from collections.abc import Iterable

from cluster_sim.telemetry.series import Series


def page(found: Iterable[Series]) -> str:
    """The series' samples with their times."""
    lines = []
    for one in sorted(found, key=lambda series: series.labels["__name__"]):
        pairs = ",".join(f'{name}="{_quoted(value)}"' for name, value in one.labels.items() if name != "__name__")
        name = one.labels["__name__"] + (f"{{{pairs}}}" if pairs else "")
        lines += [
            f"{name} {_number(float(value))} {int(at) // 1000}.{int(at) % 1000:03d}"
            for at, value in zip(one.times, one.values, strict=True)
        ]
    return "\n".join([*lines, "# EOF", ""])


def _quoted(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(value: float) -> str:
    return repr(value) if math.isfinite(value) else ("NaN" if math.isnan(value) else ("+Inf" if value > 0 else "-Inf"))
