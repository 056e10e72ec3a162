"""Commands of the simulator: `python -m cluster_sim table|reference|export|describe|realism`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import fade
from .exports import command as export
from .generator import describe
from .proof import tables
from .realism import report
from .reference import MEASURED, PAGES, page


def main(arguments: list[str] | None = None) -> int:
    """Run a command.

    Returns:
        the exit status.
    """
    parser = argparse.ArgumentParser(prog="python -m cluster_sim", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    table = commands.add_parser(
        "table", help="print what proves the incidents: loads, pages, effect of every remediation"
    )
    table.add_argument("--seeds", type=int, default=20, help="seeds 0 to SEEDS-1 (default: 20)")
    table.add_argument("--workers", type=int, default=None, help="processes (default: one per core)")
    reference = commands.add_parser(
        "reference", help="write the reference pages from the catalogues and from measurements"
    )
    reference.add_argument("folder", type=Path, nargs="?", default=Path("docs/reference"))
    exports = commands.add_parser("export", help="write episodes as data sets: metrics, logs, traces and the truth")
    export.add_options(exports)
    descriptions = commands.add_parser("describe", help="print generated incidents with their truth")
    describe.add_options(descriptions)
    realism = commands.add_parser("realism", help="measure how real generated incidents look")
    realism.add_argument("--incidents", type=int, default=60, help="how many (default: 60)")
    realism.add_argument(
        "--per-fault",
        type=int,
        default=fade.PER_FAULT,
        help=f"how many of each fault that makes calls slow, to see it fade (default: {fade.PER_FAULT})",
    )
    options = parser.parse_args(arguments)
    if options.command == "realism":
        if min(options.incidents, options.per_fault) < 1:
            realism.error("--incidents and --per-fault must be at least 1")
        print("\n".join((*report(options.incidents), "", *fade.report(options.per_fault))))
        return 0
    if options.command == "describe":
        return describe.run(options, descriptions)
    if options.command == "export":
        return export.run(options, exports)
    if options.command == "reference":
        (options.folder / "faults").mkdir(exist_ok=True)
        for name in (*PAGES, *MEASURED):
            (options.folder / name).write_text(page(name), encoding="utf-8")
        return 0
    if options.seeds < 1:
        parser.error("--seeds must be at least 1")
    for line in tables(range(options.seeds), options.workers):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
