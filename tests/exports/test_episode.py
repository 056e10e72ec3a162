"""What an episode consists of, and what its truth says."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from cluster_sim import FAULTS, REMEDIATIONS, nanoseconds
from cluster_sim.exports import truth
from cluster_sim.exports.episode import play
from cluster_sim.exports.run import Export, export
from cluster_sim.exports.table import columns
from tests.exports.conftest import FAULT, SEED, plan


def test_an_incident_has_history_onset_page_and_aftermath(episode):
    """Ten healthy minutes at least, then the fault, then a page, and the whole time asked for after the onset."""
    assert nanoseconds(600) <= episode.onset < episode.paged < episode.cluster.now
    assert episode.cluster.now == episode.onset + nanoseconds(420)
    assert episode.pages


def test_the_truth_names_cause_times_and_versions(episode):
    """What a grader needs, as JSON."""
    said = json.loads("".join(truth.document(episode)))
    assert said["fault"] == FAULT.name
    assert said["root_cause_service"] == "redis-cache"
    assert said["mechanism"] == "memory_exhaustion"
    assert said["seed"] == SEED
    assert said["started"] < said["onset"] < said["paged"] < said["ended"]
    assert said["remediation"] is said["remediation_ordered"] is said["right_fixes"] is None
    assert set(said["versions"]) == {"python", "networkx", "numpy", "simpy"}


def test_a_healthy_run_has_no_onset():
    """As long as an incident's history and aftermath together."""
    healthy = play(plan(fault=None, duration_s=60.0), SEED)
    assert healthy.cluster.now == nanoseconds(660)
    assert healthy.onset is healthy.paged is None
    assert truth.truth(healthy)["mechanism"] == "no_incident"


def test_a_remediation_is_ordered_after_the_page_and_does_what_it_does(episode):
    """It is in the truth, and the cluster is the better for it."""
    cured = play(plan(remediation=REMEDIATIONS["set_redis_eviction_policy"], remediation_after_s=60.0), SEED)
    assert (cured.onset, cured.paged) == (episode.onset, episode.paged)
    assert cured.paged is not None
    assert cured.ordered == cured.paged + nanoseconds(60)
    assert FAULT.distance(cured.cluster) == 0 < FAULT.distance(episode.cluster)
    assert cured.cluster.now >= episode.cluster.now


def test_right_fixes_are_those_that_end_this_incident(monkeypatch):
    """Room for the cache counts; a restart, which keeps the keys, and more memory than the pod may have do not."""
    right = ("flush_redis_cache", "resize_redis_memory", "set_redis_eviction_policy")
    tried = (*right, "restart_redis", "raise_redis_maxmemory", "restart_payment_service")
    chosen = {name: fix for name, fix in REMEDIATIONS.items() if name in tried}
    monkeypatch.setattr("cluster_sim.exports.episode.REMEDIATIONS", chosen)
    judged = play(plan(find_fixes=True, duration_s=60.0), SEED)
    assert judged.right_fixes is not None
    assert sorted(judged.right_fixes) == sorted(right)


def test_trying_fixes_leaves_the_episode_alone(monkeypatch):
    """The copies that remediations are tried on have nothing to do with what is exported."""
    monkeypatch.setattr(
        "cluster_sim.exports.episode.REMEDIATIONS", {"flush_redis_cache": REMEDIATIONS["flush_redis_cache"]}
    )
    judged, untouched = (play(plan(find_fixes=find, duration_s=60.0), SEED) for find in (True, False))
    assert judged.right_fixes == ("flush_redis_cache",)
    assert columns(judged) == columns(untouched)


@pytest.mark.slow
def test_a_fault_that_nobody_is_paged_for_is_left_out_with_a_reason(tmp_path):
    """No folder is made for it."""
    harmless = replace(FAULT, name="harmless", inject=lambda _: None)
    what = Export(plan=plan(fault=harmless, noise=0.0), out=tmp_path, formats=("rca",))
    assert export(what, SEED) == "nothing paged within 1500 s of harmless (seed 3)"
    assert list(tmp_path.iterdir()) == []


def test_folders_have_a_single_underscore():
    """Readers of the layout split service from fault there."""
    folders = [plan(fault=fault).folder for fault in FAULTS.values()]
    assert all(folder.count("_") == 1 for folder in folders)
    assert [folder.split("_")[0] for folder in folders] == [fault.service for fault in FAULTS.values()]
