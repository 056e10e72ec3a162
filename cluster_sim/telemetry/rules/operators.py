"""The operators of PromQL that a plan knows, as functions of arrays."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

ARITHMETIC: Mapping[str, np.ufunc] = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}

COMPARISONS: Mapping[str, np.ufunc] = {
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
}
