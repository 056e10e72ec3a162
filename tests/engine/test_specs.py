"""Declared topologies check themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cluster_sim.engine.program import Compiler
from cluster_sim.errors import InvalidSpec, UnknownName
from cluster_sim.services import seven_services
from cluster_sim.specs import PickItems, Work
from tests.support.clusters import ask, operation, service, topology

WORK = operation("serve", Work(mean_s=0.01))


def test_two_services_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidSpec):
        topology(service("server", WORK), service("server", WORK), steps=(ask("server"),), rate_hz=1.0)


def test_a_call_to_nobody_is_refused() -> None:
    with pytest.raises(UnknownName):
        topology(service("server", WORK), steps=(ask("nobody"),), rate_hz=1.0)


def test_a_call_to_an_operation_that_is_not_there_is_refused() -> None:
    with pytest.raises(UnknownName):
        topology(service("server", WORK), steps=(ask("server", "dance"),), rate_hz=1.0)


def test_services_that_call_each_other_in_a_circle_are_refused() -> None:
    one = service("one", operation("serve", ask("other")))
    other = service("other", operation("serve", ask("one")))
    with pytest.raises(InvalidSpec):
        topology(one, other, steps=(ask("one"),), rate_hz=1.0)


def test_a_call_over_a_pool_that_its_caller_does_not_have_is_refused() -> None:
    with pytest.raises(InvalidSpec):
        topology(
            service("one", operation("serve", ask("server", pool="server"))),
            service("server", WORK),
            steps=(ask("one"),),
            rate_hz=1.0,
        )


@pytest.mark.parametrize("rate_hz", [0.0, -1.0])
def test_traffic_needs_a_rate(rate_hz: float) -> None:
    with pytest.raises(InvalidSpec):
        topology(service("server", WORK), steps=(ask("server"),), rate_hz=rate_hz)


def test_work_has_a_law_that_is_known() -> None:
    with pytest.raises(InvalidSpec):
        Work(mean_s=0.01, law="uniform")


def test_one_endpoint_draws_keys_from_one_population() -> None:
    steps = (PickItems(count=1, population=10, exponent=1.0), PickItems(count=1, population=20, exponent=1.0))
    spec = topology(service("server", operation("serve", *steps)), steps=(ask("server"),), rate_hz=1.0)
    with pytest.raises(InvalidSpec):
        Compiler(spec)


def test_the_graph_lists_who_calls_whom_for_what() -> None:
    graph = seven_services().graph()
    assert set(graph.successors("payment-service")) == {"auth-service", "postgres-db"}
    assert graph.edges["inventory-service", "redis-cache"]["operations"] == ["mget", "mset"] * 2
    assert list(graph.predecessors("users")) == []


def test_a_spec_can_be_varied() -> None:
    spec = seven_services()
    faster = replace(spec, arrival_rate_hz=50.0)
    assert faster.services == spec.services
    assert faster != spec
