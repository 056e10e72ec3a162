"""The command `verify`: its options, and what it prints."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import BinaryIO

from .files import Checked, WorkerLost, lines, verify_lines
from .parsing import named
from .verdict import OUTCOMES, Outcome, Verdict

MOST_WORKERS = 1024
MOST_TOLD = 3
"""Differences that a line of text names; `--json` names more."""
STANDARD_INPUT = Path("-")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("file", type=Path, help="records, one per line; - for standard input")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one per core)")
    parser.add_argument("--json", action="store_true", help="print a line of JSON per record, and one in the end")


def main(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Carry the command out.

    Returns:
        the exit status: 0 if there are records and all are verified, else 1; 130 if it was interrupted. What cannot be
        done exits with 2.
    """
    workers = options.workers or len(os.sched_getaffinity(0))
    if not 1 <= workers <= MOST_WORKERS or options.workers == 0:
        parser.error(f"--workers must be between 1 and {MOST_WORKERS}")
    try:
        opened = _opened(options.file)
    except OSError as error:
        parser.error(f"{options.file} cannot be read: {error.strerror}")
    counts = dict.fromkeys(OUTCOMES, 0)
    try:
        with opened as file:
            for checked in verify_lines(lines(file), workers):
                counts[checked.verdict.outcome] += 1
                print(_json(checked) if options.json else text(checked), flush=True)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 128 + signal.SIGINT
    except (WorkerLost, OSError) as error:
        print(f"{parser.prog}: error: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"records": sum(counts.values()), **counts}) if options.json else _summary(counts))
    return 0 if 0 < sum(counts.values()) == counts["verified"] else 1


def _opened(path: Path) -> AbstractContextManager[BinaryIO]:
    return nullcontext(sys.stdin.buffer) if path == STANDARD_INPUT else path.open("rb")


def text(checked: Checked) -> str:
    """A verdict as a line of plain ASCII, whatever somebody has written into the record; the score comes first."""
    verdict = checked.verdict
    said = ": ".join(filter(None, (OUTCOMES[verdict.outcome], "; ".join(_reasons(verdict)))))
    other = f" (recorded by {named(verdict.recorded_by)})" if verdict.other_version else ""
    return f"line {checked.number}: {said}{other}"


def _reasons(verdict: Verdict) -> Iterator[str]:
    record = verdict.record
    if verdict.outcome == "verified" and record is not None:
        player = "" if record.policy is None else f" by {named(record.policy)}"
        yield f"{record.episode_id}{player}, score {json.dumps(record.score)}"
    if verdict.reason is not None:
        yield verdict.reason
    told = sorted(verdict.differences, key=lambda difference: difference.place != "score")
    yield from map(str, told[:MOST_TOLD])
    if len(verdict.differences) > MOST_TOLD:
        yield f"and {len(verdict.differences) - MOST_TOLD} more"


def _json(checked: Checked) -> str:
    return json.dumps({"line": checked.number, **checked.verdict.plain()})


def _summary(counts: dict[Outcome, int]) -> str:
    total = sum(counts.values())
    if not total:
        return "no records"
    parts = (f"{count} {OUTCOMES[outcome]}" for outcome, count in counts.items() if count)
    return f"{total} record{'s' if total > 1 else ''}: {', '.join(parts)}"
