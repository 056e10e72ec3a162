"""What goes wrong with a query."""

from __future__ import annotations

from typing import Literal

from ...errors import ClusterSimError

Kind = Literal["bad_data", "execution", "timeout"]


class QueryError(ClusterSimError, ValueError):
    """A query that cannot be answered.

    Attributes:
        kind: the `errorType` of Prometheus' HTTP API: `bad_data` when the query itself is wrong, `execution` when
            the data do not allow it, `timeout` when it would take too long.
        message: the `error` of Prometheus' HTTP API.
    """

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind: Kind = kind
        self.message = message


def bad(message: str) -> QueryError:
    """The query is wrong, whatever the data."""
    return QueryError("bad_data", message)


def failed(message: str) -> QueryError:
    """The query is right, but these data do not allow it."""
    return QueryError("execution", message)
