"""What a query evaluates to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ..series import Series


class Sample(NamedTuple):
    """One value of one series at Unix millisecond `at_ms`."""

    labels: Mapping[str, str]
    at_ms: int
    value: float


@dataclass(frozen=True, slots=True)
class Vector:
    """Series at one instant; in order where the query sorts."""

    samples: list[Sample]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Series over a span, sorted by their labels."""

    series: list[Series]


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number without labels."""

    at_ms: int
    value: float


@dataclass(frozen=True, slots=True)
class String:
    """A string."""

    at_ms: int
    value: str


Value = Vector | Matrix | Scalar | String
