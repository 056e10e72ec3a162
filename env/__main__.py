"""Commands of the environment: `python -m env sweep|verify|evaluate|twins|replay`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NoReturn

from . import twins
from .evaluate import command as evaluate
from .live.replay import report
from .sweep import command as sweep
from .trajectory import command as verifying


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")


def main(arguments: list[str] | None = None) -> int:
    """Run a command.

    Returns:
        the exit status.
    """
    parser = Parser(prog="python -m env", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    sweeps = commands.add_parser("sweep", help="play policies over many seeds into a file of results")
    sweep.add_options(sweeps)
    evaluations = commands.add_parser("evaluate", help="play policies and report what they score, or report on a sweep")
    evaluate.add_options(evaluations)
    verify = commands.add_parser("verify", help="play recorded trajectories again, and refuse those that are not true")
    verifying.add_options(verify)
    apart = commands.add_parser("twins", help="measure whether twins can be told apart by their first page alone")
    apart.add_argument("--pages", type=int, default=20, help="first pages of each fault (default: 20)")
    replay = commands.add_parser("replay", help="play a live run again from its log")
    replay.add_argument("log", type=Path, help="the file LIVE_LOG named, or GET /operator/log.jsonl")
    replay.add_argument("--until", type=float, default=None, metavar="SECONDS", help="simulated time to stop at")
    replay.add_argument("--metrics", action="store_true", help="print the metrics page as of that time")
    options = parser.parse_args(arguments)
    if options.command == "replay":
        return report(options.log, options.until, metrics=options.metrics)
    if options.command == "twins":
        if options.pages < 2:
            apart.error("--pages must be at least 2")
        for line in twins.report(options.pages):
            print(line, flush=True)
        return 0
    if options.command == "sweep":
        return sweep.main(options, sweeps)
    if options.command == "verify":
        return verifying.main(options, verify)
    return evaluate.main(options, evaluations)


if __name__ == "__main__":
    sys.exit(main())
