"""Carries an export out: seed by seed, in one process or several."""

from __future__ import annotations

import multiprocessing
import shutil
import signal
import sys
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ..errors import NoPage
from ..telemetry.series import Series
from . import FORMATS, truth
from .episode import Episode, Plan, play
from .files import write
from .remote_write import RemoteWriter


@dataclass(frozen=True, kw_only=True)
class Export:
    """What is exported, and where to.

    Attributes:
        out: the folder that gets a folder per episode; None if no files are written.
        formats: names of the formats of the files.
        remote_write: URL of a receiver of the metrics.
        labels: labels that every series gets, unless it has its own; `{seed}` and `{fault}` are replaced.
    """

    plan: Plan
    out: Path | None = None
    formats: tuple[str, ...] = ()
    remote_write: str | None = None
    labels: tuple[tuple[str, str], ...] = ()


def export(what: Export, seed: int) -> str | None:
    """Export one episode.

    Returns:
        why there is none, or None if there is.
    """
    try:
        episode = play(what.plan, seed)
    except NoPage as error:
        return str(error)
    if what.out is not None:
        folder = what.out / what.plan.folder / str(seed)
        folder.mkdir(parents=True, exist_ok=True)
        for name in what.formats:
            for file, chunks in FORMATS[name].files(episode):
                write(folder / file, chunks)
        # The last file: where it is, the episode is complete.
        write(folder / "truth.json", truth.document(episode))
    if what.remote_write is not None:
        with RemoteWriter(what.remote_write) as writer:
            writer.write(_labelled(episode, what.labels))
    return None


def _labelled(episode: Episode, labels: Iterable[tuple[str, str]]) -> Iterator[Series]:
    fault = episode.plan.fault.name if episode.plan.fault else "none"
    extra = {name: value.replace("{seed}", str(episode.seed)).replace("{fault}", fault) for name, value in labels}
    for one in episode.series():
        yield one._replace(labels={**extra, **one.labels})


def export_all(what: Export, seeds: range, jobs: int) -> int:
    """Export episodes, with a progress bar if somebody is looking.

    Returns:
        how many there are not, for reasons that were printed.

    Raises:
        OSError: a file or a request could not be written; what has not begun is left out.
        KeyboardInterrupt: likewise.
    """
    from tqdm import tqdm

    missing = 0
    # tqdm shows nothing on a terminal that does not know its size; here it gets a usual one.
    columns, rows = shutil.get_terminal_size()
    bar = tqdm(total=len(seeds), unit="episode", ncols=columns, nrows=rows, disable=None)
    with bar, closing(_results(what, seeds, jobs)) as results:
        for seed, problem in results:
            if problem is not None:
                missing += 1
                bar.write(f"seed {seed} is left out: {problem}", file=sys.stderr)
            bar.update()
    return missing


def _results(what: Export, seeds: range, jobs: int) -> Generator[tuple[int, str | None], None, None]:
    workers = min(jobs, len(seeds))
    if workers == 1:
        for seed in seeds:
            yield seed, export(what, seed)
        return
    # Processes that are started afresh inherit no threads.
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))
    left = iter(seeds)
    # They do inherit that they ignore interrupts: this process takes them, the others finish what they are at.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        running = {pool.submit(export, what, seed): seed for seed in islice(left, workers)}
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield running.pop(future), future.result()
                # No more than the processes are at: nothing is in their queue when the export is interrupted.
                running |= {pool.submit(export, what, seed): seed for seed in islice(left, 1)}
    finally:
        pool.shutdown()
