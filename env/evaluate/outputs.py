"""The files that a report is written to: checked before anything is played, written when all is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ..sweep import SweepRefused
from .plot import picture
from .report import Report
from .tables import remarks, tables

PLOTS = (".svg", ".png")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Where a report is written to; a file that is there is replaced.

    Raises:
        SweepRefused: it cannot be written there, or not as such a picture.
    """

    json: Path | None = None
    markdown: Path | None = None
    plot: Path | None = None

    def __post_init__(self) -> None:
        asked = [path.resolve() for path in (self.json, self.markdown, self.plot) if path is not None]
        for path in asked:
            _check_writable(path)
        if len(set(asked)) < len(asked):
            raise SweepRefused("--json, --markdown and --plot should be different files")
        if self.plot is not None:
            _check_plot(self.plot)

    def write(self, report: Report) -> None:
        """Write the files asked for.

        Raises:
            OSError: one cannot be written after all.
        """
        if self.json is not None:
            self.json.write_text(json.dumps(report.json(), indent=2) + "\n", encoding="utf-8")
        if self.markdown is not None:
            self.markdown.write_text("\n".join(markdown(report)) + "\n", encoding="utf-8")
        if self.plot is not None:
            drawing = picture(report)
            self.plot.write_bytes(drawing.svg() if self.plot.suffix == ".svg" else drawing.png())


def text(report: Report) -> Iterator[str]:
    """The lines for a terminal."""
    for table in tables(report):
        yield from table.text()
        yield ""
    yield from remarks(report)


def markdown(report: Report) -> Iterator[str]:
    """The lines of the Markdown file."""
    yield "# Evaluation"
    yield ""
    for line in remarks(report):
        yield line
        yield ""
    for number, table in enumerate(tables(report)):
        yield from ([""] if number else [])
        yield from table.markdown()


def _check_writable(path: Path) -> None:
    if path.is_dir():
        raise SweepRefused(f"{path} is a directory")
    if not path.parent.is_dir():
        raise SweepRefused(f"{path.parent} is no directory")
    there = path.exists()
    try:
        path.open("ab").close()
    except OSError as error:
        raise SweepRefused(f"{path} cannot be written: {error.strerror}") from None
    if not there:
        path.unlink()


def _check_plot(path: Path) -> None:
    if path.suffix not in PLOTS:
        raise SweepRefused(f"{path} should end in {' or '.join(PLOTS)}")
    if path.suffix == ".png" and find_spec("PIL") is None:
        raise SweepRefused(
            "a PNG needs the package pillow: pip install 'incident-response-env[plot]'; an .svg needs nothing"
        )
