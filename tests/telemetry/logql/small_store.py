"""A store of a few entries, to try queries on."""

from collections.abc import Iterator, Mapping, Sequence

from cluster_sim.telemetry import logql
from cluster_sim.telemetry.matching import matches
from cluster_sim.telemetry.series import Matcher

SECOND = 1_000_000_000


class SmallStore:
    """Entries given as (second, labels, line)."""

    def __init__(self, *entries: tuple[float, Mapping[str, str], str]) -> None:
        self._entries = [
            logql.Entry(round(at * SECOND), line, logql.Stream(labels, labels)) for at, labels, line in entries
        ]

    def entries(
        self, matchers: Sequence[Matcher], first: int, last: int, *, newest_first: bool = False
    ) -> Iterator[logql.Entry]:
        wanted = matches(matchers)
        chosen = [entry for entry in self._entries if first <= entry.at <= last and wanted(entry.stream.labels)]
        return iter(sorted(chosen, key=lambda entry: entry.at, reverse=newest_first))

    def streams(self, matchers: Sequence[Matcher], first: int, last: int) -> list[Mapping[str, str]]:
        return [entry.stream.labels for entry in self.entries(matchers, first, last)]


def lines(source: logql.LogSource, query: str, **options) -> list[str]:
    """The lines that a query finds, oldest first."""
    return [line for _, line in sorted(entries(source, query, **options))]


def entries(source: logql.LogSource, query: str, *, limit: int = 5000, **options) -> list[tuple[int, str]]:
    """The entries that a query finds, stream after stream."""
    found = answer(source, query, limit=limit, **options)
    return [entry for _, stream in found.streams for entry in stream]


def labels(source: logql.LogSource, query: str) -> list[dict[str, str]]:
    """The labels of the streams that a query finds."""
    return [dict(labels) for labels, _ in answer(source, query).streams]


def answer(source: logql.LogSource, query: str, *, limit: int = 5000, **options) -> logql.Streams:
    return logql.logs(source, log_query(query), **{"first": 0, "last": 2**62, "limit": limit, **options})


def values(source: logql.LogSource, query: str, at_s: float) -> dict[tuple[str, ...], float]:
    """A metric query at one second: the values of each series' labels → its value."""
    found = logql.at_instant(source, metric(query), round(at_s * SECOND))
    return {tuple(labels[name] for name in sorted(labels)): points[0][1] for labels, points in found.series}


def metric(query: str) -> logql.Metric:
    parsed = logql.parse(query)
    assert not isinstance(parsed, logql.LogQuery)
    return parsed


def log_query(query: str) -> logql.LogQuery:
    parsed = logql.parse(query)
    assert isinstance(parsed, logql.LogQuery)
    return parsed
