"""Functions of instant vectors that work on values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .frames import Bools, Floats, Frame, Labels, distinct, unnamed

OF_VALUE: dict[str, Callable[[Floats], Floats]] = {
    "abs": np.abs,
    "acos": np.arccos,
    "acosh": np.arccosh,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atanh": np.arctanh,
    "ceil": np.ceil,
    "cos": np.cos,
    "cosh": np.cosh,
    "deg": lambda values: values * 180 / np.pi,
    "exp": np.exp,
    "floor": np.floor,
    "ln": np.log,
    "log10": np.log10,
    "log2": np.log2,
    "rad": lambda values: values * np.pi / 180,
    "sgn": np.sign,
    "sin": np.sin,
    "sinh": np.sinh,
    "sqrt": np.sqrt,
    "tan": np.tan,
    "tanh": np.tanh,
}
"""Functions of each value alone."""


def mapped(frame: Frame, function: Callable[[Floats], Floats]) -> Frame:
    """A function of each value; the metric's name goes."""
    return distinct(Frame(unnamed(frame.labels), function(frame.values), frame.present))


def clamp(frame: Frame, low: Floats, high: Floats) -> Frame:
    """Values within limits; nothing where the limits are the wrong way round."""
    result = mapped(frame, lambda values: larger(low, smaller(high, values)))
    return Frame(result.labels, result.values, result.present & ~(high < low))


def larger(limit: Floats, values: Floats) -> Floats:
    """Go's `math.Max`: infinity against NaN is infinity, anything else against NaN is NaN."""
    return np.where((limit == np.inf) | (values == np.inf), np.inf, np.maximum(limit, values))


def smaller(limit: Floats, values: Floats) -> Floats:
    """Go's `math.Min`: minus infinity against NaN is minus infinity, anything else against NaN is NaN."""
    return np.where((limit == -np.inf) | (values == -np.inf), -np.inf, np.minimum(limit, values))


def rounded(frame: Frame, nearest: Floats) -> Frame:
    """To the nearest multiple, halves upwards."""
    inverse = 1.0 / nearest
    return mapped(frame, lambda values: np.floor(values * inverse + 0.5) / inverse)


def scalar(frame: Frame) -> Floats:
    """The value of the only series; NaN where there are none or several."""
    only = frame.present.sum(axis=0) == 1
    return np.where(only, np.where(frame.present, frame.values, 0.0).sum(axis=0), np.nan)


def vector(values: Floats) -> Frame:
    """One series without labels."""
    return Frame([()], values[None, :], np.ones((1, values.size), dtype=bool))


def absent(frame: Frame, labels: Labels) -> Frame:
    """1 where the vector is empty."""
    missing: Bools = ~np.any(frame.present, axis=0, keepdims=True)
    return Frame([labels], np.ones(missing.shape), missing)


def ordered(frame: Frame, *, descending: bool) -> Frame:
    """Sorted by value, NaN last; only an instant query has an order."""
    if frame.values.shape[1] != 1:
        return frame
    rows = np.flatnonzero(frame.present[:, 0])
    values = frame.values[rows, 0]
    return frame.taken(rows[np.argsort(-values if descending else values, kind="stable")])
