"""Expressions over the metric catalogue: what panels and annotations ask Prometheus."""

from __future__ import annotations

from typing import Literal

from cluster_sim.telemetry.metrics.spec import MetricSpec

WINDOW = "$__rate_interval"
"""Grafana fills in the range of a rate: four scrapes (one minute) or more."""


def select(spec: MetricSpec, matchers: str = "", *, part: Literal["", "bucket", "count", "sum"] = "") -> str:
    """The series of a family; `part` is that of a histogram or a summary."""
    name = f"{spec.name}_{part}" if part else spec.series
    return f"{name}{{{matchers}}}" if matchers else name


def rate(
    spec: MetricSpec,
    matchers: str = "",
    *,
    part: Literal["", "bucket", "count", "sum"] = "",
    by: str = "",
    window: str = WINDOW,
) -> str:
    """What a counter gains per second, added up over all labels but those of `by` (comma separated)."""
    return total(f"rate({select(spec, matchers, part=part)}[{window}])", by=by)


def total(expr: str, *, by: str = "") -> str:
    """The sum over all labels but those of `by`."""
    return f"sum by ({by}) ({expr})" if by else f"sum({expr})"


def share(part: str, whole: str) -> str:
    """Part of a whole; 0 where the series of the part do not exist yet, as those of an error that never happened."""
    return f"({part} or 0 * {whole}) / {whole}"


def mean(spec: MetricSpec, matchers: str = "", *, by: str = "", window: str = WINDOW) -> str:
    """The mean of a histogram or a summary."""
    parts = (rate(spec, matchers, part=part, by=by, window=window) for part in ("sum", "count"))
    return " / ".join(parts)


def quantile(q: float, spec: MetricSpec, matchers: str = "", *, by: str = "", window: str = WINDOW) -> str:
    """A quantile of a histogram."""
    labels = f"{by}, le" if by else "le"
    return f"histogram_quantile({q:g}, {rate(spec, matchers, part='bucket', by=labels, window=window)})"


def relabel(expr: str, new: str, old: str) -> str:
    """The same series with the value of one label under another name too."""
    return f'label_replace({expr}, "{new}", "$1", "{old}", "(.+)")'


def any_of(values: list[str]) -> str:
    """A regular expression for the value of a label."""
    return "|".join(values)
