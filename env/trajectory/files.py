"""Files of records, one per line, verified on several processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import cache
from itertools import islice
from multiprocessing.connection import wait
from typing import BinaryIO, NamedTuple

from cluster_sim import WarmUps

from .parsing import LONGEST_LINE
from .verdict import Verdict, verify_line

CHUNK = 4
"""Lines given to a process at once: neighbours often play the same world, which is simulated once then (chosen)."""
AHEAD = 2
"""Chunks per process that are read before the first of them is done; it bounds what is held (chosen)."""


class Line(NamedTuple):
    """A line of a file, counted from 1."""

    number: int
    text: bytes


class Checked(NamedTuple):
    """A line and what became of it."""

    number: int
    verdict: Verdict


class WorkerLost(RuntimeError):
    """A process ended while it verified; the argument says where."""


def lines(file: BinaryIO) -> Iterator[Line]:
    """The lines that are not blank. Of one that is too long there is only as much as shows that."""
    number = 0
    while text := file.readline(LONGEST_LINE + 2):
        number += 1
        rest = text
        while not rest.endswith(b"\n") and (rest := file.readline(LONGEST_LINE)):
            pass
        if text.strip():
            yield Line(number, text)


def verify_lines(these: Iterable[Line], workers: int = 1) -> Iterator[Checked]:
    """Verify lines, in their order.

    Args:
        workers: processes; with one it is done in this one.

    Raises:
        WorkerLost: a process ended, for want of memory perhaps.
    """
    if workers == 1:
        warm_ups = WarmUps()
        for line in these:
            yield _checked(line, warm_ups)
        return
    left = iter(these)
    last = 0
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_begin) as pool:
        under_way: deque[Future[list[Checked]]] = deque()
        try:
            while True:
                while len(under_way) < AHEAD * workers and (chunk := list(islice(left, CHUNK))):
                    under_way.append(pool.submit(_work, chunk))
                if not under_way:
                    return
                for checked in under_way.popleft().result():
                    last = checked.number
                    yield checked
        except BrokenProcessPool:
            raise WorkerLost(f"a process ended that verified a line after line {last}") from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _checked(line: Line, warm_ups: WarmUps) -> Checked:
    verdict = verify_line(line.text, warm_ups)
    if verdict.record is not None:  # it would be sent whole from process to process, for its name and score
        verdict = replace(verdict, record=replace(verdict.record, whole=None))
    return Checked(line.number, verdict)


# ---------------------------------------------------------------- in another process


def _begin() -> None:
    """Ctrl-C is for the process that asks; when that is gone, so is this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _work(chunk: list[Line]) -> list[Checked]:
    return [_checked(line, _kept()) for line in chunk]


@cache
def _kept() -> WarmUps:
    """The incidents that this process has begun."""
    return WarmUps()
