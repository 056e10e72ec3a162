"""Time series as queries see them: labels, instants and values, and where they come from."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

NAME = "__name__"

STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
"""The NaN that says that a series has ended; source: prometheus, model/value/value.go, StaleNaN."""


class Series(NamedTuple):
    """One time series, or the part of it that was asked for.

    Attributes:
        labels: its name (`__name__`) and its labels, sorted by name.
        times: ascending milliseconds of Unix time.
        values: one for each instant; `STALE` where the series ends and may begin anew.
    """

    labels: Mapping[str, str]
    times: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Matcher:
    """A condition on a label; one that a series does not have is the empty string.

    Attributes:
        operator: `=`, `!=`, `=~` or `!~`; regular expressions are anchored at both ends.
    """

    label: str
    operator: str
    value: str


class Source(Protocol):
    """What holds series."""

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> list[Series]:
        """The series that meet every condition, with their samples from `start_ms` to `end_ms`, both included.

        Series without a sample in that span are left out. The order is fixed, but means nothing.
        """
        ...


def is_stale(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where values are staleness markers (other NaNs are not)."""
    marks: NDArray[np.bool_] = values.view(np.uint64) == np.uint64(0x7FF0000000000002)
    return marks
