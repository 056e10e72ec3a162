"""Random queries: right ones by construction, but for what only the data can tell."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .vocabulary import Vocabulary

DURATIONS = ("20s", "45s", "1m", "2m30s", "5m", "10m", "17m", "30m")
OVER_RANGE = (
    *("rate", "increase", "irate", "delta", "idelta", "deriv", "changes", "resets", "absent_over_time"),
    *(f"{name}_over_time" for name in ("avg", "sum", "min", "max", "count", "last", "present", "stddev", "stdvar")),
)
OF_VECTOR = (
    *("abs", "ceil", "floor", "sgn", "sqrt", "exp", "ln", "log2", "round", "sin", "atan", "deg"),
    *("sort", "sort_desc", "timestamp", "absent"),
)
AGGREGATORS = ("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar")
ARITHMETIC = ("+", "-", "*", "/", "%", "^", "atan2")
COMPARISONS = ("==", "!=", ">", "<", ">=", "<=")


@dataclass
class Generator:
    """Draws queries; the same seed gives the same ones.

    Attributes:
        moments: seconds of Unix time for `@`.
    """

    words: Vocabulary
    seed: int
    moments: Sequence[str] = ()
    draw: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)

    def query(self) -> str:
        """The next query."""
        return self.vector(self.draw.randint(0, 4))

    def vector(self, depth: int) -> str:
        """An expression that gives a vector."""
        if depth <= 0:
            return self.selector()
        shapes: list[tuple[int, Callable[[int], str]]] = [
            (2, lambda _: self.selector()),
            (5, self.over_range),
            (4, self.of_vector),
            (5, self.aggregation),
            (5, self.between_vectors),
            (3, self.with_scalar),
            (2, self.relabelled),
            (1, self.quantile),
            (1, lambda inner: f"-{self.vector(inner)}"),
            (1, lambda inner: f"({self.vector(inner)})"),
            (1, lambda inner: f"vector({self.scalar(inner)})"),
        ]
        shape = self.draw.choices([shape for _, shape in shapes], [weight for weight, _ in shapes])[0]
        return shape(depth - 1)

    def selector(self) -> str:
        """A selector with some conditions, and perhaps another time."""
        return self.series() + self.moment()

    def series(self) -> str:
        """A name and conditions, most of them on labels that it has."""
        name = self.draw.choice(list(self.words.metrics))
        labels = self.words.metrics[name]
        known = self.draw.sample(labels, min(len(labels), self.draw.choice((0, 0, 1, 1, 2))))
        if self.draw.random() < 0.1:
            known.append(self.draw.choice(self.words.groupings))
        conditions = [self.draw.choice(self.words.conditions[label]) for label in known]
        if self.draw.random() < 0.05:
            return "{" + ",".join([f'__name__=~"{self.words.alike}"', *conditions]) + "}"
        return name + ("{" + ",".join(conditions) + "}" if conditions else "")

    def moment(self) -> str:
        """An offset, an `@`, both, or, mostly, neither."""
        offset = f" offset {self.draw.choice(('', '-'))}{self.draw.choice(DURATIONS)}"
        at = f" @ {self.draw.choice(('start()', 'end()', *self.moments))}"
        return self.draw.choices(("", offset, at, offset + at), (20, 3, 2, 1))[0]

    def ranged(self, depth: int) -> str:
        """A range selector or a subquery."""
        if depth <= 0 or self.draw.random() < 0.75:
            return f"{self.series()}[{self.draw.choice(DURATIONS)}]{self.moment()}"
        step = self.draw.choice(("", "15s", "1m", "37s"))
        return f"({self.vector(depth - 1)})[{self.draw.choice(DURATIONS)}:{step}]{self.moment()}"

    def over_range(self, depth: int) -> str:
        """A function of a range vector."""
        kind, ranged = self.draw.random(), self.ranged(depth)
        if kind < 0.06:
            return f"quantile_over_time({self.draw.choice((0, 0.3, 0.9, 1))}, {ranged})"
        if kind < 0.12 and "@" not in ranged:
            # With @, Prometheus 2.42 looks at other samples at each step of a range query; here that is refused.
            return f"predict_linear({ranged}, {self.draw.choice((0, 60, -600))})"
        if kind < 0.15:
            return f"holt_winters({ranged}, 0.3, 0.7)"
        return f"{self.draw.choice(OVER_RANGE)}({ranged})"

    def of_vector(self, depth: int) -> str:
        """A function of an instant vector."""
        kind, inner = self.draw.random(), self.vector(depth)
        if kind < 0.1:
            return f"clamp_{self.draw.choice(('min', 'max'))}({inner}, {self.scalar(depth)})"
        if kind < 0.15:
            return f"clamp({inner}, {self.scalar(0)}, {self.scalar(0)})"
        if kind < 0.2:
            return f"round({inner}, {self.draw.choice((0.1, 5, 100))})"
        # Of a time that is shifted twice, 2.42 finds no timestamp; here that is refused.
        return f"{self.draw.choice(OF_VECTOR)}({inner})".replace("timestamp(", "abs(" if "@" in inner else "timestamp(")

    def aggregation(self, depth: int) -> str:
        """An aggregation by, without, or over all."""
        kind, inner = self.draw.random(), self.vector(depth)
        one, other = self.draw.sample(self.words.groupings, 2)
        clause = self.draw.choice((f" by ({one}, {other})", f" without ({one})", f" by ({one})", "", ""))
        if kind < 0.1:
            inner = self.draw.choice(self.words.untied) + self.moment()
            return f"{self.draw.choice(('topk', 'bottomk'))}{clause}({self.draw.randint(0, 4)}, {inner})"
        if kind < 0.18:
            return f"quantile{clause}({self.draw.choice((0, 0.25, 0.9, 1))}, {inner})"
        if kind < 0.22:
            # Values become labels, and those must be equal to the last digit.
            return f'count_values{clause}("value", floor({inner}))'
        return f"{self.draw.choice(AGGREGATORS)}{clause}({inner})"

    def between_vectors(self, depth: int) -> str:
        """An operator between two vectors, now and then the same one twice."""
        left = self.vector(depth)
        right = left if self.draw.random() < 0.3 else self.vector(depth)
        one, other = self.draw.sample(self.words.groupings, 2)
        labels = self.draw.choice((one, f"{one}, {other}", ""))
        matching = self.draw.choice(("", "", f"on({labels})", f"ignoring({labels})"))
        kind = self.draw.random()
        if kind < 0.35:
            return f"({left}) {self.draw.choice(('and', 'or', 'unless'))} {matching} ({right})"
        if matching and self.draw.random() < 0.5:
            copied = self.draw.choice(self.words.groupings)
            matching += f" group_{self.draw.choice(('left', 'right'))}{self.draw.choice(('', f'({copied})', '()'))}"
        if matching.endswith(("group_left", "group_right")):
            # Parentheses after these would be read as labels.
            right = f"1 * ({right})"
            return f"({left}) {self.draw.choice(ARITHMETIC)} {matching} {right}"
        if kind < 0.7:
            return f"({left}) {self.draw.choice(ARITHMETIC)} {matching} ({right})"
        return f"({left}) {self.draw.choice(COMPARISONS)} {self.draw.choice(('', 'bool'))} {matching} ({right})"

    def with_scalar(self, depth: int) -> str:
        """An operator between a vector and a number, either first."""
        sides = [f"({self.vector(depth)})", f"({self.scalar(depth)})"]
        self.draw.shuffle(sides)
        operator = self.draw.choice((*ARITHMETIC, *COMPARISONS, *(f"{one} bool" for one in COMPARISONS)))
        return f"{sides[0]} {operator} {sides[1]}"

    def scalar(self, depth: int) -> str:
        """An expression that gives a number."""
        kind = self.draw.random()
        if depth <= 0 or kind < 0.6:
            return self.draw.choice(("0", "1", "-2.5", "3", "1e3", "0.1", "NaN", "Inf"))
        if kind < 0.7:
            return "time()"
        if kind < 0.9:
            return f"scalar({self.vector(depth - 1)})"
        return f"{self.scalar(depth - 1)} {self.draw.choice(ARITHMETIC)} {self.scalar(depth - 1)}"

    def relabelled(self, depth: int) -> str:
        """Other labels."""
        inner = self.vector(depth)
        target, first, second = self.draw.sample((*self.words.groupings, "made"), 3)
        if self.draw.random() < 0.4:
            return f'label_join({inner}, "{target}", "-", "{first}", "{second}")'
        return f'label_replace({inner}, "{target}", "$1", "{first}", "([^-]*).*")'

    def quantile(self, depth: int) -> str:
        """A quantile of a histogram, or of what is none."""
        bucket = f"{self.words.histogram}_bucket[{self.draw.choice(DURATIONS)}]"
        clause = self.draw.choice(("by (le)", f"by (le, {self.draw.choice(self.words.groupings)})"))
        inner = f"sum {clause} (rate({bucket}))" if self.draw.random() < 0.7 else self.vector(depth)
        return f"histogram_quantile({self.draw.choice((0.5, 0.9, 0.99))}, {inner})"
