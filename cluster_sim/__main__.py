"""Commands of the simulator: `python -m cluster_sim table|reference|export|describe`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .exports import command as export
from .generator import describe
from .proof import tables
from .reference import PAGES, page


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
    reference = commands.add_parser("reference", help="write the reference pages from the catalogues")
    reference.add_argument("folder", type=Path, nargs="?", default=Path("docs/reference"))
    exports = commands.add_parser("export", help="write episodes as data sets: metrics, logs, traces and the truth")
    export.add_options(exports)
    descriptions = commands.add_parser("describe", help="print generated incidents with their truth")
    describe.add_options(descriptions)
    options = parser.parse_args(arguments)
    if options.command == "describe":
        return describe.run(options, descriptions)
    if options.command == "export":
        return export.run(options, exports)
    if options.command == "reference":
        (options.folder / "faults").mkdir(exist_ok=True)
        for name in PAGES:
            (options.folder / name).write_text(page(name), encoding="utf-8")
        return 0
    if options.seeds < 1:
        parser.error("--seeds must be at least 1")
    for line in tables(range(options.seeds), options.workers):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
