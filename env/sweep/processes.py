"""Plays episodes in processes of this machine."""

from __future__ import annotations

import multiprocessing
import signal
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from ..version import version
from .episode import Player
from .errors import EngineLost, EpisodeLost
from .plan import Sweep

DEATHS = 3
"""Processes that an episode may kill, one after the other, before the sweep gives up; chosen."""
ENDING_S = 5.0

# A process that is started afresh inherits no threads and no locks held by them, and its pipe reads as closed as soon
# as the sweep's own process is gone, however that ended.
START = multiprocessing.get_context("spawn")


def work(sweep: Sweep, expected: str, pipe: Connection) -> None:
    """What a process does: play the chunks that come through the pipe, and send each row as soon as it is there."""
    try:
        player = Player(sweep, expected)
    except EngineLost as error:
        pipe.send(error)
        return
    while True:
        try:
            chunk: range = pipe.recv()
            for number in chunk:
                if pipe.poll():  # nothing is sent during a chunk: the sweep is gone
                    return
                pipe.send((number, player.play(number).json()))
        except (EOFError, OSError):
            return


@dataclass
class Worker:
    """A process, and what it is at.

    Attributes:
        left: the episodes given to it whose rows have not come in.
        deaths: how many processes the first of them has killed.
    """

    process: SpawnProcess
    pipe: Connection
    left: range = range(0)
    deaths: int = 0


def start_deaf(process: SpawnProcess) -> None:
    """Start a process that Ctrl-C does not reach: the sweep's own process takes it and ends the others."""
    resource_tracker.ensure_running()  # else the start of the first process starts it, and lifts the block
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # which a child inherits
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Processes:
    """An engine of processes. One that dies is replaced, and the next goes on with the very episode."""

    def __init__(self, sweep: Sweep, workers: int) -> None:
        self.workers = workers
        self._sweep = sweep
        self._workers: list[Worker] = []

    @property
    def free(self) -> bool:
        return len(self._workers) < self.workers or any(not worker.left for worker in self._workers)

    def begin(self, chunk: range) -> None:
        idle = next((worker for worker in self._workers if not worker.left), None)
        if idle is None:
            idle = Worker(*self._start())
            self._workers.append(idle)
        self._give(idle, chunk)

    def wait(self) -> list[tuple[int, bytes]]:
        ready = wait([worker.pipe for worker in self._workers if worker.left])
        came = []
        for worker in self._workers:
            if worker.pipe in ready:
                try:
                    message = worker.pipe.recv()
                    if isinstance(message, EngineLost):
                        raise message
                    came.append(message)
                    worker.left = worker.left[1:]
                    worker.deaths = 0
                except (EOFError, OSError):
                    self._replace(worker)
        return came

    def close(self) -> None:
        for worker in self._workers:
            worker.process.kill()  # what it is at will be played again; nothing of it is kept
        for worker in self._workers:
            worker.process.join(ENDING_S)
            worker.pipe.close()
        self._workers.clear()

    def _replace(self, worker: Worker) -> None:
        """Put a fresh process in the place of one that died."""
        worker.process.join(ENDING_S)
        worker.pipe.close()
        worker.deaths += 1
        if worker.deaths >= DEATHS:
            episode = self._sweep.episode(worker.left[0])
            raise EpisodeLost(
                f"episode {worker.left[0]} ({episode.policy} on {episode.task}, seed {episode.seed}) ended"
                f" {DEATHS} processes that played it, the last with {_ending(worker.process.exitcode)}"
            )
        worker.process, worker.pipe = self._start()
        self._give(worker, worker.left)

    def _give(self, worker: Worker, chunk: range) -> None:
        worker.left = chunk
        with suppress(OSError):  # it may just have died, as `wait` will see
            worker.pipe.send(chunk)

    def _start(self) -> tuple[SpawnProcess, Connection]:
        ours, theirs = START.Pipe()
        process = START.Process(target=work, args=(self._sweep, version(), theirs), name="sweep", daemon=True)
        start_deaf(process)
        theirs.close()
        return process, ours


def _ending(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return signal.Signals(-exit_code).name
    return f"exit code {exit_code}"
