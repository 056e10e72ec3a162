"""Where a generated incident is found: the same address is the same incident for ever, under the same version."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import isfinite

from ..errors import ClusterSimError

VERSION = 2
"""Grows whenever an address comes to mean another incident."""

SIZE = 1_000_000
"""Incidents of each split, at every difficulty."""

DIFFICULTIES = range(1, 6)

HIGHEST_NOISE = 3.0
RATES_HZ = (5.0, 500.0)
USUAL_RATE_HZ = 20.0


class Split(StrEnum):
    """What an incident may be used for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class InvalidAddress(ClusterSimError, ValueError):
    """There is no such incident; the message lists what there is.

    Attributes:
        field: what of the address is wrong.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass(frozen=True, kw_only=True)
class Address:
    """The address of a generated incident.

    Attributes:
        split: `train`, `validation` or `test`.
        index: 0 to `SIZE` - 1.
        difficulty: 1 to 5; None: that of the index, each as often as the others.
        noise: factor on the noise level that goes with the difficulty, 0 to 3.
        rate_hz: user requests per second that the incident's own traffic varies around.

    Raises:
        InvalidAddress: there is no such split, index, difficulty, noise or rate.
    """

    split: Split
    index: int
    difficulty: int | None = None
    noise: float = 1.0
    rate_hz: float = USUAL_RATE_HZ

    def __post_init__(self) -> None:
        if self.split not in set(Split):
            raise InvalidAddress("split", f"should be one of {', '.join(Split)}")
        object.__setattr__(self, "split", Split(self.split))
        if not 0 <= self.index < SIZE:
            raise InvalidAddress("index", f"should be 0 to {SIZE - 1}")
        if self.difficulty is not None and self.difficulty not in DIFFICULTIES:
            raise InvalidAddress("difficulty", f"should be {DIFFICULTIES[0]} to {DIFFICULTIES[-1]}")
        if not (isfinite(self.noise) and 0 <= self.noise <= HIGHEST_NOISE):
            raise InvalidAddress("noise", f"should be 0 to {HIGHEST_NOISE:g}")
        if not RATES_HZ[0] <= self.rate_hz <= RATES_HZ[1]:
            raise InvalidAddress("arrival_rate_hz", f"should be {RATES_HZ[0]:g} to {RATES_HZ[1]:g}")

    @property
    def name(self) -> str:
        """`v2-test-17`, with what is not as usual behind it: `v2-test-17-d5-n0.5-r50`."""
        parts = [f"v{VERSION}", str(self.split), str(self.index)]
        if self.difficulty is not None:
            parts.append(f"d{self.difficulty}")
        if self.noise != 1.0:
            parts.append(f"n{self.noise:g}")
        if self.rate_hz != USUAL_RATE_HZ:
            parts.append(f"r{self.rate_hz:g}")
        return "-".join(parts)
