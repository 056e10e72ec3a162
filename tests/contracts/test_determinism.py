"""One seed is one world."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from cluster_sim import Cluster, seven_services
from env.environment import IncidentEnvironment
from tests.environment.conftest import PLANS, act, begun

PLAY = """
import hashlib, sys
sys.path.insert(0, {root!r})
from env.environment import IncidentEnvironment
from env.models import Action
digest = hashlib.sha256()
for task_id, plan in {plans!r}.items():
    environment = IncidentEnvironment()
    digest.update(environment.reset(task_id, 11).model_dump_json().encode())
    for kind, target, details in plan:
        observation = environment.step(Action(action_type=kind, target=target, details=details))
        digest.update(observation.model_dump_json().encode())
    digest.update(repr(environment.state()).encode())
    digest.update(environment.exposition())
print(digest.hexdigest())
"""


def test_same_seed_and_actions_give_the_same_bytes_in_every_process(root):
    """Whatever the hash seed."""
    program = PLAY.format(root=str(root), plans=PLANS)
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for hash_seed in ("0", "1", "4242")
    }
    assert len(digests) == 1


def test_another_seed_is_another_world():
    """Traffic, logs and numbers differ."""
    one, two = (act(begun("task_easy", seed), "investigate", "payment-service") for seed in (1, 2))
    assert one.metrics != two.metrics
    assert one.logs != two.logs
    assert one.alerts != two.alerts


@pytest.mark.parametrize("task_id", PLANS)
def test_reading_changes_nothing(task_id):
    """Neither state nor info nor the metrics page moves anything."""
    read, unread = begun(task_id), begun(task_id)
    for step in PLANS[task_id]:
        for _ in range(3):
            read.state(), read.info(), read.exposition()
        assert act(read, *step).model_dump_json() == act(unread, *step).model_dump_json()
    assert read.exposition() == unread.exposition()


def test_episodes_in_one_process_do_not_disturb_each_other():
    """Two episodes stepped in turn equal the same two played alone."""
    plan = PLANS["task_medium"]
    alone = []
    for seed in (1, 2):
        environment = begun("task_medium", seed)
        alone.append([act(environment, *step).model_dump_json() for step in plan])
    pair = [IncidentEnvironment(), IncidentEnvironment()]
    for environment, seed in zip(pair, (1, 2), strict=True):
        environment.reset("task_medium", seed)
    together = [[act(environment, *step).model_dump_json() for environment in pair] for step in plan]
    assert [list(column) for column in zip(*together, strict=True)] == alone


@pytest.mark.parametrize("noise", [0.0, 1.0, 3.0])
def test_every_noise_level_pages_for_the_incident(noise):
    """The noise is background, not the incident."""
    observation = act(begun("task_hard", 5, noise=noise), "no_op")
    assert any("HighUnauthorizedRate" in line for line in observation.alerts)


def test_noise_makes_the_healthy_cluster_uneven():
    """More noise, more background errors and pauses; none without it."""

    def trouble(noise):
        cluster = Cluster(seven_services(), 9, noise)
        cluster.run_for(900)
        pauses = sum(replica.pauses for service in cluster.services.values() for replica in service.replicas)
        tickets = len(cluster.alerts.history) + len(cluster.alerts.active)
        return pauses, tickets

    calm, usual, rough = trouble(0.0), trouble(1.0), trouble(3.0)
    assert calm[0] == 0
    assert 0 < usual[0] < rough[0]
    assert usual[1] <= rough[1]
    assert rough[1] > 0
