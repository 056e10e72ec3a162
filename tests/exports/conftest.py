"""Episodes that the tests of the formats share."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster_sim import DEFAULT_ARRIVAL_RATE_HZ, FAULTS
from cluster_sim.exports import FORMATS
from cluster_sim.exports.episode import Episode, Plan, play
from cluster_sim.exports.files import write

FAULT = FAULTS["redis_maxmemory_orphan_keys"]
SEED = 3


def plan(**fields) -> Plan:
    """An incident of seven minutes, without trying every remediation."""
    defaults = {"fault": FAULT, "duration_s": 420.0, "arrival_rate_hz": DEFAULT_ARRIVAL_RATE_HZ, "noise": 1.0}
    return Plan(**{**defaults, "find_fixes": False, **fields})


@pytest.fixture(scope="session")
def episode() -> Episode:
    """A full cache, untouched."""
    return play(plan(), SEED)


@pytest.fixture(scope="session")
def written(episode, tmp_path_factory) -> Path:
    """A folder with that episode in every format."""
    folder = tmp_path_factory.mktemp("episode")
    for exporter in FORMATS.values():
        for name, chunks in exporter.files(episode):
            write(folder / name, chunks)
    return folder
