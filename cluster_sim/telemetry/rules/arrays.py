"""Arrays of numbers, and what they are of."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ..metrics.spec import BOUNDS

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]

SIZE = len(BOUNDS)
"""Buckets of a histogram."""

ABSENT = -1
"""Stands for a counter that is not there."""


def ints(numbers: Iterable[int]) -> Ints:
    """Indices, to take by."""
    return np.array(list(numbers), dtype=np.intp)
