"""The tables of a report, for a terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .figures import PASS_SCORE, Figures
from .report import Report
from .statistics import Estimate

NONE = "–"


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table with its caption.

    Attributes:
        words: how many of its columns, from the left, hold words; the others hold figures.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int

    def text(self) -> Iterator[str]:
        """Its lines on a terminal: words to the left, figures to the right."""
        widths = [max(map(len, column)) for column in zip(self.head, *self.rows, strict=True)]
        yield self.caption
        for row in (self.head, *self.rows):
            cells = (
                cell.ljust(width) if place < self.words else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            yield "  ".join(cells).rstrip()

    def markdown(self) -> Iterator[str]:
        """Its lines in Markdown."""
        yield f"## {self.caption}"
        yield ""
        yield f"| {' | '.join(self.head)} |"
        yield f"|{''.join('---|' if place < self.words else '---:|' for place in range(len(self.head)))}"
        for row in self.rows:
            yield f"| {' | '.join(row)} |"


def tables(report: Report) -> list[Table]:
    """All tables of a report: over everything, by task where there are several, by set, and by difficulty."""
    most = max((standing.overall.trials for standing in report.policies), default=1)
    over_all = [((it.policy,), it.overall) for it in report.policies]
    by_task = [((it.policy, task), one) for it in report.policies for task, one in it.by_task.items()]
    by_set = [((it.policy, family), one) for it in report.policies for family, one in it.by_set.items()]
    by_difficulty = [
        ((it.policy, str(level)), one) for it in report.policies for level, one in it.by_difficulty.items()
    ]
    told = [_table("All incidents", ("policy",), over_all, most)]
    if len(report.tasks) > 1:
        told.append(_table("By task", ("policy", "task"), by_task, most))
    if by_set:
        told.append(_table("By confusable set", ("policy", "set"), by_set, most))
    if by_difficulty:
        told.append(_table("By difficulty", ("policy", "difficulty"), by_difficulty, most))
    return told


def remarks(report: Report) -> Iterator[str]:
    """What was played, and what the figures mean."""
    gradings = {"full": "in full", "table": "by the table"}
    graded = " and ".join(gradings[it] for it in report.gradings)
    yield (
        f"{report.episodes} episodes of {report.incidents} incidents with {report.faults} faults"
        f"{f', graded {graded}' if graded else ''}. Intervals are of 95 %, clustered by fault."
    )
    yield f"pass^k: the chance that k trials of an incident all repair it and score at least {PASS_SCORE:g}."
    for standing in report.policies:
        told = {"failed": standing.overall.failed, "not begun": standing.without_score}
        told["nobody paged"] = standing.nobody_paged
        if any(told.values()):
            yield f"{standing.policy}: {', '.join(f'{count} {what}' for what, count in told.items() if count)}."
    if len(report.versions) > 1:
        yield f"Played by different code, so not to be compared: {', '.join(report.versions)}."


def _table(caption: str, words: tuple[str, ...], rows: Sequence[tuple[tuple[str, ...], Figures]], trials: int) -> Table:
    passes = tuple(f"pass^{k}" for k in range(1, trials + 1))
    head = (*words, "episodes", "score (95 %)", "resolved (95 %)", *passes, "harm (95 %)", "bad min", "by wrong fixes")
    return Table(
        caption=caption,
        head=(*head, "steps"),
        rows=tuple((*names, *_cells(told, trials)) for names, told in rows),
        words=len(words),
    )


def _cells(told: Figures, trials: int) -> Iterator[str]:
    yield str(told.episodes)
    yield _share(told.score)
    yield _percent(told.resolved)
    yield from (f"{told.passes[k]:.3f}" if k < len(told.passes) else NONE for k in range(trials))
    if told.harm is None:
        yield from (NONE, NONE, NONE)
    else:
        yield _share(told.harm.excess)
        yield f"{told.harm.bad_minutes:.2f}"
        yield f"{told.harm.collateral_minutes:.2f}"
    yield f"{told.steps:.1f}"


def _share(it: Estimate) -> str:
    return f"{it.mean:.3f}" if it.low is None else f"{it.mean:.3f} ({it.low:.3f} to {it.high:.3f})"


def _percent(it: Estimate) -> str:
    return f"{it.mean:.0%}" if it.low is None else f"{it.mean:.0%} ({it.low:.0%} to {it.high:.0%})"
