"""Plays episodes on a Ray cluster: one that exists, or one of this machine that lives as long as the sweep."""

from __future__ import annotations

import shutil
import socket
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from ..version import version
from .errors import EngineLost, EpisodeLost, SweepRefused
from .plan import Sweep
from .processes import ENDING_S, START, start_deaf
from .ray_driver import RETRIES, drive

PROBE_S = 3.0
"""For the port of a cluster to answer; chosen."""
CONNECT_S = 30.0
"""For a cluster to accept the sweep, or to start; chosen, some ten times what it takes on an idle machine."""
SHUTDOWN_S = 15.0


def check(address: str | None) -> None:
    """Raises SweepRefused where it is plain that Ray cannot be used: not installed, or nobody at the address."""
    if find_spec("ray") is None:
        raise SweepRefused("the ray engine needs the package ray: pip install 'incident-response-env[ray]'")
    if address is None:
        return
    host, port = split(address)
    try:
        socket.create_connection((host, port), timeout=PROBE_S).close()
    except OSError as error:
        raise SweepRefused(f"no Ray cluster can be reached at {address}: {error.strerror or error}") from None


def split(address: str) -> tuple[str, int]:
    """Host and port of an address."""
    try:
        parts = urlsplit(f"//{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port or parts.netloc != address or parts.username is not None:
        raise SweepRefused(f"{address!r} is not the address of a Ray cluster, as 10.0.0.5:6379 is")
    return host, port


class RayCluster:
    """An engine of a Ray cluster, reached through a process of its own.

    Raises:
        SweepRefused: the cluster does not accept the sweep.
    """

    def __init__(self, sweep: Sweep, workers: int | None, address: str | None = None) -> None:
        check(address)
        self._sweep = sweep
        self._running = 0
        self.workers = 0
        # Ray's sockets are in here, and the path of a socket must be short.
        self._folder = tempfile.mkdtemp(prefix="sweep-")
        self._pipe, theirs = START.Pipe()
        self._driver = START.Process(
            target=drive,
            args=(sweep, version(), address, workers, theirs, self._folder),
            name="sweep-ray",
            daemon=True,
        )
        try:
            start_deaf(self._driver)
            theirs.close()
            self.workers = self._accepted(address)
        except BaseException:
            self.close()
            raise

    def _accepted(self, address: str | None) -> int:
        where = "a local Ray cluster" if address is None else f"the Ray cluster at {address}"
        if not self._pipe.poll(CONNECT_S):
            raise SweepRefused(f"{where} has not answered within {CONNECT_S:.0f} s")
        match self._received():
            case ("ready", int(workers)):
                return workers
            case (_, reason):
                raise SweepRefused(f"{where} does not take the sweep: {reason}")
        raise AssertionError("the driver says nothing else")

    @property
    def free(self) -> bool:
        return self._running < self.workers

    def begin(self, chunk: range) -> None:
        self._running += 1
        try:
            self._pipe.send(chunk)
        except OSError:
            raise EngineLost("the connection to the Ray cluster is gone") from None

    def wait(self) -> list[tuple[int, bytes]]:
        match self._received():
            case ("rows", range() as chunk, list() as rows):
                self._running -= 1
                return list(zip(chunk, rows, strict=True))
            case ("lost", range() as chunk, reason):
                first, last = self._sweep.episode(chunk[0]), self._sweep.episode(chunk[-1])
                raise EpisodeLost(
                    f"a chunk was lost {RETRIES + 1} times ({reason}): episodes {chunk[0]} ({first.policy} on"
                    f" {first.task}, seed {first.seed}) to {chunk[-1]} ({last.policy} on {last.task}, seed {last.seed})"
                )
            case (_, reason):
                raise EngineLost(f"the Ray cluster: {reason}")
        raise AssertionError("the driver says nothing else")

    def close(self) -> None:
        """Leave the cluster; one of the sweep's own ends."""
        with suppress(OSError):
            self._pipe.send(None)
        self._pipe.close()
        if self._driver.pid is not None:
            if not self.workers:
                self._driver.terminate()  # it may wait for minutes
            self._driver.join(SHUTDOWN_S if self.workers else ENDING_S)
            self._driver.kill()
            self._driver.join(ENDING_S)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _received(self) -> Any:
        try:
            return self._pipe.recv()
        except (EOFError, OSError):
            return ("failed", "the process that speaks to it has ended")
