"""What is measured."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import quantiles
from time import perf_counter, process_time

from .calibration import calibrated

STEP_S = 45.0


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    Attributes:
        value: in `unit`.
        units: the same as a multiple of the calibration loop's event, for CPU times.
        target: what the figure should not exceed (or, for rates, fall below), as text.
    """

    name: str
    value: float
    unit: str
    units: float | None = None
    target: str = ""


def engine_figures(rate_hz: float) -> Iterator[Figure]:
    """CPU of the simulator at an arrival rate, everything on: faults' machinery, noise, scrapes, alert rules."""
    from cluster_sim import FAULTS, TASK_FAULTS, Cluster, begin, judge, seven_services

    label = f"{rate_hz:.0f}/s"
    calibration = calibrated()
    best = per_second = float("inf")
    for seed in range(3):
        cluster = Cluster(seven_services(rate_hz), seed)
        began = process_time()
        cluster.run_for(600)
        spent = process_time() - began
        best = min(best, spent / cluster.workload.arrived)
        per_second = min(per_second, spent / 600)
    yield Figure(f"simulated request, {label}", best * 1e6, "µs", best / calibration, "9 µs" if rate_hz == 20 else "")
    yield Figure(f"simulated seconds per CPU second, {label}", 1 / per_second, "s/s")
    yield from _executor_figures(rate_hz)

    for name, fault in [(name, FAULTS[name]) for name in TASK_FAULTS]:
        begun = process_time()
        incident = begin(seven_services(rate_hz), fault, 1)
        reset_s = process_time() - begun
        yield Figure(f"reset into {name}, {label}", reset_s * 1e3, "ms", reset_s / calibration)
        steps = []
        for _ in range(30):
            began = process_time()
            incident.cluster.run_for(STEP_S)
            steps.append(process_time() - began)
        cuts = quantiles(steps, n=100)
        target = "15 ms" if rate_hz == 20 else ""
        yield Figure(f"45 s step p50 in {name}, {label}", cuts[49] * 1e3, "ms", cuts[49] / calibration, target)
        yield Figure(f"45 s step p99 in {name}, {label}", cuts[98] * 1e3, "ms", cuts[98] / calibration)
        if rate_hz == 20:
            began = process_time()
            judge(incident.cluster, fault)
            spent = process_time() - began
            yield Figure(f"judging a repair of {name}, {label}", spent * 1e3, "ms", spent / calibration)
            began = process_time()
            snapshot = incident.cluster.snapshot()
            spent = process_time() - began
            yield Figure(f"snapshot in {name} ({len(snapshot) >> 10} KiB)", spent * 1e3, "ms", spent / calibration)


def _executor_figures(rate_hz: float) -> Iterator[Figure]:
    """Healthy time, by events alone and with stretches computed at once; the latter at two levels of noise."""
    from cluster_sim import Cluster, seven_services

    calibration = calibrated()
    label = f"{rate_hz:.0f}/s"
    for name, noise, fast in (("events alone", 1.0, False), ("usual noise", 1.0, True), ("no noise", 0.0, True)):
        history, steps, computed = [], [], 0.0
        for seed in range(3):
            cluster = Cluster(seven_services(rate_hz), seed, noise, fast_forward=fast)
            began = process_time()
            cluster.run_for(600)
            history.append(process_time() - began)
            for _ in range(6):
                began = process_time()
                cluster.run_for(STEP_S)
                steps.append(process_time() - began)
            computed += cluster.fast.computed / cluster.now / 3
        spent = min(history)
        target = {20.0: "15 ms", 50.0: "40 ms"}.get(rate_hz, "") if fast else ""
        yield Figure(f"600 s of healthy history, {name}, {label}", spent * 1e3, "ms", spent / calibration, target)
        spent = quantiles(steps, n=2)[0]
        target = "2.5 ms" if fast and rate_hz == 20 else ""
        yield Figure(f"45 s quiet step p50, {name}, {label}", spent * 1e3, "ms", spent / calibration, target)
        if fast:
            yield Figure(f"share of time computed at once, {name}, {label}", 100 * computed, "%")


