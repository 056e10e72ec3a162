"""How latency faults fade on their way to the users."""

from __future__ import annotations

from itertools import islice

import pytest

from cluster_sim import FAULTS, Split, seven_services
from cluster_sim.fade import Faded, addresses, fade, is_slow, needing


@pytest.fixture(scope="module")
def slow_provider() -> Faded:
    """A payment provider that answers late."""
    return fade(next(addresses(FAULTS["psp_degraded"])))


def test_a_slow_provider_is_felt_less_the_further_away(slow_provider):
    """From payment over checkout to all users, most of whom are not paying."""
    cause, callers, payers, everybody = slow_provider.levels
    assert slow_provider.fault == "psp_degraded"
    assert cause is not None
    assert callers is not None
    assert payers is not None
    assert everybody is not None
    assert min(cause.p99, payers.p99) > everybody.p99 > 2
    assert cause.p99 > callers.p99 > 2
    assert cause.p50 > callers.p50 > everybody.p50


def test_of_all_users_only_the_tail_grows(slow_provider):
    """The median user does not pay, and so does not wait for the provider."""
    *_, payers, everybody = slow_provider.levels
    assert payers is not None
    assert everybody is not None
    assert payers.p50 > 5
    assert everybody.p50 < 2
    assert everybody.p99 > 5 * everybody.p50


def test_nobody_calls_a_service_at_the_edge():
    """Checkout has no callers but users: there is no such level."""
    one = fade(next(addresses(FAULTS["timeout_inversion"])))
    cause, callers, payers, _ = one.levels
    assert callers is None
    assert cause is not None
    assert payers is not None
    assert cause.p50 == pytest.approx(payers.p50, rel=0.2)


@pytest.mark.parametrize(
    ("service", "endpoints"),
    [
        ("postgres-db", ["browse", "checkout", "pay"]),
        ("redis-cache", ["browse", "checkout"]),
        ("payment-service", ["checkout", "pay"]),
        ("checkout-service", ["checkout"]),
        ("auth-service", ["checkout", "pay", "session", "login"]),
    ],
)
def test_users_need_what_the_services_they_call_need(service, endpoints):
    spec = seven_services()
    assert [spec.endpoints[place].name for place in needing(spec, service)] == endpoints


def test_incidents_are_taken_from_the_first_split_that_holds_the_fault():
    """Held-out faults are measured where they are."""
    assert {address.split for address in islice(addresses(FAULTS["psp_degraded"]), 2)} == {Split.TRAIN}
    assert next(addresses(FAULTS["n_plus_one"])).split is Split.VALIDATION
    assert next(addresses(FAULTS["packet_loss_link"])).split is Split.TEST


def test_slow_ones_are_those_of_waiting_not_of_failing():
    """Neither what fails at once nor what needs no repair is among them."""
    slow = {fault.name for fault in FAULTS.values() if is_slow(fault)}
    assert {"pg_slow_query_missing_index", "cross_az_latency", "cpu_cfs_throttling"} <= slow
    assert not {"organic_peak", "jwt_clock_skew", "redis_maxmemory_orphan_keys", "bad_image_deploy"} & slow
