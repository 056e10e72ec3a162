"""The command `evaluate`: its options, and what it prints."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..policies import POLICIES, PRIVILEGED
from ..sweep import Means, Sweep, SweepError, SweepRefused, read, rows
from ..sweep.command import seed_range, whole
from ..tasks import GENERATED, TASK_IDS, TASKS
from .by_task import Played, summary
from .outputs import Outputs, text
from .report import Report, SameTwice, report

EPISODES = 20
PLAYED = ("task", "policy", "seeds", "episodes", "split", "difficulty", "grading", "trials", "workers")
"""Options that say what is played, or how; they say nothing of what was played before."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--policy",
        nargs="+",
        metavar="POLICY",
        help=f"{', '.join((*POLICIES, *PRIVILEGED))}, model:<name>, or one's own as module:factory"
        " (default: all but those that know the truth, and models)",
    )
    parser.add_argument(
        "--task",
        nargs="+",
        metavar="TASK",
        help=f"{', '.join(TASK_IDS)} (default: the fixed ones; {GENERATED} with --split, --episodes or --difficulty)",
    )
    many = parser.add_mutually_exclusive_group()
    many.add_argument("--seeds", metavar="N|A:B", help=f"seeds 0 to N-1, or A to B-1 (default: {EPISODES})")
    many.add_argument("--episodes", type=whole, metavar="N", help="the first N incidents of a split")
    parser.add_argument("--split", help="of generated incidents: train (default), validation or test")
    parser.add_argument("--difficulty", type=whole, metavar="1-5", help="of generated incidents (default: all)")
    parser.add_argument("--grading", help="table or full (default: as is usual for the task)")
    parser.add_argument(
        "--trials",
        type=whole,
        metavar="K",
        help="times a policy with draws of its own plays each incident (default: 1)",
    )
    parser.add_argument("--workers", type=whole, metavar="N", help="processes (default: one per core)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report as JSON")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write it as Markdown")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the scores: .svg, or .png (needs pillow)")
    parser.add_argument(
        "--from",
        type=Path,
        nargs="+",
        dest="files",
        metavar="FILE",
        help="report on results of `sweep`; nothing is played",
    )


def main(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Carry the command out.

    Returns:
        the exit status: 0, or 1 if a failure stopped it. What cannot be done exits with 2, before anything is played.
    """
    try:
        outputs = Outputs(json=options.json, markdown=options.markdown, plot=options.plot)
        played = list(_read(options) if options.files else _played(options))
        told = _report(played)
    except SweepRefused as refusal:
        parser.error(str(refusal))
    except SweepError as error:
        print(f"{parser.prog}: error: {error}", file=sys.stderr)
        return 1
    for line in _told(played, told):
        print(line)
    try:
        outputs.write(told)
    except OSError as error:
        print(f"{parser.prog}: error: {error}", file=sys.stderr)
        return 1
    return 0


def _report(played: Iterable[dict[str, Any]]) -> Report:
    try:
        return report(played)
    except SameTwice as refusal:
        raise SweepRefused(str(refusal)) from None


def _read(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    for name in PLAYED:
        if getattr(options, name) is not None:
            raise SweepRefused(f"--from reads what was played already; --{name} says nothing there")
    for path in options.files:
        yield from read(path)


def _played(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The rows, as they are played."""
    from tqdm import tqdm

    sweep = sweep_of(options)
    means = Means(workers=options.workers)
    with tqdm(rows(sweep, means), total=sweep.size, unit="episode", disable=not sys.stderr.isatty()) as bar:
        yield from bar


def sweep_of(options: argparse.Namespace) -> Sweep:
    """What is to be played.

    Raises:
        SweepRefused: there is no such thing.
    """
    generated = (options.split, options.difficulty, options.episodes) != (None, None, None)
    return Sweep(
        tasks=_listed(options.task) or ([GENERATED] if generated else list(TASKS)),
        policies=_listed(options.policy) or list(POLICIES),
        seeds=_seeds(options),
        split=options.split,
        difficulty=options.difficulty,
        grading=options.grading,
        trials=1 if options.trials is None else options.trials,
    )


def _seeds(options: argparse.Namespace) -> range:
    """`--seeds N` are the first N, as `--episodes N` are; `A:B` goes from A to B-1."""
    if options.episodes is not None or options.seeds is None:
        return range(EPISODES if options.episodes is None else options.episodes)
    try:
        asked = seed_range(options.seeds)
    except argparse.ArgumentTypeError as error:
        raise SweepRefused(f"--seeds: {error}") from None
    return asked if ":" in options.seeds else range(asked.start)


def _listed(given: list[str] | None) -> list[str]:
    """Names that were separated by blanks or commas."""
    return [name.strip() for text in given or [] for name in text.split(",") if name.strip()]


def _told(played: list[dict[str, Any]], told: Report) -> Iterator[str]:
    fixed = [row for row in played if row["task"] in TASKS and row["score"] is not None]
    if fixed:
        yield from summary([Played(it["policy"], it["task"], it["seed"], it["score"], it["steps"]) for it in fixed])
        yield ""
    yield from text(told)
