"""The command `sweep`: its options, and what it prints."""

from __future__ import annotations

import argparse
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..models import MAX_SEED
from ..policies import POLICIES, PRIVILEGED
from ..tasks import TASK_IDS, TASKS
from .errors import Interrupted, SweepError, SweepRefused
from .means import CHUNK, CHUNKS, ENGINES, Means
from .plan import OBSERVATIONS, Sweep
from .results import read
from .runs import Report, run
from .summary import Summary

ALL = "all"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--task", type=names, default=ALL, metavar="TASK,…", help=f"{ALL} fixed ones (default), {', '.join(TASK_IDS)}"
    )
    parser.add_argument(
        "--seeds", type=seed_range, metavar="A:B", help="seeds A to B-1, or one seed; each plays a world of its own"
    )
    parser.add_argument(
        "--policy",
        type=names,
        default="rule_based",
        metavar="POLICY,…",
        help=f"{ALL}, {', '.join((*POLICIES, *PRIVILEGED))}, model:<name>, or one's own as module:factory "
        "(default: rule_based)",
    )
    parser.add_argument("--noise", type=_numbers, default="1", metavar="LEVEL,…", help="of 0 to 3 (default: 1)")
    parser.add_argument(
        "--arrival-rate", type=_numbers, default="20", metavar="HZ,…", help="users' requests/s, 5 to 500 (default: 20)"
    )
    parser.add_argument("--reward-mode", default="table", help="table (default), shaped or sparse")
    parser.add_argument(
        "--split", help="of generated incidents: train (default), validation or test; seeds are indices"
    )
    parser.add_argument("--difficulty", type=whole, metavar="1-5", help="of generated incidents (default: all)")
    parser.add_argument("--grading", help="table or full (default: full of generated incidents, else table)")
    parser.add_argument(
        "--trials",
        type=whole,
        default=1,
        metavar="K",
        help="times that a policy with draws of its own plays each incident (default: 1)",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="the results: .jsonl or .parquet")
    parser.add_argument(
        "--trajectories", type=Path, metavar="FILE", help="a record of every finished episode, for verify: .jsonl"
    )
    parser.add_argument("--observations", help="of trajectories: digest (default) or full")
    parser.add_argument("--overwrite", action="store_true", help="replace FILE, and what another sweep left beside it")
    parser.add_argument("--engine", default=ENGINES[0], metavar="ENGINE", help="processes (default) or ray")
    parser.add_argument("--workers", type=whole, metavar="N", help="episodes at a time (default: one per core)")
    parser.add_argument("--ray-address", metavar="HOST:PORT", help="of a Ray cluster (default: one on this machine)")
    parser.add_argument(
        "--chunk",
        type=whole,
        default=CHUNK,
        metavar="N",
        help=f"episodes given to a worker at once, {CHUNKS.start} to {CHUNKS.stop - 1} (default: {CHUNK})",
    )
    parser.add_argument("--progress", action="store_true", help="show a bar even if stderr is no terminal")
    parser.add_argument("--summary-only", type=Path, metavar="FILE", help="print the summary of a finished FILE")


def main(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Carry the command out.

    Returns:
        the exit status: 0; 1 if the sweep was stopped by a failure; 128 and the signal's number if it was interrupted.
        What cannot be done exits with 2.
    """
    try:
        for line in _swept(options) if options.summary_only is None else _summed_up(options.summary_only):
            print(line)
    except SweepRefused as refusal:
        parser.error(str(refusal))
    except KeyboardInterrupt as interruption:
        said = f"{interruption}; the same command goes on from there" if isinstance(interruption, Interrupted) else ""
        print(": ".join(filter(None, ("interrupted", said))), file=sys.stderr)
        return 128 + _signal_of(interruption)
    except (SweepError, OSError) as error:
        print(f"{parser.prog}: error: {error}; the same command goes on from there", file=sys.stderr)
        return 1
    return 0


def _summed_up(path: Path) -> list[str]:
    summary = Summary()
    for row in read(path):
        try:
            summary.add(row)
        except (TypeError, ValueError, OverflowError):
            raise SweepRefused(f"{path} is no result of a sweep, or damaged") from None
    return _told(summary)


def _swept(options: argparse.Namespace) -> list[str]:
    if options.seeds is None or options.out is None:
        raise SweepRefused(f"--{'seeds' if options.seeds is None else 'out'} is needed")
    if options.observations is not None and options.trajectories is None:
        raise SweepRefused("--observations needs --trajectories")
    sweep = Sweep(
        tasks=list(TASKS) if options.task == [ALL] else options.task,
        policies=list(POLICIES) if options.policy == [ALL] else options.policy,
        seeds=options.seeds,
        noises=options.noise,
        rates_hz=options.arrival_rate,
        reward_mode=options.reward_mode,
        split=options.split,
        difficulty=options.difficulty,
        trajectories=None if options.trajectories is None else options.observations or OBSERVATIONS[0],
        grading=options.grading,
        trials=options.trials,
    )
    means = Means(engine=options.engine, workers=options.workers, ray_address=options.ray_address, chunk=options.chunk)
    with _terminable():
        report = run(
            sweep,
            options.out,
            means,
            trajectories=options.trajectories,
            overwrite=options.overwrite,
            progress=options.progress or None,
        )
    return [*_told(report.summary), "", _speed(report)]


def _told(summary: Summary) -> list[str]:
    families = list(summary.family_table())
    return [*summary.table(), *(["", *families] if families else [])]


def _speed(report: Report) -> str:
    played = report.summary.episodes - report.resumed
    before = f"; {report.resumed} were there already" if report.resumed else ""
    if not played:
        return f"No episode was left to play{before}."
    per_s = played / report.elapsed_s
    workers = f"{report.workers} worker{'s' if report.workers > 1 else ''}"
    return f"{played} episodes in {report.elapsed_s:.1f} s on {workers}: {per_s:.2f} episodes/s{before}."


# ---------------------------------------------------------------- being ended


class _Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a sweep as Ctrl-C does."""


def _signal_of(interruption: KeyboardInterrupt) -> int:
    terminated = isinstance(interruption, _Terminated) or isinstance(interruption.__context__, _Terminated)
    return signal.SIGTERM if terminated else signal.SIGINT


@contextmanager
def _terminable() -> Iterator[None]:
    def end(number: int, frame: object) -> None:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


# ---------------------------------------------------------------- types of the options


def seed_range(text: str) -> range:
    """`A:B` as a range, `A` as the range of one seed."""
    match = re.fullmatch(r"(\d{1,30})(?::(\d{1,30}))?", text, re.ASCII)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a seed nor a range like 0:20")
    first = int(match[1])
    end = int(match[2]) if match[2] else first + 1
    if end <= first:
        raise argparse.ArgumentTypeError(f"there is no seed in {text!r}")
    if end - 1 > MAX_SEED:
        raise argparse.ArgumentTypeError(f"seeds end at {MAX_SEED}")
    return range(first, end)


def names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _numbers(text: str) -> list[float]:
    try:
        return [float(number) for number in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of numbers") from None


def whole(text: str) -> int:
    if not re.fullmatch(r"-?\d{1,9}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)
