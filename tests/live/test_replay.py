"""A live run replays from its log."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from cluster_sim import Cluster, exposition
from env.live.cluster import LiveCluster
from env.live.log import Header, Kind, UnreadableLog, entry_line, header_line, read_log
from env.live.replay import play
from env.live.settings import LiveSettings, Plan
from env.live.world import World, replay
from tests.support.clusters import digest

from .conftest import SECOND, Live

MINUTE = 60 * SECOND
HEADER = Header(seed=11, arrival_rate_hz=20.0, noise=1.0, epoch_s=1_900_000_000)
CHANGES = (
    (0, Kind.INJECT, "redis_maxmemory_orphan_keys"),
    (90 * SECOND + 17, Kind.RATE, 1.5),
    (MINUTE, Kind.FIX, "restart_redis"),
    (5 * SECOND, Kind.FIX, "flush_redis_cache"),
    (2 * MINUTE, Kind.NOISE, 2.0),
    (1, Kind.INJECT, "pg_max_connections_undersized"),
    (3 * MINUTE, Kind.RESTORE, ""),
    (2 * MINUTE, Kind.PACE, 5.0),
    (MINUTE, Kind.RESTORE, ""),
)


def eventful(step: int) -> World:
    """A world with everything in its log, in which time was let pass in steps of so many nanoseconds."""
    world = World(HEADER)
    due = 2 * MINUTE
    for after, kind, value in CHANGES:
        due += after
        while world.now < due:
            world.advance(min(world.now + step, due))
        world.change(kind, value, "operator")
    while world.now < due + 4 * MINUTE:
        world.advance(min(world.now + step, due + 4 * MINUTE))
    return world


def test_a_world_replays_from_the_lines_of_its_log():
    """State, metrics and incidents are the same to the byte."""
    world = eventful(7 * SECOND)
    header, entries = read_log([header_line(world.header), *map(entry_line, world.log)])
    again = replay(header, entries, world.now)
    assert digest(again.cluster) == digest(world.cluster)
    assert exposition(again.cluster, openmetrics=True) == exposition(world.cluster, openmetrics=True)
    assert again.cluster.snapshot() == world.cluster.snapshot()
    assert again.incidents == world.incidents
    assert again.under_way == world.under_way


def test_the_steps_in_which_time_passes_do_not_matter():
    """Half a second or an hour at a time."""
    fine, coarse = eventful(SECOND // 2), eventful(3600 * SECOND)
    assert digest(fine.cluster) == digest(coarse.cluster)
    assert fine.incidents == coarse.incidents


def test_records_forgotten_after_a_time_do_not_change_what_comes(monkeypatch):
    """A world that keeps ten minutes at the turn of the hour, and a cluster that keeps all."""
    monkeypatch.setattr("env.live.world.KEPT", 10 * MINUTE)
    world = World(HEADER)
    world.advance(65 * MINUTE)
    plain = Cluster(world.cluster.spec, HEADER.seed, HEADER.noise, epoch_s=HEADER.epoch_s)
    plain.run_until(world.now)
    assert len(world.cluster.recorder.outcomes) < len(plain.recorder.outcomes)
    assert exposition(world.cluster) == exposition(plain)


def test_a_run_with_threads_schedule_operator_and_file_replays(tmp_path):
    """What a live cluster with a life of its own did, from its file."""
    file = tmp_path / "live.log"
    live = LiveCluster(LiveSettings(live=True, speed=500.0, seed=5, schedule=Plan.ON, log=str(file)))
    live.start()
    wait_until(live, 1300 * SECOND)
    live.change(Kind.RATE, 1.3, "operator")
    wait_until(live, 1320 * SECOND)
    live.change(Kind.FIX, "restart_auth_service", "operator")
    live.set_pace(speed=400.0, paused=None, source="operator")
    wait_until(live, 2500 * SECOND)
    live.stop()
    assert live.failure is None
    kinds = [entry.kind for entry in live.world.log]
    assert {Kind.INJECT, Kind.FIX, Kind.RATE, Kind.PACE} <= set(kinds)
    again = play(file, live.now / SECOND)
    assert list(again.log) == list(live.world.log)
    again.cluster.epoch_s = live.cluster.epoch_s
    assert again.now == live.now
    assert digest(again.cluster) == digest(live.cluster)
    assert again.cluster.snapshot() == live.cluster.snapshot()
    assert exposition(again.cluster, openmetrics=True) == exposition(live.cluster, openmetrics=True)


def wait_until(live: LiveCluster, at: int) -> None:
    """Until its clock shows a simulated instant, within a minute."""
    for _ in range(600):
        if live.now >= at:
            return
        live._stopping.wait(0.1)
    raise AssertionError(f"at {live.now} after a minute; failure: {live.failure}")


def test_the_command_prints_where_a_replay_ends(tmp_path, root):
    """`python -m env replay` on a log file."""
    live = Live(seed=2, log=str(tmp_path / "live.log"))
    live.cluster._write(header_line(live.cluster.world.header))
    live.wait(5)
    live.cluster.change(Kind.INJECT, "jwt_partial_rotation", "operator")
    command = [sys.executable, "-m", "env", "replay", str(tmp_path / "live.log")]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "jwt_partial_rotation" in done.stdout
    assert "replayed 1 changes to 1205.000 s" in done.stdout
    page = subprocess.run([*command, "--metrics"], cwd=root, capture_output=True, check=True).stdout
    assert page == exposition(live.cluster.cluster)


def test_of_several_runs_in_a_file_the_last_counts():
    """A server that was restarted went on in the same file."""
    first, last = World(HEADER), World(replace(HEADER, seed=12))
    first.change(Kind.INJECT, "jwt_partial_rotation", "operator")
    last.change(Kind.RATE, 2.0, "operator")
    lines = [line for world in (first, last) for line in (header_line(world.header), *map(entry_line, world.log))]
    assert read_log(lines) == (last.header, list(last.log))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda lines: [],
        lambda lines: ["nonsense"],
        lambda lines: ["[]", *lines[1:]],
        lambda lines: [lines[0], '{"at": 1, "kind": "inject"}'],
        lambda lines: [lines[0], lines[1].replace('"inject"', '"explode"')],
        lambda lines: [lines[0], *reversed(lines[1:])],
        lambda lines: [json.dumps(json.loads(lines[0]) | {"format": 99}), *lines[1:]],
        lambda lines: [json.dumps(json.loads(lines[0]) | {"libraries": {"numpy": "0"}}), *lines[1:]],
    ],
)
def test_what_is_no_log_is_refused(spoil):
    """Cut, out of order, of another format or of other versions."""
    world = World(HEADER)
    world.change(Kind.INJECT, "jwt_partial_rotation", "operator")
    world.advance(SECOND)
    world.change(Kind.RATE, 2.0, "operator")
    with pytest.raises(UnreadableLog):
        read_log(spoil([header_line(world.header), *map(entry_line, world.log)]))