def episode_figures(rate_hz: float) -> Iterator[Figure]:
    """Whole episodes through the environment: reset, then investigations, one escalation, one fix."""
    from env.environment import IncidentEnvironment
    from env.models import Action, ActionType, EpisodeOptions

    def act(kind: ActionType, target: str) -> Action:
        return Action(action_type=kind, target=target)

    services = ("payment-service", "checkout-service", "postgres-db", "redis-cache", "inventory-service")
    plan = [act(ActionType.INVESTIGATE, service) for service in services]
    plan += [act(ActionType.INVESTIGATE, "auth-service"), act(ActionType.ESCALATE, "database-team")]
    plan += [
        act(ActionType.APPLY_FIX, "reset_load_balancer"),
        act(ActionType.NO_OP, ""),
        act(ActionType.NO_OP, ""),
    ]
    options = EpisodeOptions(arrival_rate_hz=rate_hz)
    calibration = calibrated()
    resets, steps = [], []
    episodes = 6 if rate_hz <= 20 else 2
    began = process_time()
    for seed in range(episodes):
        environment = IncidentEnvironment()
        at = process_time()
        environment.reset("task_easy", seed, options)
        resets.append(process_time() - at)
        for action in plan:
            if environment.done:
                break
            at = process_time()
            environment.step(action)
            steps.append(process_time() - at)
    rate = episodes / (process_time() - began)
    label = f"{rate_hz:.0f}/s"
    cuts = quantiles(steps, n=100)
    yield Figure(f"environment reset, {label}", min(resets) * 1e3, "ms", min(resets) / calibration)
    yield Figure(f"environment step p50, {label}", cuts[49] * 1e3, "ms", cuts[49] / calibration)
    yield Figure(f"environment step p99, {label}", cuts[98] * 1e3, "ms", cuts[98] / calibration)
    yield Figure(f"episodes of ten steps per CPU second, {label}", rate, "1/s", target="15" if rate_hz == 20 else "")
    yield from _quiet_figures(rate_hz)


def _quiet_figures(rate_hz: float) -> Iterator[Figure]:
    """Healthy episodes: 600 s of history, then ten steps of 90 s, after each of which the wall dashboard is read."""
    from cluster_sim import Cluster, seven_services

    episodes = 3
    began = process_time()
    for seed in range(episodes):
        cluster = Cluster(seven_services(rate_hz), seed)
        cluster.run_for(600)
        for _ in range(10):
            cluster.run_for(90)
            for service in cluster.services:
                cluster.scrapes.golden(service)
    rate = episodes / (process_time() - began)
    target = "30" if rate_hz == 20 else ""
    yield Figure(f"quiet episodes of 1,500 s per CPU second, {rate_hz:.0f}/s", rate, "1/s", target=target)


def process_figures() -> Iterator[Figure]:
    """Start time and memory of the server, as a process of its own."""
    began = perf_counter()
    subprocess.run([sys.executable, "-c", "import main"], check=True)
    yield Figure("import of the application (wall)", (perf_counter() - began) * 1e3, "ms")
    with _server() as (port, pid, ready_s):
        yield Figure("server's first answer after its start (wall)", ready_s, "s", target="1.5 s")
        _reset(port, 0)
        yield Figure("server's memory with one session", _resident_mb(pid), "MB", target="100 MB")
        for seed in range(1, 40):
            _reset(port, seed)
        forty = _resident_mb(pid)
        yield Figure("server's memory with 40 sessions", forty, "MB")
        for seed in range(40, 200):
            _reset(port, seed)
        yield Figure("server's memory with 200 sessions", _resident_mb(pid), "MB", target="2000 MB")


@contextlib.contextmanager
def _server() -> Iterator[tuple[int, int, float]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "main:app", "--host", "127.0.0.1", "--port", str(port)]
    began = perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).read()
                break
            except (urllib.error.URLError, ConnectionError):
                if process.poll() is not None or perf_counter() - began > 60:
                    raise
                time.sleep(0.01)
        yield port, process.pid, perf_counter() - began
    finally:
        process.terminate()
        process.wait(timeout=10)


def _reset(port: int, seed: int) -> None:
    url = f"http://127.0.0.1:{port}/reset?task_id=task_easy&seed={seed}"
    urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=60).read()


def _resident_mb(pid: int) -> float:
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
