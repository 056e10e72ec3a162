"""Every kept trace of a cluster, and a small cluster in which every request is sampled."""

from collections.abc import Callable

import pytest

from cluster_sim import Cluster, workload
from cluster_sim.telemetry import traces
from cluster_sim.telemetry.traces import Span, Trace
from tests.support.storms import shop


@pytest.fixture(scope="session")
def all_traces() -> Callable[[Cluster], list[Trace]]:
    """Every kept trace of a cluster."""
    return lambda cluster: list(traces.kept(cluster))


@pytest.fixture
def all_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sampling is on for every request."""
    monkeypatch.setattr(workload, "SAMPLED_EVERY", 1)


@pytest.fixture
def stormy(all_sampled: None) -> Cluster:
    """A small cluster with every element in it, whose slow database exhausts workers, pools and patience."""
    cluster = Cluster(shop(), seed=3, noise=0)
    cluster.run_for(20)
    cluster.service("database").replicas[0].set_slow(12.0)
    cluster.run_for(25)
    return cluster


@pytest.fixture(scope="session")
def parent_of() -> Callable[[Trace, Span], Span | None]:
    """The span in which another one was made, if it is in the trace."""

    def find(trace: Trace, span: Span) -> Span | None:
        return next((other for other in trace.spans if other.span_id == span.parent_id), None)

    return find
