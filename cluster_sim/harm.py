"""What users suffered within a span of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .clock import WINDOW
from .cluster import Cluster
from .specs import CallTo, ClusterSpec, calls_in

WINDOW_MINUTES = WINDOW / 60e9


Outcomes = Mapping[int, Sequence[Sequence[int]]]
"""Per 15-second window of arrival, per endpoint: how many requests were answered, and how many of them well."""


@dataclass(frozen=True, kw_only=True)
class EndpointHarm:
    """What the users of one endpoint suffered.

    Attributes:
        requests: how many of those that arrived within the span were answered, or given up.
        bad: how many of them failed or took longer than the endpoint's objective.
        bad_minutes: minutes of complete outage that would have hurt as many: the share of bad requests, integrated over
            the span window by window.
    """

    endpoint: str
    requests: int
    bad: int
    bad_minutes: float


@dataclass(frozen=True, kw_only=True)
class Harm:
    """What users suffered within a span.

    Attributes:
        since, until: nanoseconds, whole windows.
        endpoints: in the order of the spec.
        bad_minutes: the same over the requests of all endpoints together.
    """

    since: int
    until: int
    endpoints: tuple[EndpointHarm, ...]
    bad_minutes: float

    @property
    def requests(self) -> int:
        """Requests of all endpoints."""
        return sum(endpoint.requests for endpoint in self.endpoints)

    @property
    def bad(self) -> int:
        """Bad requests of all endpoints."""
        return sum(endpoint.bad for endpoint in self.endpoints)


def harm(cluster: Cluster, since: int, until: int) -> Harm:
    """The harm done to those who arrived in the whole windows of a span; what is not answered yet does not count.

    Args:
        since, until: nanoseconds.
    """
    names = [endpoint.name for endpoint in cluster.spec.endpoints]
    answered = [0] * len(names)
    bad = [0] * len(names)
    minutes = [0.0] * len(names)
    first, last = -(-since // WINDOW), until // WINDOW
    for window in range(first, last):
        counts = cluster.recorder.outcomes.get(window, [])
        for place, (requests, good) in enumerate(counts):
            answered[place] += requests
            bad[place] += requests - good
            minutes[place] += _share(requests, good)
    endpoints = tuple(
        EndpointHarm(endpoint=name, requests=answered[i], bad=bad[i], bad_minutes=minutes[i] * WINDOW_MINUTES)
        for i, name in enumerate(names)
    )
    overall = bad_minutes(cluster.recorder.outcomes, since, until)
    return Harm(since=first * WINDOW, until=last * WINDOW, endpoints=endpoints, bad_minutes=overall)


def bad_minutes(outcomes: Outcomes, since: int, until: int) -> float:
    """Minutes of complete outage that would have hurt as many: the share of bad requests, integrated window by window.

    Args:
        since, until: nanoseconds; whole windows within them count.
    """
    windows = (outcomes.get(window, ()) for window in range(-(-since // WINDOW), until // WINDOW))
    return WINDOW_MINUTES * sum(_share(sum(c[0] for c in counts), sum(c[1] for c in counts)) for counts in windows)


def _share(requests: int, good: int) -> float:
    """Share of bad ones; 0 of none."""
    return (requests - good) / requests if requests else 0.0


def patience_s(spec: ClusterSpec) -> float:
    """Seconds after which every user has an answer or has given up, whatever happens."""
    return max(sum(map(_longest_s, calls_in(endpoint.steps))) for endpoint in spec.endpoints)


def _longest_s(call: CallTo) -> float:
    retries = call.retry.attempts
    # A wait before a retry is at most one and a half times its mean, which doubles each time.
    waits: float = 1.5 * call.retry.backoff_s * (2**retries - 1)
    return (1 + retries) * call.timeout_s + waits
