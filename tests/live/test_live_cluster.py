"""The life of a live cluster: its thread, its lock, its settings."""

from __future__ import annotations

import threading

import pytest

from cluster_sim import exposition
from env.live.cluster import HISTORY_S, LiveCluster
from env.live.log import Kind
from env.live.settings import LiveSettings, Plan

from .conftest import SECOND, Live
from .test_replay import wait_until

QUIET = LiveSettings(live=True, speed=100.0, schedule=Plan.OFF)


def threads() -> list[str]:
    """The names of the live clusters' threads."""
    return [thread.name for thread in threading.enumerate() if thread.name == "live"]


def test_it_ends_with_its_thread():
    """Stopped while it runs, in its history, before it was started."""
    for begun, at in ((True, int(HISTORY_S * SECOND) + 1), (True, 0), (False, 0)):
        live = LiveCluster(QUIET)
        if begun:
            live.start()
            wait_until(live, at)
        live.stop()
        assert threads() == []
        assert live.failure is None


def test_a_reader_with_the_lock_sees_one_instant():
    """Nothing moves while it reads, and time goes on afterwards."""
    live = LiveCluster(QUIET)
    live.start()
    try:
        for _ in range(5):
            with live.lock:
                before = live.now
                assert exposition(live.cluster) == exposition(live.cluster)
                assert live.now == before
            wait_until(live, before + 1)
    finally:
        live.stop()


def test_a_thread_that_dies_says_so(monkeypatch):
    """It keeps its state to be read, and its failure."""
    live = LiveCluster(QUIET)
    monkeypatch.setattr(live.world, "advance", lambda until: 1 / 0)
    live.start()
    live._thread.join(30)
    assert isinstance(live.failure, ZeroDivisionError)
    live.stop()


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path):
    """The file's folder is missing."""
    live = Live(log=str(tmp_path / "missing" / "live.log"))
    live.cluster.change(Kind.RATE, 2.0, "operator")
    live.wait(1)
    assert live.passed_s == pytest.approx(1)


def test_what_is_kept_in_memory_of_the_log_is_bounded(monkeypatch, tmp_path):
    """The file has it all."""
    monkeypatch.setattr("env.live.cluster.KEPT_ENTRIES", 3)
    live = Live(log=str(tmp_path / "live.log"))
    for factor in range(1, 9):
        live.cluster.change(Kind.RATE, factor / 4, "operator")
    assert [entry.value for entry in live.cluster.world.log] == [1.5, 1.75, 2.0]
    assert live.cluster.world.dropped == 5
    assert len((tmp_path / "live.log").read_text().splitlines()) == 8


def test_traffic_follows_its_factor(live):
    """From the next window on."""
    live.wait(60, tick_s=1)
    before = live.cluster.cluster.workload.arrived
    live.cluster.change(Kind.RATE, 0.0, "operator")
    live.wait(15, tick_s=1)
    emptied = live.cluster.cluster.workload.arrived
    live.wait(60, tick_s=1)
    assert before > 1000
    assert live.cluster.cluster.workload.arrived == emptied


@pytest.mark.parametrize(
    ("environ", "settings"),
    [
        ({}, LiveSettings()),
        ({"LIVE": "1"}, LiveSettings(live=True)),
        ({"LIVE": "0", "OPERATOR_TOKEN": "t"}, LiveSettings(operator_token="t")),
        (
            {
                "LIVE": "true",
                "LIVE_SPEED": "10",
                "LIVE_SEED": "9007199254740993",
                "LIVE_RATE": "50",
                "LIVE_NOISE": "0.5",
                "LIVE_SCHEDULE": "faults",
                "LIVE_LOG": "/tmp/x",
            },
            LiveSettings(
                live=True, speed=10.0, seed=9007199254740993, rate=50.0, noise=0.5, schedule=Plan.FAULTS, log="/tmp/x"
            ),
        ),
    ],
)
def test_settings_come_from_the_environment(environ, settings):
    """Every one of them, whole numbers exactly."""
    assert LiveSettings.from_environ(environ) == settings


@pytest.mark.parametrize(
    "wrong",
    [
        {"LIVE": "maybe"},
        {"LIVE_SPEED": "fast"},
        {"LIVE_SPEED": "0"},
        {"LIVE_SPEED": "nan"},
        {"LIVE_SEED": "-1"},
        {"LIVE_SEED": "1.5"},
        {"LIVE_RATE": "inf"},
        {"LIVE_NOISE": "9"},
        {"LIVE_SCHEDULE": "sometimes"},
    ],
)
def test_a_wrong_setting_is_named(wrong):
    """With the variable's name, before anything starts."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        LiveSettings.from_environ(wrong)
