"""A LogQL query as a tree."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..series import Matcher

# ------------------------------------------------------------ what is done with a line


@dataclass(frozen=True, kw_only=True)
class LineFilter:
    """`|= "a" or "b"`: keeps the lines in which one of the texts is found (`|=`, `|~`), or none (`!=`, `!~`)."""

    operator: str
    texts: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class JsonParser:
    """`| json`, or `| json name="path.in[0].it"`: every field of the line, or those named, as labels."""

    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class LogfmtParser:
    """`| logfmt`, in the same way.

    Attributes:
        strict: whether a line that is not all logfmt is an error.
        keep_empty: whether a key without a value becomes an empty label.
    """

    fields: tuple[tuple[str, str], ...] = ()
    strict: bool = False
    keep_empty: bool = False


@dataclass(frozen=True, kw_only=True)
class RegexpParser:
    """`| regexp`: the named groups as labels."""

    pattern: str


@dataclass(frozen=True, kw_only=True)
class PatternParser:
    """`| pattern "<ip> - <_> <path>"`: what stands between the literal parts as labels.

    Attributes:
        parts: literals and names in turn, beginning and ending with a literal, which may be empty there.
    """

    parts: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A condition on a label's value.

    Attributes:
        kind: `string`, `number`, `duration` or `bytes`: how the value is read.
        number: what it is compared with, unless it is a string.
    """

    label: str
    operator: str
    kind: str
    text: str = ""
    number: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Both:
    """Two conditions that must both be met."""

    left: Condition
    right: Condition


@dataclass(frozen=True, kw_only=True)
class Either:
    """Two conditions of which one must be met."""

    left: Condition
    right: Condition


Condition = Comparison | Both | Either


@dataclass(frozen=True, kw_only=True)
class LabelFilter:
    """`| status >= 500 and route != "/healthz"`."""

    condition: Condition


Template = tuple[tuple[bool, str], ...]
"""Texts, and names of labels (True)."""


@dataclass(frozen=True, kw_only=True)
class LineFormat:
    """`| line_format "{{.status}} {{.route}}"`."""

    template: Template


@dataclass(frozen=True, kw_only=True)
class LabelFormat:
    """`| label_format to=from, text="{{.a}} {{.b}}"`: a template, or the name of a label that is renamed."""

    items: tuple[tuple[str, Template | str], ...]


@dataclass(frozen=True, kw_only=True)
class Drop:
    """`| drop level, method="GET"`: without these labels (with these values)."""

    labels: tuple[str | Matcher, ...]


@dataclass(frozen=True, kw_only=True)
class Keep:
    """`| keep level, method="GET"`: with none but these labels (with these values)."""

    labels: tuple[str | Matcher, ...]


Stage = (
    LineFilter
    | JsonParser
    | LogfmtParser
    | RegexpParser
    | PatternParser
    | LabelFilter
    | LineFormat
    | LabelFormat
    | Drop
    | Keep
)


@dataclass(frozen=True, kw_only=True)
class LogQuery:
    """A selector and a pipeline."""

    matchers: tuple[Matcher, ...]
    stages: tuple[Stage, ...] = ()


# ------------------------------------------------------------ what is counted


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """`by (…)` or `without (…)`."""

    labels: tuple[str, ...] = ()
    without: bool = False


@dataclass(frozen=True, kw_only=True)
class Unwrap:
    """`| unwrap duration(took)`: the label that holds the value of an entry.

    Attributes:
        conversion: empty, `duration`, `duration_seconds` or `bytes`.
        conditions: label filters behind it.
    """

    label: str
    conversion: str = ""
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RangeAggregation:
    """`count_over_time(… [5m] offset 1m)`.

    Attributes:
        window, offset: nanoseconds.
        parameter: the quantile of `quantile_over_time`.
    """

    operation: str
    query: LogQuery
    window: int
    offset: int = 0
    unwrap: Unwrap | None = None
    parameter: float = 0.0
    grouping: Grouping | None = None


@dataclass(frozen=True, kw_only=True)
class VectorAggregation:
    """`sum by (pod) (…)`.

    Attributes:
        parameter: the k of `topk` and `bottomk`.
    """

    operation: str
    operand: Metric
    parameter: int = 0
    grouping: Grouping = field(default_factory=Grouping)


@dataclass(frozen=True, kw_only=True)
class Binary:
    """`a / on (pod) b`.

    Attributes:
        yes_or_no: the `bool` modifier.
        matching: labels that must agree (`on`), or need not (`ignoring`, as `without`); None for all.
    """

    operator: str
    left: Metric
    right: Metric
    yes_or_no: bool = False
    matching: Grouping | None = None


@dataclass(frozen=True, kw_only=True)
class Number:
    """A literal."""

    value: float


@dataclass(frozen=True, kw_only=True)
class Vector:
    """`vector(1)`: one series without labels."""

    value: float


Metric = RangeAggregation | VectorAggregation | Binary | Number | Vector
Expression = LogQuery | Metric
