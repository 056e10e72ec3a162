"""Numbers as text, the way Go and so Prometheus writes and reads them."""

from __future__ import annotations

import math
import re

import numpy as np

_NUMBER = re.compile(
    r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?inf(?:inity)?|nan", re.ASCII | re.IGNORECASE
)


def shortest(value: float) -> str:
    """The fewest digits that give the same float, without an exponent (`strconv.FormatFloat(v, 'f', -1, 64)`)."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(np.format_float_positional(value, trim="-"))


def read(text: str) -> float | None:
    """The number that a label such as `le` holds, or none."""
    return float(text) if _NUMBER.fullmatch(text) else None
