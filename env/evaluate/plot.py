"""The picture of a report: every policy's mean score with its interval, and beside it those of the confusable sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from .drawing import Circle, Drawing, Line, Shape, Text
from .report import Report, Standing

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8f8f00", "#666666")
"""Told apart by the colour-blind, too; source: Okabe and Ito, Color Universal Design (2008)."""
INK, FAINT = "#222222", "#d8d8d8"
ROW, LEFT, AXIS, HEAD, FOOT, MARGIN, APART = 40, 190, 460, 52, 64, 190, 2.5
"""Pixels: of a policy, beside the axis, the axis itself, above, below, for the legend, and between the dots of sets, so
that equal ones are all to be seen; chosen."""


def picture(report: Report) -> Drawing:
    """The picture, from the best policy to the worst."""
    standings = sorted(report.policies, key=lambda it: -it.overall.score.mean)
    families = sorted({family for it in standings for family in it.by_set})
    colours = MappingProxyType({name: COLOURS[place % len(COLOURS)] for place, name in enumerate(families)})
    bottom = HEAD + ROW * len(standings)
    shapes = [*_axis(bottom), *_title(report)]
    for place, standing in enumerate(standings):
        shapes += _row(standing, HEAD + ROW * place + ROW / 2, colours)
    shapes += _legend(colours)
    height = max(bottom + FOOT, HEAD + 22 * (len(colours) + 1) + 16)
    return Drawing(width=LEFT + AXIS + MARGIN, height=height, shapes=tuple(shapes))


def _x(score: float) -> float:
    return LEFT + AXIS * score


def _title(report: Report) -> Iterator[Shape]:
    where = ", ".join((*report.tasks, *report.splits))
    yield Text(x=LEFT, y=24, text=f"Score on {report.incidents} incidents ({where})", size=15, colour=INK)


def _axis(bottom: float) -> Iterator[Shape]:
    for fifth in range(6):
        at = _x(fifth / 5)
        yield Line(x1=at, y1=HEAD - 6, x2=at, y2=bottom, colour=FAINT)
        yield Text(x=at, y=bottom + 18, text=f"{fifth / 5:.1f}", size=12, colour=INK, anchor="middle")
    said = "mean, 95 % interval clustered by fault"
    yield Text(x=_x(0.5), y=bottom + 42, text=said, size=12, colour=INK, anchor="middle")


def _row(standing: Standing, y: float, colours: Mapping[str, str]) -> Iterator[Shape]:
    score = standing.overall.score
    yield Text(x=LEFT - 12, y=y + 4, text=standing.policy, size=13, colour=INK, anchor="end")
    for place, (family, colour) in enumerate(colours.items()):
        if family in standing.by_set:
            yield Circle(x=_x(standing.by_set[family].score.mean), y=y + 4 + APART * place, radius=3, colour=colour)
    if score.low is not None and score.high is not None:
        yield Line(x1=_x(score.low), y1=y - 5, x2=_x(score.high), y2=y - 5, colour=INK, width=2)
    yield Circle(x=_x(score.mean), y=y - 5, radius=5, colour=INK)


def _legend(colours: Mapping[str, str]) -> Iterator[Shape]:
    at = LEFT + AXIS + 28
    for place, (name, colour) in enumerate({"all": INK, **colours}.items()):
        y = HEAD + 8 + 22 * place
        yield Circle(x=at, y=y, radius=4.5, colour=colour)
        yield Text(x=at + 12, y=y + 4, text=name, size=12, colour=INK)
