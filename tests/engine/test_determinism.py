"""One seed is one world."""

from __future__ import annotations

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from cluster_sim.cluster import Cluster
from cluster_sim.services import seven_services
from tests.support.clusters import digest
from tests.support.storms import shop

PRINT_DIGEST = """
from hashlib import sha256
from tests.engine.test_determinism import troubled
from tests.support.clusters import digest
print(sha256(digest(troubled()).encode()).hexdigest())
"""


def troubled(seed: int = 4) -> Cluster:
    """The seven services after noise, restarts, a deploy and a branch."""
    cluster = Cluster(seven_services(), seed, noise=2.0)
    cluster.run_for(50)
    cluster.restart("redis-cache")
    cluster.roll("payment-service")
    cluster.run_for(20)
    cluster = cluster.branch()
    cluster.restart("postgres-db")
    cluster.restart("inventory-service")
    cluster.cancel_calls("postgres-db", longer_than_s=0.1)
    cluster.run_for(50)
    return cluster


def test_the_same_bytes_in_every_process_whatever_its_hash_seed(root: Path) -> None:
    here = sha256(digest(troubled()).encode()).hexdigest()
    for hash_seed in ("0", "1", "4711"):
        printed = subprocess.run(
            [sys.executable, "-c", PRINT_DIGEST],
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert printed.stdout.strip() == here


def test_two_clusters_in_one_process_do_not_disturb_each_other() -> None:
    alone = Cluster(shop(), 1)
    alone.run_for(40)
    one, other = Cluster(shop(), 1), Cluster(shop(), 2)
    for _ in range(40):
        one.run_for(1)
        other.run_for(1)
    assert digest(one) == digest(alone)


def test_another_seed_is_another_world() -> None:
    worlds = {digest(troubled(seed)) for seed in range(3)}
    assert len(worlds) == 3


@pytest.mark.parametrize("step_s", [0.001, 0.37, 1.0, 15.0, 26.0])
def test_the_same_whatever_the_steps_it_is_taken_in(step_s: float) -> None:
    end = 52_000_000_000
    straight, stepped = Cluster(shop(), 9), Cluster(shop(), 9)
    for cluster in (straight, stepped):
        cluster.restart("stock")
        cluster.roll("web")
    straight.run_until(end)
    while stepped.now + int(step_s * 1e9) < end:
        stepped.run_for(step_s)
    stepped.run_until(end)
    assert digest(stepped) == digest(straight)


def test_without_noise_users_arrive_in_a_poisson_process_of_the_declared_rate() -> None:
    cluster = Cluster(shop(), 3, noise=0)
    counts = []
    for _ in range(40):
        before = cluster.workload.arrived
        cluster.run_for(15)
        counts.append(cluster.workload.arrived - before)
    mean = sum(counts) / len(counts)
    variance = sum((count - mean) ** 2 for count in counts) / (len(counts) - 1)
    assert mean == pytest.approx(25 * 15, rel=0.04)
    # Index of dispersion of a Poisson process: 1, here with a standard deviation of sqrt(2 / 39).
    assert variance / mean == pytest.approx(1.0, abs=4 * 0.227)
