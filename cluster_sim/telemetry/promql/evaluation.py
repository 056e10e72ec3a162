"""Evaluates the tree of a query over many instants at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..series import Source
from . import dates, functions, range_functions, relabelling
from .aggregation import aggregate
from .binary import between_scalars, between_vectors, set_operation, with_scalar
from .blocks import Block, Windows, gathered, windows
from .budget import MOST_INSTANTS, OF_A_ROW, OF_ARITHMETIC, OF_LABELLING, OF_LOADING, OF_SORTING, Budget
from .errors import failed
from .frames import Floats, Frame, Ints, Labels, distinct, empty, occupied, refuse_duplicates, unnamed
from .histograms import histogram_quantile
from .nodes import (
    SET_OPERATORS,
    Aggregate,
    Binary,
    Call,
    Expr,
    Negative,
    Number,
    Paren,
    Range,
    Selector,
    Subquery,
    Text,
    bare,
)
from .selection import Selection, Settings

Spanned = Frame | Floats | str
"""What an expression gives over the instants: a vector, a number for each, or a string."""


COSTS = {"count_values": OF_LABELLING, "quantile": OF_SORTING, "topk": OF_SORTING, "bottomk": OF_SORTING}
"""Steps that aggregations take for each value, where that is more than arithmetic."""


class Evaluation:
    """One query, or the inside of a subquery, over ascending instants."""

    def __init__(self, source: Source, instants: Ints, settings: Settings, budget: Budget) -> None:
        self.instants = instants
        self.settings = settings
        self.budget = budget
        self.selection = Selection(source, instants, settings, budget)

    def vector(self, expr: Expr) -> Frame:
        """An expression that the parser knows to be a vector."""
        result = self.evaluate(expr)
        assert isinstance(result, Frame)
        return result

    def scalar(self, expr: Expr) -> Floats:
        """An expression that the parser knows to be a number."""
        result = self.evaluate(expr)
        assert isinstance(result, np.ndarray)
        return result

    def text(self, expr: Expr) -> str:
        """An expression that the parser knows to be a string."""
        result = self.evaluate(expr)
        assert isinstance(result, str)
        return result

    def evaluate(self, expr: Expr) -> Spanned:
        """The expression at each instant.

        Raises:
            QueryError: `execution`.
        """
        self.budget.spend(self.instants.size)
        match expr:
            case Number(value=value):
                return np.full(self.instants.size, value)
            case Text(value=text):
                return text
            case Paren(expr=inner):
                return self.evaluate(inner)
            case Selector():
                return self.selection.newest(expr)[0]
            case Negative(expr=inner):
                return self._negative(self.evaluate(inner))
            case Aggregate(expr=inner, parameter=parameter):
                by = None if parameter is None else self.evaluate(parameter)
                frame = self.vector(inner)
                self._spend(frame, COSTS.get(expr.operator, OF_ARITHMETIC))
                assert not isinstance(by, Frame)
                return aggregate(expr, frame, by)
            case Binary():
                return self._binary(expr)
            case Call():
                return self._call(expr)
            case Range() | Subquery():
                raise failed("a range vector has no value at an instant")

    def spans(self, expr: Expr) -> tuple[list[Labels], list[Windows]]:
        """The samples of a range selector or subquery: labels of each series, and its spans.

        Raises:
            QueryError: `execution`.
        """
        expr = bare(expr)
        if isinstance(expr, Subquery):
            end_ms = self.selection.ends(expr.at, expr.offset_ms)
            labels, blocks = self._subquery(expr, end_ms)
        else:
            assert isinstance(expr, Range)
            end_ms = self.selection.ends(expr.selector.at, expr.selector.offset_ms)
            labels, blocks = self.selection.ranged(expr)
        range_ms, left_open = expr.range_ms, self.settings.left_open
        return labels, [windows(block, end_ms, range_ms, self.instants, left_open) for block in blocks]

    def _spend(self, frame: Frame, of_a_value: int) -> None:
        """Pays for an operation on a vector."""
        self.budget.spend(frame.values.size * of_a_value + frame.rows * OF_A_ROW)

    def _subquery(self, node: Subquery, end_ms: Ints) -> tuple[list[Labels], list[Block]]:
        """The inner expression at multiples of the step, as series."""
        step = self.settings.default_step_ms if node.step_ms is None else node.step_ms
        earliest, last = int(end_ms.min()) - node.range_ms, int(end_ms.max())
        first = -(-earliest // step) * step
        if self.settings.left_open and first == earliest:
            first += step
        if (last - first) // step >= MOST_INSTANTS:
            self.budget.spend(self.budget.left + 1)
        instants = np.arange(first, last + 1, step, dtype=np.int64)
        if not instants.size:
            return [], []
        inner = Evaluation(self.selection.source, instants, self.settings, self.budget).evaluate(node.expr)
        frame = functions.vector(inner) if isinstance(inner, np.ndarray) else inner
        assert isinstance(frame, Frame)
        self._spend(frame, OF_LOADING)
        rows = zip(frame.values, frame.present, strict=True)
        return frame.labels, gathered((instants[filled], values[filled]) for values, filled in rows)

    def _negative(self, value: Spanned) -> Spanned:
        assert not isinstance(value, str)
        if not isinstance(value, Frame):
            return -value
        result = Frame(unnamed(value.labels), -value.values, value.present)
        refuse_duplicates(result)
        return result

    def _binary(self, node: Binary) -> Spanned:
        left, right = self.evaluate(node.left), self.evaluate(node.right)
        assert not isinstance(left, str)
        assert not isinstance(right, str)
        for side in (left, right):
            if isinstance(side, Frame):
                self._spend(side, OF_ARITHMETIC)
        if isinstance(left, Frame) and isinstance(right, Frame):
            if node.operator in SET_OPERATORS:
                return set_operation(node, left, right)
            return between_vectors(node, left, right)
        if isinstance(left, Frame):
            assert isinstance(right, np.ndarray)
            return with_scalar(node, left, right, swapped=False)
        if isinstance(right, Frame):
            return with_scalar(node, right, left, swapped=True)
        return between_scalars(node.operator, left, right)

    def _call(self, node: Call) -> Spanned:
        name, arguments = node.function, node.arguments
        if name in range_functions.NAMES:
            return self._over_spans(name, arguments)
        match name:
            case "time":
                return self.instants / 1000
            case "pi":
                return np.full(self.instants.size, np.pi)
            case "scalar":
                return functions.scalar(self.vector(arguments[0]))
            case "vector":
                return functions.vector(self.scalar(arguments[0]))
            case "histogram_quantile":
                q, frame = self.scalar(arguments[0]), self.vector(arguments[1])
                self._spend(frame, 2 * OF_ARITHMETIC)
                return histogram_quantile(q, frame)
            case "histogram_count" | "histogram_sum" | "histogram_fraction":
                # These read native histograms only, and there are none: Prometheus, too, leaves plain samples out.
                for argument in arguments:
                    self.evaluate(argument)
                return empty(self.instants.size)
            case _:
                return self._of_vector(name, arguments)

    def _of_vector(self, name: str, arguments: Sequence[Expr]) -> Frame:
        if not arguments:
            frame = functions.vector(self.instants / 1000)
        elif name == "timestamp" and isinstance(selector := bare(arguments[0]), Selector):
            if selector.at is not None and selector.offset_ms:
                # Prometheus 2.42 looks for times here where it has loaded nothing.
                raise failed("timestamp() of a selector with both @ and offset is not supported")
            frame, times = self.selection.newest(selector)
            return functions.mapped(Frame(frame.labels, times, frame.present), np.positive)
        else:
            frame = self.vector(arguments[0])
        self._spend(frame, OF_ARITHMETIC)
        if name in dates.NAMES:
            there = Frame(frame.labels, np.where(frame.present, frame.values, 0.0), frame.present)
            return functions.mapped(there, dates.part_of_date(name))
        if name in functions.OF_VALUE:
            return functions.mapped(frame, functions.OF_VALUE[name])
        match name:
            case "timestamp":
                return functions.mapped(frame, lambda values: np.broadcast_to(self.instants / 1000, values.shape))
            case "absent":
                inner = bare(arguments[0])
                labels = relabelling.labels_of_absent(inner.matchers) if isinstance(inner, Selector) else ()
                return functions.absent(frame, labels)
            case "sort" | "sort_desc":
                return functions.ordered(frame, descending=name == "sort_desc")
            case "round":
                return functions.rounded(frame, self.scalar(arguments[1]) if len(arguments) > 1 else np.array(1.0))
            case "clamp":
                return functions.clamp(frame, self.scalar(arguments[1]), self.scalar(arguments[2]))
            case "clamp_min":
                low = self.scalar(arguments[1])
                return functions.mapped(frame, lambda values: functions.larger(low, values))
            case "clamp_max":
                high = self.scalar(arguments[1])
                return functions.mapped(frame, lambda values: functions.smaller(high, values))
            case "label_replace":
                return relabelling.label_replace(
                    frame, self.budget, *(self.text(argument) for argument in arguments[1:])
                )
            case "label_join":
                destination, separator, *sources = [self.text(argument) for argument in arguments[1:]]
                return relabelling.label_join(frame, destination, separator, sources)
            case _:
                raise failed(f"{name}() is not supported")

    def _over_spans(self, name: str, arguments: Sequence[Expr]) -> Frame:
        """A function of a range vector."""
        ranged = arguments[1] if name == "quantile_over_time" else arguments[0]
        numbers = [self.scalar(argument) for argument in arguments if argument is not ranged]
        labels, spans = self.spans(ranged)
        shape = (len(labels), self.instants.size)
        values, present = np.zeros(shape), np.zeros(shape, dtype=bool)
        for span in spans:
            self.budget.spend(range_functions.work(name, span))
            found, filled = range_functions.applied(name, span, numbers)
            values[span.block.rows] = found
            present[span.block.rows] = filled
        kept = labels if name == "last_over_time" else unnamed(labels)
        frame = Frame(kept, values, present)
        if name == "absent_over_time":
            inner = bare(ranged)
            wanted = relabelling.labels_of_absent(inner.selector.matchers) if isinstance(inner, Range) else ()
            return functions.absent(frame, wanted)
        refuse_duplicates(frame)
        return distinct(occupied(frame))
