"""Functions of instant vectors that read values as Unix seconds, in UTC."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .errors import failed
from .frames import Floats

_LARGEST_S = 2.0**62
"""Go goes on, but to dates without meaning: it takes NaN as some instant in the year -292277022399."""

Dates = NDArray[np.datetime64]


def _within(unit: str, larger: str) -> Callable[[Dates], NDArray[np.int64]]:
    """How many whole units of a date lie before it in the larger unit."""

    def count(dates: Dates) -> NDArray[np.int64]:
        whole: NDArray[np.int64] = (dates.astype(f"datetime64[{unit}]") - dates.astype(f"datetime64[{larger}]")).astype(
            np.int64
        )
        return whole

    return count


def _days_in_month(dates: Dates) -> NDArray[np.int64]:
    months = dates.astype("datetime64[M]")
    days: NDArray[np.int64] = ((months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64)
    return days


_OF_DATE: dict[str, Callable[[Dates], NDArray[np.int64]]] = {
    "day_of_month": lambda dates: _within("D", "M")(dates) + 1,
    # 1 January 1970 was a Thursday.
    "day_of_week": lambda dates: (dates.astype("datetime64[D]").astype(np.int64) + 4) % 7,
    "day_of_year": lambda dates: _within("D", "Y")(dates) + 1,
    "days_in_month": _days_in_month,
    "hour": _within("h", "D"),
    "minute": _within("m", "h"),
    "month": lambda dates: _within("M", "Y")(dates) + 1,
    "year": lambda dates: dates.astype("datetime64[Y]").astype(np.int64) + 1970,
}

NAMES = frozenset(_OF_DATE)


def part_of_date(function: str) -> Callable[[Floats], Floats]:
    """The function of values, in seconds, that gives the named part of the date."""

    def part(values: Floats) -> Floats:
        if not (np.abs(values) < _LARGEST_S).all():
            raise failed(f"{function}() of NaN, an infinity or more than {_LARGEST_S:.0f} seconds is not supported")
        return _OF_DATE[function](values.astype(np.int64).astype("datetime64[s]")).astype(np.float64)

    return part
