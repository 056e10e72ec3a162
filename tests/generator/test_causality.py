"""The causal graph: how trouble spread, read from what was recorded, and nothing that did not come from the root."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import pytest

from cluster_sim import FAULTS, SERVICES, CausalGraph, Cluster, Incident, begin, seven_services, spread
from cluster_sim.clock import SECOND
from cluster_sim.generator.decoys import Decoy

AUTH, CHECKOUT, CONFIG, INVENTORY = "auth-service", "checkout-service", "config-service", "inventory-service"
PAYMENT, POSTGRES, REDIS = "payment-service", "postgres-db", "redis-cache"

WATCHED_S = 300


@cache
def incident(name: str, *decoys: Decoy) -> Incident:
    """A fault five minutes after somebody was paged for it, untouched."""
    fault = FAULTS[name]
    begun = begin(fault.spec(seven_services()), fault, 5, decoys=decoys)
    begun.cluster.scrapes.stop()
    begun.cluster.run_for(WATCHED_S)
    return begun


def graph(name: str, *decoys: Decoy, until_s: float = WATCHED_S) -> CausalGraph:
    """How the trouble of a fault has spread by so many seconds after the page."""
    begun = incident(name, *decoys)
    return spread(begun.cluster, begun.onset, begun.paged + int(until_s * SECOND), begun.fault.service)


CACHE = {(REDIS, INVENTORY), (POSTGRES, INVENTORY), (POSTGRES, PAYMENT), (INVENTORY, CHECKOUT)}
DATABASE = {(POSTGRES, PAYMENT), (PAYMENT, CHECKOUT)}
TOKENS = {(AUTH, PAYMENT), (AUTH, CHECKOUT)}


@pytest.mark.parametrize(
    ("name", "edges"),
    [
        ("redis_maxmemory_orphan_keys", CACHE),
        ("redis_down_disk_full", CACHE),
        ("redis_auth_changed", CACHE),
        ("cache_key_bug", CACHE),
        ("redis_maxclients", CACHE),
        ("pg_connection_leak", DATABASE),
        ("pg_max_connections_undersized", DATABASE),
        ("pg_slow_query_missing_index", {(POSTGRES, INVENTORY), (POSTGRES, PAYMENT), (INVENTORY, CHECKOUT)}),
        ("cross_az_latency", {(POSTGRES, INVENTORY), (INVENTORY, CHECKOUT), *DATABASE}),
        ("jwt_partial_rotation", {(CONFIG, AUTH), *TOKENS}),
        ("config_watch_stuck", {(CONFIG, AUTH), *TOKENS}),
        ("jwt_clock_skew", TOKENS),
        ("probe_capacity_collapse", TOKENS),
        ("bad_image_deploy", {(PAYMENT, CHECKOUT)}),
        ("psp_degraded", {(PAYMENT, CHECKOUT)}),
        ("threadpool_saturation", {(INVENTORY, CHECKOUT)}),
        ("cron_rebalancer_recurring", {(INVENTORY, CHECKOUT)}),
    ],
)
def test_trouble_spreads_from_the_root_to_those_who_need_it(name, edges):
    """From who is called to who calls; a payment that shares a database with an ill service may be ill as well."""
    found = graph(name, until_s=180).edges
    assert edges <= found
    assert found - edges <= {(PAYMENT, CHECKOUT)}


@pytest.mark.parametrize(
    "name",
    [
        "cpu_cfs_throttling",
        "gc_death_spiral",
        "n_plus_one",
        "hpa_ineffective",
        "jwks_kid_unknown",
        "credential_stuffing",
    ],
)
def test_a_service_that_only_users_call_makes_nobody_else_ill(name):
    """Its own slowness is no fault of those whom it calls."""
    found = graph(name)
    assert found.edges == frozenset()
    assert found.services == {FAULTS[name].service}


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.harmless])
def test_where_there_is_nothing_to_repair_nothing_spreads(name):
    assert graph(name).edges == frozenset()


DECOYS = (
    Decoy(kind="error_burst", service=AUTH, at_s=620, draw=0.99),
    Decoy(kind="slow_pod", service=AUTH, at_s=630, draw=0.99),
    Decoy(kind="deploy", service=CONFIG, at_s=610, draw=0.5),
    Decoy(kind="eviction", service=AUTH, at_s=600, draw=0.5),
)


def test_a_decoy_is_no_part_of_it():
    """A burst of errors of a service that a victim calls, at the same time, did not come from the root."""
    found = graph("redis_maxmemory_orphan_keys", *DECOYS)
    assert found.edges >= CACHE
    assert not found.services & {AUTH, CONFIG}


def test_trouble_elsewhere_is_no_part_of_it():
    """What does not hang together with the root by calls that got worse is left out."""
    begun = incident("jwt_clock_skew")
    until = begun.cluster.now
    assert spread(begun.cluster, begun.onset, until, AUTH).edges == TOKENS
    assert spread(begun.cluster, begun.onset, until, REDIS).edges == frozenset()


@pytest.mark.parametrize("root", SERVICES)
def test_a_healthy_cluster_has_no_edges(root):
    """Whatever is suspected, and whatever ordinary things happen."""
    assert _healthy(root).edges == frozenset()


@cache
def _healthy_cluster() -> Cluster:
    cluster = Cluster(seven_services(), 11)
    cluster.scrapes.stop()
    for decoy in DECOYS:
        cluster.after(int(decoy.at_s * SECOND), decoy.strike, cluster)
    cluster.run_for(1000)
    return cluster


def _healthy(root: str) -> CausalGraph:
    return spread(_healthy_cluster(), 500 * SECOND, 1000 * SECOND, root)


def test_a_rotation_that_reaches_every_pod_makes_nobody_ill():
    """In contrast to one that stops half-way."""
    begun = incident("jwks_kid_unknown")
    assert begun.cluster.config.previous is not None
    assert spread(begun.cluster, begun.onset, begun.cluster.now, CONFIG).edges == frozenset()


def test_calls_that_are_not_made_any_more_say_nothing():
    """Orders fail at their reservation, so hardly any gets as far as the charge."""
    found = graph("redis_auth_changed")
    assert (POSTGRES, PAYMENT) in found.edges
    assert (PAYMENT, CHECKOUT) not in found.edges


def test_the_graph_only_grows_with_time_and_is_there_soon_after_the_page():
    graphs = [graph("redis_maxmemory_orphan_keys", until_s=seconds).edges for seconds in (0, 60, 120, 300)]
    assert all(earlier <= later for earlier, later in pairwise(graphs))
    assert graphs[1] >= CACHE
    assert spread(incident("redis_maxmemory_orphan_keys").cluster, 0, 0, REDIS).edges == frozenset()


def test_it_is_the_same_however_the_cluster_was_run():
    """With or without fast-forward, in one go or by the minute, with or without scrapes, restored or not."""

    def found(*, fast_forward: bool, pieces: int, scraped: bool) -> frozenset[tuple[str, str]]:
        cluster = Cluster(seven_services(), 7, fast_forward=fast_forward)
        if not scraped:
            cluster.scrapes.stop()
        cluster.run_for(300)
        FAULTS["redis_maxmemory_orphan_keys"].inject(cluster)
        for _ in range(pieces):
            cluster.run_for(360 / pieces)
        restored = cluster if scraped else cluster.branch()
        return spread(restored, 300 * SECOND, 660 * SECOND, REDIS).edges

    ways = [(True, 1, False), (True, 24, True), (False, 1, False), (False, 6, True)]
    (edges,) = {found(fast_forward=fast, pieces=pieces, scraped=scraped) for fast, pieces, scraped in ways}
    assert edges >= CACHE - {(POSTGRES, PAYMENT)}


def test_an_earlier_state_may_know_more_of_the_healthy_time():
    """Where the spans of then are not kept any more, only failures can be told."""
    begun = incident("cross_az_latency")
    cluster = begun.cluster.branch()
    rows = cluster.recorder.spans.rows()
    forgotten = cluster.branch()
    forgotten.recorder.spans.__init__()  # type: ignore[misc]
    forgotten.recorder.spans.extend(rows[rows["end"] >= begun.onset])
    whole = graph("cross_az_latency")
    assert spread(forgotten, begun.onset, cluster.now, POSTGRES).edges < whole.edges
    assert spread(forgotten, begun.onset, cluster.now, POSTGRES, healthy=cluster) == whole
