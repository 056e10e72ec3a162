"""Commands of the environment: `python -m env evaluate`, `python -m env replay`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .evaluate import play_all, summary
from .live.replay import report
from .policies import POLICIES
from .tasks import TASKS


def main() -> None:
    """Run a command."""
    parser = argparse.ArgumentParser(prog="python -m env", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    evaluate = commands.add_parser("evaluate", help="play policies over many seeds and print their scores")
    evaluate.add_argument("--policy", nargs="+", choices=list(POLICIES), default=list(POLICIES), metavar="POLICY")
    evaluate.add_argument("--task", nargs="+", choices=list(TASKS), default=list(TASKS), metavar="TASK")
    evaluate.add_argument("--seeds", type=int, default=20, help="seeds 0 to SEEDS-1 (default: 20)")
    evaluate.add_argument("--workers", type=int, default=None, help="processes (default: one per core)")
    replay = commands.add_parser("replay", help="play a live run again from its log")
    replay.add_argument("log", type=Path, help="the file LIVE_LOG named, or GET /operator/log.jsonl")
    replay.add_argument("--until", type=float, default=None, metavar="SECONDS", help="simulated time to stop at")
    replay.add_argument("--metrics", action="store_true", help="print the metrics page as of that time")
    options = parser.parse_args()
    if options.command == "replay":
        sys.exit(report(options.log, options.until, metrics=options.metrics))
    if options.seeds < 1:
        parser.error("--seeds must be at least 1")
    for line in summary(play_all(options.policy, options.task, range(options.seeds), options.workers)):
        print(line)


if __name__ == "__main__":
    main()
