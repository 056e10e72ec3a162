"""The functions of range vectors, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from . import over_time, rates
from .blocks import Windows
from .errors import failed
from .frames import Floats
from .rates import Result

_OF_SPANS: dict[str, Callable[[Windows], Result]] = {
    "absent_over_time": over_time.present,
    "avg_over_time": over_time.mean,
    "changes": rates.changes,
    "count_over_time": over_time.count,
    "delta": rates.delta,
    "deriv": rates.deriv,
    "idelta": rates.idelta,
    "increase": rates.increase,
    "irate": rates.irate,
    "last_over_time": over_time.last,
    "max_over_time": over_time.maximum,
    "min_over_time": over_time.minimum,
    "present_over_time": over_time.present,
    "rate": rates.rate,
    "resets": rates.resets,
    "stddev_over_time": over_time.deviation,
    "stdvar_over_time": over_time.variance,
    "sum_over_time": over_time.total,
}
_ONE_BY_ONE = frozenset(
    ["deriv", "predict_linear", "holt_winters", "quantile_over_time", "stddev_over_time", "stdvar_over_time"]
)
"""Functions that look at each sample of each span, not only at running totals."""

_OF_A_PASS = 5_000
"""What it costs to begin a pass over all series, in steps."""

NAMES = frozenset({*_OF_SPANS, "holt_winters", "predict_linear", "quantile_over_time"})


def applied(name: str, span: Windows, numbers: Sequence[Floats]) -> Result:
    """The named function of each span; `numbers` are its other arguments, for each instant.

    Raises:
        QueryError: `execution` for arguments out of range.
    """
    match name:
        case "predict_linear":
            if span.at_ms.size > 1 and np.ptp(span.end_ms) == 0:
                # Prometheus 2.42 moves the span with the steps here, which @ is there to prevent.
                raise failed("predict_linear() of a span fixed by @ is not supported at more than one instant")
            return rates.predict_linear(span, numbers[0])
        case "holt_winters":
            return rates.holt_winters(span, numbers[0], numbers[1])
        case "quantile_over_time":
            return over_time.quantile(span, numbers[0])
        case _:
            return _OF_SPANS[name](span)


def work(name: str, span: Windows) -> int:
    """About how many steps of arithmetic the function takes."""
    passes = span.longest if name in _ONE_BY_ONE else 1
    return passes * (10 * len(span.block.rows) * span.at_ms.size + _OF_A_PASS)
