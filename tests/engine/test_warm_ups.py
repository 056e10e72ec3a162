"""Incidents kept as of their page begin again as if they were simulated anew, and take no more room than allowed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from cluster_sim import FAULTS, Incident, NoPage, WarmUps, begin, incident, seven_services
from cluster_sim.cluster import Cluster
from cluster_sim.faults import Fault
from cluster_sim.saved import SHARED, Saved
from cluster_sim.specs import ScrapeSpec
from tests.support.clusters import digest

CONNECTIONS = FAULTS["pg_max_connections_undersized"]
ROTATION = FAULTS["jwt_partial_rotation"]
SHORT_S = 60.0


def begun(warm_ups: WarmUps, seed: int = 1, fault: Fault = CONNECTIONS) -> Incident:
    """An incident after a short history."""
    return warm_ups.begin(fault.spec(seven_services()), fault, seed, history_s=SHORT_S)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_a_restored_incident_goes_on_exactly_as_one_simulated_anew(fault: Fault) -> None:
    warm_ups = WarmUps()
    first, second = begun(warm_ups, fault=fault), begun(warm_ups, fault=fault)
    anew = begin(fault.spec(seven_services()), fault, 1, history_s=SHORT_S)
    assert (warm_ups.hits, warm_ups.misses) == (1, 1)
    assert (second.onset, second.paged, second.fault) == (anew.onset, anew.paged, anew.fault)
    for one in (first, second, anew):
        assert digest(one.cluster) == digest(anew.cluster)
    for _ in range(3):
        for one in (first, second, anew):
            one.cluster.run_for(50.5)
        assert digest(first.cluster) == digest(second.cluster) == digest(anew.cluster)


def test_whatever_shapes_the_history_makes_another_incident() -> None:
    """Seed, noise, fault, length of the history, traffic, topology, scrape and rules."""
    spec = seven_services()
    service = replace(spec.services[0], queue_limit=spec.services[0].queue_limit + 1)
    variations: tuple[dict[str, Any], ...] = (
        {"seed": 2},
        {"noise": 0.5},
        {"fault": ROTATION},
        {"fault": replace(CONNECTIONS, hold_s=1.0)},
        {"history_s": 75.0},
        {"spec": seven_services(25.0)},
        {"spec": replace(spec, services=(service, *spec.services[1:]))},
        {"spec": seven_services(scrape=ScrapeSpec(jitter=False))},
        {"spec": replace(spec, rules=spec.rules[:-1])},
    )
    usual: dict[str, Any] = {"spec": spec, "fault": CONNECTIONS, "seed": 1, "noise": 1.0, "history_s": SHORT_S}
    for variation in variations:
        warm_ups = WarmUps()
        warm_ups.begin(**usual)
        other = warm_ups.begin(**usual | variation)
        assert (warm_ups.hits, warm_ups.misses) == (0, 2), variation
        assert digest(other.cluster) == digest(begin(**usual | variation).cluster), variation


def test_an_equal_spec_is_the_same_spec() -> None:
    """It need not be the same object: every reset builds its own."""
    warm_ups = WarmUps()
    assert seven_services() is not seven_services()
    begun(warm_ups)
    begun(warm_ups)
    assert warm_ups.hits == 1


def test_the_longest_unused_incident_gives_way() -> None:
    size = Saved(begun(WarmUps()).cluster).size_bytes
    warm_ups = WarmUps(limit_bytes=round(2.5 * size))
    for seed in (1, 2, 1, 3):
        begun(warm_ups, seed)
        assert warm_ups.size_bytes <= warm_ups.limit_bytes
    assert (len(warm_ups), warm_ups.hits) == (2, 1)
    begun(warm_ups, 1)
    assert warm_ups.hits == 2
    begun(warm_ups, 2)
    assert (warm_ups.hits, warm_ups.misses) == (2, 4)
    warm_ups.clear()
    assert (len(warm_ups), warm_ups.size_bytes) == (0, 0)


@pytest.mark.parametrize("limit_bytes", [0, 1000])
def test_an_incident_that_does_not_fit_is_simulated_every_time(limit_bytes: int) -> None:
    warm_ups = WarmUps(limit_bytes)
    assert digest(begun(warm_ups).cluster) == digest(begun(warm_ups).cluster)
    assert (len(warm_ups), warm_ups.size_bytes, warm_ups.misses) == (0, 0, 2)


def test_a_negative_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="limit_bytes"):
        WarmUps(-1)


def test_an_incident_that_pages_nobody_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incident, "LONGEST_ONSET_S", 60.0)
    harmless = replace(CONNECTIONS, inject=lambda cluster: None)
    warm_ups = WarmUps()
    for _ in range(2):
        with pytest.raises(NoPage):
            begun(warm_ups, fault=harmless)
    assert (len(warm_ups), warm_ups.misses) == (0, 2)


def test_threads_may_begin_incidents_at_the_same_time() -> None:
    """Each gets a cluster of its own; the room stays bounded and the counts right."""
    expected = {seed: digest(begin(seven_services(), CONNECTIONS, seed, history_s=SHORT_S).cluster) for seed in (1, 2)}
    warm_ups = WarmUps(limit_bytes=round(1.5 * Saved(begun(WarmUps()).cluster).size_bytes))
    seeds = [1, 2, 1, 1, 2, 1]
    with ThreadPoolExecutor(3) as pool:
        clusters = [one.cluster for one in pool.map(lambda seed: begun(warm_ups, seed), seeds)]
    assert len(set(map(id, clusters))) == len(seeds)
    assert [digest(cluster) for cluster in clusters] == [expected[seed] for seed in seeds]
    assert warm_ups.hits + warm_ups.misses == len(seeds)
    assert warm_ups.size_bytes <= warm_ups.limit_bytes


def test_copies_of_one_saved_cluster_do_not_disturb_each_other() -> None:
    cluster = begun(WarmUps()).cluster
    saved = Saved(cluster)
    before = digest(cluster)
    harmed = saved.restore()
    harmed.restart("postgres-db")
    harmed.scale("payment-service", 5)
    harmed.service("auth-service").set_error_probability(0.9)
    harmed.service("payment-service").pools.clear()
    harmed.run_for(60)
    assert digest(saved.restore()) == digest(cluster) == before
    assert digest(harmed) != before


def test_a_saved_cluster_shares_what_cannot_change() -> None:
    cluster = begin(seven_services(), CONNECTIONS, 1, history_s=300).cluster
    saved = Saved(cluster)
    restored = saved.restore()
    assert restored.spec is cluster.spec
    for name, service in cluster.services.items():
        assert restored.services[name].spec is service.spec
        pairs = zip(restored.services[name].log.blocks, service.log.blocks, strict=True)
        assert all(block is other for block, other in pairs)
    assert restored.workload.programs[0] is cluster.workload.programs[0]
    assert saved.size_bytes < len(cluster.snapshot())


def test_what_is_shared_is_of_kinds_that_cannot_be_changed() -> None:
    """Named tuples and frozen dataclasses."""
    for kind in SHARED:
        if not issubclass(kind, tuple):
            assert getattr(kind, "__dataclass_params__").frozen, kind  # noqa: B009 - not in its type


def test_a_snapshot_can_leave_the_process_and_does_not_know_of_copies() -> None:
    """The bytes of a copy's snapshot restore to the same world."""
    cluster = begun(WarmUps()).cluster
    elsewhere = Cluster.restore(Saved(cluster).restore().snapshot())
    assert elsewhere.spec is not cluster.spec
    assert elsewhere.spec == cluster.spec
    for one in (cluster, elsewhere):
        one.run_for(40)
    assert digest(elsewhere) == digest(cluster)
