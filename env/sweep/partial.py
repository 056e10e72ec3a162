"""The file in which a sweep under way collects its rows, and from which an interrupted one goes on."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from ..version import version
from .errors import SweepRefused
from .plan import Sweep

NONE = b"null\n"
SHARED = {"version": "version", "task_id": "task", "seed": "seed", "policy": "policy", "score": "score"}
"""Fields of a trajectory and the columns of its row that say the same."""


def partial_path(out: Path) -> Path:
    """Where the rows are collected: beside the results, under their name and `.partial`."""
    return out.with_name(f"{out.name}.partial")


class Partial:
    """A line that says what is played by which code, then a row per line, in the sweep's order.

    Where the sweep keeps trajectories, a line with the episode's follows every row; it is null if there is none.

    Rows are only ever added at the end, so that whatever kills the sweep leaves the beginning of what it would have
    become. What follows the last whole row is cut off and played again.

    Attributes:
        there: how many rows it holds.
    """

    def __init__(
        self, out: Path, sweep: Sweep, *, overwrite: bool = False, seen: Callable[[dict[str, Any]], None]
    ) -> None:
        """
        Args:
            overwrite: begin anew where the file is of another sweep.
            seen: told every row, those that are there already first.

        Raises:
            SweepRefused: the file is of another sweep, or in use.
            OSError: it cannot be written.
        """
        self.path = partial_path(out)
        self.there = 0
        self._sweep = sweep
        self._seen = seen
        self._head = json.dumps({"sweep": sweep.parameters(), "version": version()}).encode() + b"\n"
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        self._file: BinaryIO = os.fdopen(descriptor, "r+b")
        try:
            self._take(overwrite)
        except BaseException:
            self._file.close()
            raise

    def _take(self, overwrite: bool) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SweepRefused(f"another sweep is writing {self.path}") from None
        head = self._file.readline()
        if head == self._head:
            self._file.truncate(self._end())
        elif head.endswith(b"\n") and not overwrite:
            raise SweepRefused(
                f"{self.path} is of a sweep that {_difference(head, self._head)}; --overwrite begins anew"
            )
        else:
            self._file.seek(0)
            self._file.truncate()
            self._file.write(self._head)
        self._file.seek(0, os.SEEK_END)

    def _end(self) -> int:
        """Where the last whole row ends; every row is counted and told."""
        end = self._file.tell()
        for line in self._file:
            row = _read(line)
            if self.there == self._sweep.size or row is None or not self._is_next(row):
                break
            trajectory = self._file.readline() if self._sweep.trajectories else b""
            if self._sweep.trajectories and not _belongs(trajectory, row):
                break
            self._count(row)
            end += len(line) + len(trajectory)
        return end

    def _is_next(self, row: dict[str, Any]) -> bool:
        episode = self._sweep.episode(self.there)
        options = episode.options
        expected = (version(), options.noise, options.arrival_rate_hz, episode.seed, episode.task)
        names = ("version", "noise", "arrival_rate_hz", "seed", "task", "policy", "trial")
        return tuple(row.get(name) for name in names) == (*expected, episode.policy, episode.trial)

    def _count(self, row: dict[str, Any]) -> None:
        self.there += 1
        self._seen(row)

    def add(self, played: bytes) -> None:
        """Add the next row, with its trajectory where the sweep keeps them."""
        self._file.write(played)
        self._file.flush()
        self._count(row_of(played))

    def rows(self) -> Iterator[bytes]:
        """The rows that are there."""
        return islice(self._lines(), 0, None, 2 if self._sweep.trajectories else 1)

    def trajectories(self) -> Iterator[bytes]:
        """The trajectories that are there."""
        return (line for line in islice(self._lines(), 1, None, 2) if line != NONE)

    def _lines(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            file.readline()
            yield from file

    def remove(self) -> None:
        """The results are elsewhere."""
        self.path.unlink()

    def __enter__(self) -> Partial:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.there:
            self.path.unlink(missing_ok=True)
        self._file.close()


def row_of(played: bytes) -> dict[str, Any]:
    """The row of an episode, without its trajectory."""
    row: dict[str, Any] = json.loads(played[: played.index(b"\n")])
    return row


def _belongs(trajectory: bytes, row: dict[str, Any]) -> bool:
    """Whether a line is the whole trajectory of the row's episode."""
    if trajectory == NONE:
        return not row.get("done")
    record = _read(trajectory)
    return record is not None and all(record.get(name) == row.get(of) for name, of in SHARED.items())


def _read(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def _difference(theirs: bytes, ours: bytes) -> str:
    """How the sweep of a head line differs from this one."""
    read = _read(theirs)
    if read is None or not isinstance(read.get("sweep"), dict):
        return "cannot be read"
    wanted = json.loads(ours)
    if read["sweep"] != wanted["sweep"]:
        differs = [name for name in wanted["sweep"] if read["sweep"].get(name) != wanted["sweep"][name]]
        return f"has other {', '.join(differs)}"
    return "was played by other code or libraries"
