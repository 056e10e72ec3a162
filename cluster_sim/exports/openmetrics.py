"""Series as OpenMetrics text with timestamps, which `promtool tsdb create-blocks-from openmetrics` reads."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..telemetry.series import NAME, Series, is_stale
from .episode import Episode
from .exporter import Exporter, File

Metadata = Mapping[str, tuple[str, str]]
"""Type and help of each metric family."""

_LABEL_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})


class Family(NamedTuple):
    """What the samples of one name belong to.

    Attributes:
        suffixes: endings of its samples' names in the order in which one scrape's samples stand.
    """

    name: str
    kind: str
    help: str
    suffixes: tuple[str, ...] = ("",)


_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "summary": ("", "_count", "_sum")}


class Families:
    """The families by the names of their samples.

    A counter must be called `…_total`; one that some exporter calls otherwise is of unknown type here. Names that the
    metadata do not hold are of unknown type too.
    """

    def __init__(self, metadata: Metadata) -> None:
        self._by_sample: dict[str, Family] = {}
        for name, (kind, text) in metadata.items():
            base = name.removesuffix("_total") if kind == "counter" else name
            family = Family(base, kind, text, _SUFFIXES.get(kind, ("",)))
            for suffix in family.suffixes:
                self._by_sample[base + suffix] = family
            if kind == "counter" and base == name:
                self._by_sample.setdefault(name, Family(name, "unknown", text))

    def of(self, sample: str) -> Family:
        """The family of a sample's name."""
        return self._by_sample.get(sample) or Family(sample, "unknown", "")


def page(series: Iterable[Series], metadata: Metadata) -> Iterator[str]:
    """The lines of a page: each family in one piece, the samples of each series in the order of time.

    Where a series is stale it has no sample: the format cannot say more.
    """
    families = Families(metadata)
    groups: dict[Family, dict[tuple[tuple[str, str], ...], list[Series]]] = {}
    for one in series:
        family = families.of(one.labels[NAME])
        metric = tuple((k, v) for k, v in sorted(one.labels.items()) if k not in (NAME, "le", "quantile"))
        groups.setdefault(family, {}).setdefault(metric, []).append(one)
    for family in sorted(groups):
        yield f"# TYPE {family.name} {family.kind}\n"
        if family.help:
            yield f"# HELP {family.name} {family.help.translate(_LABEL_ESCAPES)}\n"
        for metric in sorted(groups[family]):
            yield from _points(sorted(groups[family][metric], key=lambda one: _place(family, one)))
    yield "# EOF\n"


def _place(family: Family, series: Series) -> tuple[int, float]:
    """Where a series stands among those of one histogram or summary."""
    suffix = series.labels[NAME].removeprefix(family.name)
    bound = series.labels.get("le") or series.labels.get("quantile") or "0"
    return family.suffixes.index(suffix), float(bound)


def _points(members: list[Series]) -> Iterator[str]:
    """The samples of a metric, instant by instant."""
    fresh = [~is_stale(one.values) for one in members]
    times = np.concatenate([one.times[keep] for one, keep in zip(members, fresh, strict=True)])
    values = np.concatenate([one.values[keep] for one, keep in zip(members, fresh, strict=True)])
    which = np.repeat(np.arange(len(members)), [int(keep.sum()) for keep in fresh])
    order: NDArray[np.intp] = np.lexsort((which, times))
    names = [_sample_name(one.labels) for one in members]
    for member, at, value in zip(which[order].tolist(), times[order].tolist(), values[order].tolist(), strict=True):
        yield f"{names[member]} {number(value)} {timestamp(at)}\n"


def _sample_name(labels: Mapping[str, str]) -> str:
    inside = ",".join(f'{k}="{v.translate(_LABEL_ESCAPES)}"' for k, v in sorted(labels.items()) if k != NAME)
    return f"{labels[NAME]}{{{inside}}}" if inside else labels[NAME]


def number(value: float) -> str:
    """A value, exact, and whole numbers without a fraction."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value).removesuffix(".0")


def timestamp(ms: int) -> str:
    """Milliseconds of Unix time in seconds."""
    seconds, rest = divmod(ms, 1000)
    return f"{seconds}.{rest:03d}" if rest else str(seconds)


def _files(episode: Episode) -> Iterator[File]:
    yield "metrics.om", page(episode.series(), episode.cluster.metrics.metadata())


OPENMETRICS = Exporter(name="openmetrics", about="metrics for promtool's backfill", files=_files)
