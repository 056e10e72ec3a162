"""Commands of the environment: `python -m env evaluate`."""

from __future__ import annotations

import argparse

from .evaluate import play_all, summary
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
    options = parser.parse_args()
    if options.seeds < 1:
        parser.error("--seeds must be at least 1")
    for line in summary(play_all(options.policy, options.task, range(options.seeds), options.workers)):
        print(line)


if __name__ == "__main__":
    main()
