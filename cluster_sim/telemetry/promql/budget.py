"""How much one query may do."""

from __future__ import annotations

from .errors import failed

MOST_WORK = 200_000_000
"""Steps of arithmetic in one query, about 0.8 seconds on one core. Chosen."""

OF_LOADING, OF_ARITHMETIC, OF_SORTING, OF_LABELLING = 40, 8, 40, 400
"""Steps that one value costs. Loading costs more than it takes, so that memory is bounded too: 40 MB a matrix."""

MOST_INSTANTS = 1_000_000
"""Steps of one range query or subquery. Chosen; Prometheus' HTTP API refuses more than 11,000 for a range query."""

OF_A_SERIES, OF_A_ROW = 4_000, 1_000
"""Steps that finding a series costs, and looking at the labels of a row."""


class Budget:
    """What is left of a query's allowance; counts steps, so the same query over the same data always ends the same."""

    def __init__(self, work: int = MOST_WORK) -> None:
        self.left = work

    def spend(self, steps: int) -> None:
        """Takes from the allowance.

        Raises:
            QueryError: `execution`, worded as Prometheus does, when it is used up.
        """
        self.left -= steps
        if self.left < 0:
            raise failed("query processing would load too many samples into memory in query execution")
