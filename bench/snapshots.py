"""What snapshots, branches and counterfactuals cost."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from time import process_time
from typing import TYPE_CHECKING

from .calibration import calibrated
from .figures import Figure

if TYPE_CHECKING:
    from env.counterfactual import Played
    from env.environment import IncidentEnvironment
    from env.models import Action

TASKS = ("task_easy", "task_medium", "task_hard")
SESSIONS = 40


def snapshot_figures(rate_hz: float = 20.0) -> Iterator[Figure]:
    """CPU of resets, snapshots, branches and counterfactuals; memory of idle sessions. Times are the best of several,
    and of the three tasks the dearest."""
    yield from _cluster_figures(rate_hz)
    yield from _environment_figures(rate_hz)
    yield from _counterfactual_figures(rate_hz)
    yield from _memory_figures(rate_hz)


def _cluster_figures(rate_hz: float) -> Iterator[Figure]:
    from cluster_sim import FAULTS, TASK_FAULTS, Cluster, Saved, begin, seven_services

    clusters = [begin(seven_services(rate_hz), fault, 1).cluster for fault in map(FAULTS.__getitem__, TASK_FAULTS)]
    label = f"{rate_hz:.0f}/s"
    plain = [cluster.snapshot() for cluster in clusters]
    saved = [Saved(cluster) for cluster in clusters]
    yield Figure(f"snapshot that can leave the process, {label}", max(map(len, plain)) / 1024, "KiB")
    yield Figure(f"snapshot in memory, {label}", max(one.size_bytes for one in saved) / 1024, "KiB")
    yield _time(f"dump of the former, {label}", [cluster.snapshot for cluster in clusters])
    yield _time(f"dump of the latter, {label}", [partial(Saved, cluster) for cluster in clusters])
    yield _time(f"restore of the former, {label}", [partial(Cluster.restore, one) for one in plain])
    yield _time(f"restore of the latter, {label}", [one.restore for one in saved])


def _environment_figures(rate_hz: float) -> Iterator[Figure]:
    from cluster_sim import WarmUps
    from env.environment import IncidentEnvironment
    from env.models import Action, ActionType, EpisodeOptions

    options = EpisodeOptions(arrival_rate_hz=rate_hz)
    label = f"{rate_hz:.0f}/s"
    environment = IncidentEnvironment(WarmUps(1 << 30))
    unseen = []
    for task in TASKS:
        times = []
        for seed in range(6):
            began = process_time()
            environment.reset(task, seed, options)
            times.append(process_time() - began)
        unseen.append(min(times))
    calibration = calibrated()
    slowest = max(unseen)
    yield Figure(f"reset on a seed never seen, {label}", slowest * 1e3, "ms", slowest / calibration, "120 ms")
    cached = [partial(environment.reset, task, 1, options) for task in TASKS]
    yield _time(f"reset from a cached warm-up, {label}", cached, "5 ms")

    begun = []
    for task in TASKS:
        one = IncidentEnvironment()
        one.reset(task, 1, options)
        one.step(Action(action_type=ActionType.INVESTIGATE, target="payment-service"))
        begun.append(one)
    yield _time(f"branch of an episode, {label}", [one.branch for one in begun], "10 ms")
    wait = Action(action_type=ActionType.INVESTIGATE, target="payment-service")
    stepping = max(_first_step(one, wait) for one in begun)
    yield Figure(f"first 30 s step of a branch, {label}", stepping * 1e3, "ms", stepping / calibration)


def _first_step(environment: IncidentEnvironment, action: Action) -> float:
    best = float("inf")
    for _ in range(5):
        branch = environment.branch()
        began = process_time()
        branch.step(action)
        best = min(best, process_time() - began)
    return best


def _counterfactual_figures(rate_hz: float) -> Iterator[Figure]:
    from cluster_sim import WarmUps
    from env.counterfactual import Counterfactual

    label = f"{rate_hz:.0f}/s"
    warm_ups = WarmUps(1 << 30)
    played = [_played(task, rate_hz) for task in TASKS]
    cases = [Counterfactual(one, warm_ups=warm_ups) for one in played]
    again = [partial(Counterfactual, one, warm_ups=warm_ups) for one in played]
    yield _time(f"an episode of five actions replayed, {label}", again, repeats=3)
    yield _time(f"counterfactual without the repair, {label}", [partial(case.without, 4) for case in cases], repeats=3)
    yield _time(f"counterfactual without any action, {label}", [case.nothing for case in cases], repeats=3)


def _played(task: str, rate_hz: float) -> Played:
    from env.counterfactual import Played
    from env.models import Action, ActionType, EpisodeOptions

    repair = {
        "task_easy": "increase_db_connections",
        "task_medium": "flush_redis_cache",
        "task_hard": "complete_secret_rotation",
    }[task]
    looks = [Action(action_type=ActionType.INVESTIGATE, target=name) for name in ("postgres-db", "auth-service")]
    actions = (
        *looks,
        Action(action_type=ActionType.ESCALATE, target="database-team"),
        Action(action_type=ActionType.APPLY_FIX, target=repair),
        Action(action_type=ActionType.NO_OP),
    )
    return Played(task_id=task, seed=1, options=EpisodeOptions(arrival_rate_hz=rate_hz), actions=actions)


_SESSIONS = """
import gc, os, sys
from env.environment import IncidentEnvironment
from env.models import EpisodeOptions

def resident_mb():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

options = EpisodeOptions(arrival_rate_hz=float(sys.argv[1]))
sessions, first = int(sys.argv[2]), 5
waiting = []
for seed in range(first + sessions):
    if seed == first:
        gc.collect()
        before = resident_mb()
    environment = IncidentEnvironment()
    environment.reset("task_easy", seed, options)
    waiting.append(environment)
gc.collect()
print((resident_mb() - before) / sessions)
"""


def _memory_figures(rate_hz: float) -> Iterator[Figure]:
    """Growth of a process with every episode that was begun and waits for its first step."""
    command = [sys.executable, "-c", _SESSIONS, str(rate_hz), str(SESSIONS)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    target = "3 MB" if rate_hz == 20 else ""
    yield Figure(f"memory of an idle session, {rate_hz:.0f}/s", float(printed), "MB", target=target)


def _time(name: str, calls: Sequence[Callable[[], object]], target: str = "", repeats: int = 10) -> Figure:
    """The dearest of some calls, each at its best."""
    dearest = max(_best(call, repeats) for call in calls)
    return Figure(name, dearest * 1e3, "ms", dearest / calibrated(), target)


def _best(call: Callable[[], object], repeats: int) -> float:
    best = float("inf")
    for _ in range(repeats):
        began = process_time()
        call()
        best = min(best, process_time() - began)
    return best
