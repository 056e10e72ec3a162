"""The serving path: steps per second over /ws with many sessions, how long they wait, what the path itself costs."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from statistics import median
from time import perf_counter, process_time
from typing import NamedTuple

from .calibration import calibrated
from .figures import Figure
from .websocket_load import Clients, Load, frame

SESSIONS = 64
RATE_HZ = 450.0
STEPS = 9
"""Of each session, in one measurement: no episode is over by then."""
TASKS = ("task_easy", "task_medium", "task_hard")
PLAN = (
    {"action_type": "investigate", "target": "auth-service"},
    {"action_type": "no_op"},
    {"action_type": "investigate", "target": "postgres-db"},
    {"action_type": "no_op"},
    {"action_type": "investigate", "target": "redis-cache"},
)
"""30 and 60 simulated seconds by turns."""
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class Usage(NamedTuple):
    """What processes have used.

    Attributes:
        serving_s, working_s: CPU of the process that serves, and of its workers.
    """

    serving_s: float
    working_s: float
    memory_mb: float
    workers: int


def serving_figures() -> Iterator[Figure]:
    """All of it; takes some ten seconds."""
    yield from json_figures()
    with server("bench.burning:app", BURNT_MS="0") as (port, pid), Clients(port, SESSIONS) as clients:
        clients.reset(TASKS)
        yield from path_figures(clients, pid)
    with server("bench.burning:app", BURNT_MS="2") as (port, pid), Clients(port, SESSIONS) as clients:
        clients.reset(TASKS)
        yield from load_figures(clients, pid, "steps of 2 ms of CPU", 20)
    with server("main:app") as (port, pid), Clients(port, SESSIONS) as clients:
        yield Figure(f"{SESSIONS} resets at once over /ws (wall)", clients.reset(TASKS), "s")
        again = clients.reset(TASKS)
        yield Figure(f"{SESSIONS} resets at once, to incidents begun before (wall)", again, "s")
        yield from load_figures(clients, pid, "incidents", STEPS, lambda: clients.reset(TASKS))
        used = usage(pid)
        yield Figure(f"memory of all {used.workers + 1} processes with {SESSIONS} sessions", used.memory_mb, "MB")


def json_figures() -> Iterator[Figure]:
    """What of a step's CPU goes into reading its action and writing its answer."""
    from env.environment import IncidentEnvironment
    from env.models import Action, EpisodeOptions, Observation
    from env.server.strict_json import encode, parse_object
    from env.sessions import Session

    text = '{"type":"step","data":{"action_type":"investigate","target":"auth-service"}}'
    session = Session("0" * 32, IncidentEnvironment(), 0.0)
    session.reset("task_hard", 1, EpisodeOptions())
    steps = []
    for number in range(2 * STEPS):
        action = Action.model_validate(PLAN[number % len(PLAN)])
        began = process_time()
        turn = session.step(action)
        steps.append(process_time() - began)
    fields = turn.observation.model_dump()

    def json_of_a_step() -> None:
        Action.model_validate(parse_object(text)["data"])
        Observation.model_validate(fields)
        encode(turn)

    spent = best(json_of_a_step)
    yield Figure("JSON and validation of a step", spent * 1e6, "µs", spent / calibrated())
    yield Figure("JSON and validation, share of a step", 100 * spent / median(steps), "%")


def path_figures(clients: Clients, pid: int) -> Iterator[Figure]:
    """What a step costs beside its simulation."""
    before = usage(pid)
    load = clients.play(100, frames())
    after = usage(pid)
    calibration = calibrated()
    count = len(load.latencies_s)
    for name, spent in (
        ("CPU of the serving process per step over /ws", after.serving_s - before.serving_s),
        ("CPU of the workers per step that does nothing", after.working_s - before.working_s),
        ("CPU of the measuring clients per step", load.cpu_s),
    ):
        yield Figure(name, spent / count * 1e6, "µs", spent / count / calibration)
    yield Figure(f"steps per second that do nothing, {SESSIONS} sessions (wall)", load.rate, "1/s")


def load_figures(
    clients: Clients, pid: int, label: str, steps: int, again: Callable[[], object] = lambda: None
) -> Iterator[Figure]:
    """As many steps as go, and how long a step takes while RATE_HZ of them are asked for.

    Args:
        again: brings the sessions back to where they were, before the second measurement.
    """
    before = usage(pid)
    load = clients.play(steps, frames())
    after = usage(pid)
    yield Figure(f"steps per second, {SESSIONS} sessions, {label} (wall)", load.rate, "1/s", target="450 1/s")
    yield from shares(before, after, load, label)
    again()
    load = clients.play(steps, frames(), RATE_HZ)
    asked = f"{RATE_HZ:.0f}/s asked for, {label} (wall)"
    yield Figure(f"step p50, {asked}", load.percentile_ms(50), "ms")
    yield Figure(f"step p99, {asked}", load.percentile_ms(99), "ms", target="60 ms")


def shares(before: Usage, after: Usage, load: Load, label: str) -> Iterator[Figure]:
    """Where the CPU went."""
    spent = {
        "clients": load.cpu_s,
        "serving process": after.serving_s - before.serving_s,
        "workers": after.working_s - before.working_s,
    }
    for name, cpu_s in spent.items():
        yield Figure(f"CPU share of the {name}, {label}", 100 * cpu_s / sum(spent.values()), "%")
    cores = sum(spent.values()) / load.wall_s
    yield Figure(f"cores in use, {label}", cores, "")


def frames() -> list[bytes]:
    """The plan's steps."""
    return [frame({"type": "step", "data": action}) for action in PLAN]


def best(work: Callable[[], object], count: int = 200) -> float:
    """The least CPU of a piece of work, in seconds."""
    least = float("inf")
    for _ in range(count):
        began = perf_counter()
        work()
        least = min(least, perf_counter() - began)
    return least


# ------------------------------------------------------------ the server


@contextlib.contextmanager
def server(app: str, **variables: str) -> Iterator[tuple[int, int]]:
    """A server process: its port, its process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", str(port)],
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(1000):
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                break
            if process.poll() is not None:
                raise RuntimeError(f"{app} does not come up")
            time.sleep(0.02)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(timeout=10)


def usage(pid: int) -> Usage:
    """Of a server process and its workers."""
    with open(f"/proc/{pid}/task/{pid}/children") as listed:
        workers = [int(child) for child in listed.read().split()]
    return Usage(cpu_s(pid), sum(map(cpu_s, workers)), sum(map(resident_mb, [pid, *workers])), len(workers))


def cpu_s(pid: int) -> float:
    """CPU that a process has used."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def resident_mb(pid: int) -> float:
    """Memory of a process."""
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
