"""Whoever plays a sweep, the bytes are the same, and who dies at it loses nothing."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import pytest

from env.sweep import EpisodeLost, Means, Sweep, SweepRefused, play, run
from env.sweep.episode import Player
from env.sweep.errors import EngineLost
from env.sweep.processes import Processes
from tests.sweep.deadly import MARK

SWEEP = Sweep(tasks=("task_easy", "task_hard"), policies=("first_listed", "rule_based"), seeds=range(2), noises=(0.5,))


@pytest.fixture(scope="module")
def expected() -> bytes:
    """The rows as this process plays them, one after the other, each in an environment of its own."""
    return b"".join(play(SWEEP.episode(number)).json() for number in range(SWEEP.size))


@pytest.mark.parametrize(
    "means",
    [
        Means(workers=1),
        Means(workers=2),
        pytest.param(Means(engine="ray", workers=2), marks=pytest.mark.slow),
    ],
    ids=["1 worker", "2 workers", "a local Ray cluster"],
)
def test_the_file_is_the_same_to_the_byte(means, expected, out):
    """On one worker, on two, and on Ray."""
    report = run(SWEEP, out, means)
    assert report.workers == means.workers
    assert out.read_bytes() == expected


@pytest.fixture
def ray_cluster(free_port, monkeypatch):
    """The address of a Ray cluster that runs already, reachable from this machine only."""
    # Where a driver's variables differ from the cluster's, it is not let in or looks for it elsewhere.
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    port = free_port()
    folder = tempfile.mkdtemp(prefix="ray-")
    ray = str(Path(sys.executable).with_name("ray"))
    command = [ray, "start", "--head", "--block", f"--port={port}", "--node-ip-address=127.0.0.1", "--num-cpus=1"]
    command += ["--include-dashboard=false", f"--temp-dir={folder}", "--object-store-memory=100000000"]
    cluster = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        limit = time.monotonic() + 60
        while not list(Path(folder).glob("session_latest/sockets/raylet")):
            assert cluster.poll() is None
            assert time.monotonic() < limit
            time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        cluster.send_signal(signal.SIGTERM)
        try:
            cluster.wait(30)
        finally:
            if cluster.poll() is None:
                os.killpg(cluster.pid, signal.SIGKILL)
                cluster.wait()
            shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
def test_a_cluster_that_runs_already_is_joined_and_left(ray_cluster, expected, out):
    """It brings its own number of processors, and gets the project's code from the sweep."""
    report = run(SWEEP, out, Means(engine="ray", ray_address=ray_cluster))
    assert report.workers == 1
    assert out.read_bytes() == expected


def test_a_port_that_does_not_speak_ray_is_refused(out, free_port, monkeypatch):
    """Before anything is played."""
    monkeypatch.setattr("env.sweep.ray_engine.CONNECT_S", 2.0)
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(SweepRefused, match="has not answered"):
            run(SWEEP, out, Means(engine="ray", ray_address=address))
    assert list(out.parent.iterdir()) == []


# ---------------------------------------------------------------- who dies


DEADLY = Sweep(tasks=("task_easy",), policies=("tests.sweep.deadly:once",), seeds=range(3))


@pytest.mark.parametrize(
    "means",
    [Means(workers=2), pytest.param(Means(engine="ray", workers=1), marks=pytest.mark.slow)],
    ids=["processes", "ray"],
)
def test_a_worker_that_is_killed_loses_nothing(means, out, tmp_path, monkeypatch):
    """What it was at is played again, to the same bytes."""
    mark = tmp_path / "killed"
    monkeypatch.setenv(MARK, str(mark))
    run(DEADLY, out, means)
    assert mark.exists()
    assert out.read_bytes() == b"".join(play(DEADLY.episode(number)).json() for number in range(3))


def test_a_killed_process_is_replaced_between_episodes_too(out):
    """From outside, whatever it is doing, without being blamed on one episode."""
    sweep = Sweep(tasks=("task_easy",), policies=("nothing",), seeds=range(6))
    rows: dict[int, bytes] = {}
    with closing(Processes(sweep, 1)) as engine:
        engine.begin(range(6))
        while len(rows) < 6:
            came = engine.wait()
            rows.update(came)
            if came and len(rows) < 5:
                engine._workers[0].process.kill()
    assert [rows[number] for number in range(6)] == [play(sweep.episode(number)).json() for number in range(6)]


def test_an_episode_that_kills_every_worker_is_named(out):
    """After three of them; the rows before it stay, and are gone on from."""
    sweep = Sweep(tasks=("task_easy",), policies=("tests.sweep.deadly:always",), seeds=range(3))
    for _ in range(2):
        with pytest.raises(EpisodeLost, match=r"episode 1 \(tests.sweep.deadly:always on task_easy, seed 1\).*SIGKILL"):
            run(sweep, out, Means(workers=1))
        kept = (out.parent / f"{out.name}.partial").read_bytes().splitlines(keepends=True)
        assert kept[1:] == [play(sweep.episode(0)).json()]


def test_who_runs_other_code_does_not_play(sweep):
    """Its rows would not be comparable."""
    with pytest.raises(EngineLost, match=r"the sweep is played as version 0\.0\.0"):
        Player(sweep, "0.0.0")
