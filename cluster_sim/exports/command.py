"""The command `export`: its options, and everything that can be wrong with them."""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import BrokenExecutor
from pathlib import Path
from urllib.parse import urlsplit

from ..faults import FAULTS
from ..remediations import REMEDIATIONS
from ..services import DEFAULT_ARRIVAL_RATE_HZ
from . import FORMATS
from .episode import Plan
from .rca import RCA
from .remote_write import RemoteWriteError, RemoteWriter
from .run import Export, export_all

HEALTHY = "none"
DEFAULT_FORMAT = RCA.name
LONGEST_MINUTES = 45.0
"""Logs are kept for an hour at least, and ten to eleven minutes of history come before the onset."""
MOST_SEEDS = 100_000
LARGEST_SEED = 2**63 - 1
_INTERRUPTED = 130
"""Exit status of a program that was interrupted, as shells report it."""
_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--fault", required=True, choices=(HEALTHY, *FAULTS), metavar="FAULT", help=f"{HEALTHY}, {', '.join(FAULTS)}"
    )
    parser.add_argument(
        "--seeds", type=_seeds, default=range(1), metavar="A:B", help="seeds A to B-1, or one seed (default: 0)"
    )
    parser.add_argument(
        "--duration",
        type=_number(0.25, LONGEST_MINUTES),
        default=15.0,
        metavar="MINUTES",
        help="from the onset to the end (default: 15)",
    )
    parser.add_argument(
        "--rate",
        type=_number(5, 500),
        default=DEFAULT_ARRIVAL_RATE_HZ,
        metavar="HZ",
        help="users' requests per second, 5 to 500 (default: %(default)g)",
    )
    parser.add_argument(
        "--noise", type=_number(0, 3), default=1.0, help="level of background trouble, 0 to 3 (default: 1)"
    )
    parser.add_argument(
        "--remediation", choices=tuple(REMEDIATIONS), metavar="FIX", help="a remediation to carry out after the page"
    )
    parser.add_argument(
        "--remediation-after",
        type=_number(0, 3600),
        default=120.0,
        metavar="SECONDS",
        help="from the page to the order of the remediation (default: 120)",
    )
    parser.add_argument(
        "--skip-fixes",
        action="store_true",
        help="do not find out which remediations are right (it takes most of the time)",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="where files are written")
    parser.add_argument(
        "--format",
        type=_formats,
        action="extend",
        metavar="FORMAT,…",
        help=f"of the files (default: {DEFAULT_FORMAT}): "
        + "; ".join(f"{one.name} – {one.about}" for one in FORMATS.values()),
    )
    parser.add_argument("--remote-write", type=_url, metavar="URL", help="a Prometheus receiver of the metrics")
    parser.add_argument(
        "--external-label",
        type=_label,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="for all series sent to it; {seed} and {fault} stand for the episode's",
    )
    parser.add_argument(
        "--jobs", type=_jobs, default=os.cpu_count() or 1, metavar="N", help="processes (default: one per core)"
    )


def run(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Check the options and export.

    Returns:
        the exit status: 0, 1 if something is missing, 130 if interrupted. Wrong options exit with 2.
    """
    try:
        return int(export_all(_checked(options, parser), options.seeds, options.jobs) > 0)
    except KeyboardInterrupt:
        print("interrupted; every file written is complete", file=sys.stderr)
        return _INTERRUPTED
    except (OSError, BrokenExecutor) as error:
        print(f"{parser.prog}: error: {error}", file=sys.stderr)
        return 1


def _checked(options: argparse.Namespace, parser: argparse.ArgumentParser) -> Export:
    fault = FAULTS.get(options.fault)
    if options.out is None and options.remote_write is None:
        parser.error("nowhere to write to: give --out, --remote-write or both")
    if options.format and options.out is None:
        parser.error("--format needs --out")
    if options.remediation and fault is None:
        parser.error("--remediation needs a fault: nobody is paged in a healthy run")
    if options.external_label and options.remote_write is None:
        parser.error("--external-label needs --remote-write")
    told_apart = any("{seed}" in value for _, value in options.external_label)
    if options.remote_write and len(options.seeds) > 1 and not told_apart:
        parser.error(
            "episodes of several seeds have the same series at the same times: "
            "tell them apart with --external-label seed={seed}"
        )
    if options.out is not None:
        _check_folder(options.out, parser)
    if options.remote_write is not None:
        try:
            with RemoteWriter(options.remote_write) as writer:
                writer.check()
        except RemoteWriteError as error:
            parser.error(f"argument --remote-write: {error}")
    plan = Plan(
        fault=fault,
        duration_s=options.duration * 60,
        arrival_rate_hz=options.rate,
        noise=options.noise,
        remediation=REMEDIATIONS.get(options.remediation),
        remediation_after_s=options.remediation_after,
        find_fixes=not options.skip_fixes,
    )
    formats = tuple(dict.fromkeys(options.format or [DEFAULT_FORMAT])) if options.out else ()
    return Export(
        plan=plan,
        out=options.out,
        formats=formats,
        remote_write=options.remote_write,
        labels=tuple(options.external_label),
    )


def _check_folder(folder: Path, parser: argparse.ArgumentParser) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        parser.error(f"argument --out: cannot write to {folder}: {error.strerror}")


# ---------------------------------------------------------------- types of the options


def _seeds(text: str) -> range:
    match = re.fullmatch(r"(\d+)(?::(\d+))?", text, re.ASCII)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a seed nor a range like 0:20")
    first = int(match[1])
    end = int(match[2]) if match[2] else first + 1
    if end <= first:
        raise argparse.ArgumentTypeError(f"there is no seed in {text!r}")
    if end - 1 > LARGEST_SEED:
        raise argparse.ArgumentTypeError(f"seeds end at {LARGEST_SEED}")
    if end - first > MOST_SEEDS:
        raise argparse.ArgumentTypeError(f"{text!r} is more than {MOST_SEEDS} seeds")
    return range(first, end)


def _number(least: float, most: float) -> Callable[[str], float]:
    """Numbers within bounds."""

    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not between {least:g} and {most:g}")
        return value

    return number


def _jobs(text: str) -> int:
    if not re.fullmatch(r"\d{1,3}", text, re.ASCII) or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of processes from 1 to 999")
    return int(text)


def _formats(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in FORMATS:
            raise argparse.ArgumentTypeError(f"unknown format {name!r} (choose from {', '.join(FORMATS)})")
    return names


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise argparse.ArgumentTypeError(f"{text!r} is not an http or https URL")
    return text


def _label(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not value or not _LABEL.fullmatch(name):
        raise argparse.ArgumentTypeError(f"{text!r} is not a label like seed={{seed}}")
    return name, value
