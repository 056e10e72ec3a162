"""What is wrong with a query, in Loki's words."""

from __future__ import annotations

from ...errors import ClusterSimError


class QueryError(ClusterSimError, ValueError):
    """A query that cannot be answered: Loki answers it with status 400 and this text."""


class ParseError(QueryError):
    """A query that is not LogQL.

    Attributes:
        line, column: where, counted from 1; 0 where the query as a whole is meant.
    """

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        place = f"at line {line}, col {column}" if line or column else ""
        super().__init__(f"parse error {place}: {message}")
        self.line = line
        self.column = column


def unsupported(what: str, line: int = 0, column: int = 0) -> ParseError:
    """LogQL that Loki would take and this evaluator does not."""
    return ParseError(f"{what} is not supported here", line, column)
