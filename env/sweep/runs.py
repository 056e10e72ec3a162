"""Runs a sweep from its first episode, or from where it was interrupted, to the finished file."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .engine import Engine, in_order
from .errors import Interrupted, SweepRefused
from .means import Means
from .partial import Partial, row_of
from .plan import Sweep
from .results import check_output, check_trajectories, write
from .summary import Summary


@dataclass(frozen=True, kw_only=True)
class Report:
    """How a sweep went.

    Attributes:
        summary: of all rows.
        resumed: rows that were there when it began.
        elapsed_s: wall-clock seconds it took to play the others.
        workers: how many were played at a time.
    """

    summary: Summary
    resumed: int
    elapsed_s: float
    workers: int


def rows(sweep: Sweep, means: Means | None = None) -> Iterator[dict[str, Any]]:
    """Play a sweep and give its rows out in order, as they come; nothing is written."""
    means = means or Means()
    with closing(means.start(sweep)) as engine, closing(in_order(engine, 0, sweep.size, means.chunk)) as played:
        yield from map(row_of, played)


def run(
    sweep: Sweep,
    out: Path,
    means: Means | None = None,
    *,
    trajectories: Path | None = None,
    overwrite: bool = False,
    progress: bool | None = None,
) -> Report:
    """Play a sweep into a file; one that was interrupted goes on from where it was.

    Args:
        out: ends in `.jsonl` or `.parquet`.
        trajectories: where they go, if the sweep keeps them; ends in `.jsonl`.
        overwrite: replace a file that is there, and begin anew where an interrupted sweep was another one.
        progress: show a bar on stderr; by default if it is a terminal.

    Raises:
        SweepRefused: it cannot be done; nothing was played.
        Interrupted: by Ctrl-C; the same call goes on from there.
        EpisodeLost, EngineLost, OSError: likewise, once the cause is gone.
    """
    means = means or Means()
    check_output(out, overwrite=overwrite)
    if (trajectories is None) != (sweep.trajectories is None):
        raise SweepRefused("a sweep that keeps trajectories needs a file for them, and no other does")
    if trajectories is not None:
        check_trajectories(trajectories, out, overwrite=overwrite)
    summary = Summary()
    began = time.monotonic()
    try:
        partial = Partial(out, sweep, overwrite=overwrite, seen=summary.add)
    except OSError as error:
        raise SweepRefused(f"{out} cannot be written: {error.strerror}") from None
    with partial:
        resumed = partial.there
        workers = 0
        try:
            if partial.there < sweep.size:
                with closing(means.start(sweep)) as engine:
                    workers = engine.workers
                    began = time.monotonic()
                    _play(sweep, engine, means.chunk, partial, progress)
            elapsed_s = time.monotonic() - began
            if trajectories is not None:
                write(trajectories, partial.trajectories())
            write(out, partial.rows())
        except KeyboardInterrupt:
            raise Interrupted(partial.there, sweep.size) from None
        partial.remove()
    return Report(summary=summary, resumed=resumed, elapsed_s=elapsed_s, workers=workers)


def _play(sweep: Sweep, engine: Engine, chunk: int, partial: Partial, progress: bool | None) -> None:
    from tqdm import tqdm

    # tqdm shows nothing on a terminal that does not know its size; here it gets a usual one.
    columns, lines = shutil.get_terminal_size()
    shown = sys.stderr.isatty() if progress is None else progress
    bar = tqdm(total=sweep.size, initial=partial.there, unit="episode", ncols=columns, nrows=lines, disable=not shown)
    with bar, closing(in_order(engine, partial.there, sweep.size, chunk)) as played:
        for line in played:
            partial.add(line)
            bar.update()
