"""Who plays a sweep."""

from __future__ import annotations

import os
from dataclasses import dataclass

from .engine import Engine
from .errors import SweepRefused
from .plan import Sweep
from .processes import Processes

CHUNK = 100
CHUNKS = range(50, 501)
"""Episodes that are given to a worker at once, at most: fewer cost Ray more than they are worth, more come in late."""
MOST_WORKERS = 1024
ENGINES = ("processes", "ray")


@dataclass(frozen=True, kw_only=True)
class Means:
    """Who plays a sweep. Nothing here changes a byte of the results.

    Attributes:
        engine: `processes` of this machine, or `ray`.
        workers: episodes played at a time; by default one per core, or what the cluster has.
        ray_address: `host:port` of a Ray cluster; without one Ray runs on this machine for as long as the sweep.
        chunk: episodes given to a worker at once; fewer where there are few.

    Raises:
        SweepRefused: that cannot be had.
    """

    engine: str = "processes"
    workers: int | None = None
    ray_address: str | None = None
    chunk: int = CHUNK

    def __post_init__(self) -> None:
        if self.engine not in ENGINES:
            raise SweepRefused(f"unknown engine {self.engine!r} (choose from {', '.join(ENGINES)})")
        if self.workers is not None and not 1 <= self.workers <= MOST_WORKERS:
            raise SweepRefused(f"{self.workers} workers are not between 1 and {MOST_WORKERS}")
        if self.chunk not in CHUNKS:
            raise SweepRefused(f"a chunk of {self.chunk} is not between {CHUNKS.start} and {CHUNKS.stop - 1}")
        if self.ray_address is not None and self.engine != "ray":
            raise SweepRefused("the address of a Ray cluster needs the engine ray")

    def start(self, sweep: Sweep) -> Engine:
        """The engine, ready to play.

        Raises:
            SweepRefused: Ray is not installed, or its cluster does not take the sweep.
        """
        if self.engine == "ray":
            from .ray_engine import RayCluster

            return RayCluster(sweep, self.workers or (None if self.ray_address else cores()), self.ray_address)
        return Processes(sweep, self.workers or cores())


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))
