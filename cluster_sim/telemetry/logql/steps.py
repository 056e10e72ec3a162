"""What the stages of a pipeline do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import ge, gt, le, lt

from .. import patterns
from ..matching import predicate
from ..series import Matcher
from .errors import QueryError
from .extraction import Step, json_step, logfmt_step, pattern_step, regexp_step
from .patience import Patience
from .rows import ERROR, Row
from .syntax import (
    Both,
    Comparison,
    Condition,
    Drop,
    Either,
    JsonParser,
    Keep,
    LabelFilter,
    LabelFormat,
    LineFilter,
    LineFormat,
    LogfmtParser,
    PatternParser,
    RegexpParser,
    Stage,
    Template,
)
from .units import duration_ns, size_bytes

Test = Callable[[str], bool]


def line_test(stage: LineFilter, patience: Patience) -> Test:
    """Whether a line passes a line filter."""
    positive = stage.operator[0] == "|"
    if stage.operator[1] == "=":
        if len(stage.texts) == 1:
            text = stage.texts[0]
            return (lambda line: text in line) if positive else (lambda line: text not in line)
        texts = stage.texts
        return lambda line: any(text in line for text in texts) is positive
    searches = [patience.bounded(patterns.compile(text).search) for text in stage.texts]
    return lambda line: any(search(line) is not None for search in searches) is positive


def step(stage: Stage, patience: Patience) -> Step:
    """What a stage does."""
    match stage:
        case LineFilter():
            passes = line_test(stage, patience)
            return lambda row: passes(row.line)
        case JsonParser():
            return json_step(stage)
        case LogfmtParser():
            return logfmt_step(stage)
        case RegexpParser():
            return regexp_step(stage, patience)
        case PatternParser():
            return pattern_step(stage)
        case LabelFilter():
            return condition_step(stage.condition, patience)
        case LineFormat():
            return _line_format_step(stage)
        case LabelFormat():
            return _label_format_step(stage)
        case Drop():
            return _drop_step(stage)
        case Keep():
            return _keep_step(stage)


# ------------------------------------------------------------ conditions

_ORDER: Mapping[str, Callable[[float, float], bool]] = {
    "==": float.__eq__,
    "!=": float.__ne__,
    ">": gt,
    ">=": ge,
    "<": lt,
    "<=": le,
}


def condition_step(condition: Condition, patience: Patience) -> Step:
    """What a label filter does."""
    if isinstance(condition, Both):
        left, right = condition_step(condition.left, patience), condition_step(condition.right, patience)
        return lambda row: left(row) and right(row)
    if isinstance(condition, Either):
        left, right = condition_step(condition.left, patience), condition_step(condition.right, patience)
        return lambda row: left(row) or right(row)
    return _text_step(condition, patience) if condition.kind == "string" else _number_step(condition)


def _text_step(condition: Comparison, patience: Patience) -> Step:
    passes = predicate(Matcher(condition.label, condition.operator, condition.text))
    if condition.operator[1:] == "~":
        passes = patience.bounded(passes)
    label = condition.label
    return lambda row: passes(row.labels.get(label, ""))


def _number_step(condition: Comparison) -> Step:
    """A row that already has an error passes, and so does one with a value that cannot be read, which is an error."""
    label, kind = condition.label, condition.kind
    compare, number = _ORDER[condition.operator], float(condition.number)

    def passes(row: Row) -> bool:
        if ERROR in row.labels:
            return True
        text = row.labels.get(label)
        if text is None:
            return False
        value = read(kind, text)
        if value is None:
            row.fail("LabelFilterErr", f"{text[:80]!r} is no {kind}")
            return True
        return compare(value, number)

    return passes


def read(kind: str, text: str) -> float | None:
    """A label's value as a number; durations in nanoseconds. None if it is none."""
    if kind == "duration":
        found = duration_ns(text, long=False)
        return None if found is None else float(found)
    if kind == "bytes":
        return size_bytes(text)
    try:
        return float(text) if "_" not in text else None
    except ValueError:
        return None


# ------------------------------------------------------------ formats


LONGEST_TEXT = 65_536
"""Characters that a template may give (chosen)."""


def _filled(template: Template, labels: Mapping[str, str]) -> str:
    text = "".join(labels.get(text, "") if is_label else text for is_label, text in template)
    if len(text) > LONGEST_TEXT:
        raise QueryError(f"a template gave more than {LONGEST_TEXT} characters")
    return text


def _line_format_step(stage: LineFormat) -> Step:
    def apply(row: Row) -> bool:
        row.line = _filled(stage.template, row.labels)
        return True

    return apply


def _label_format_step(stage: LabelFormat) -> Step:
    def apply(row: Row) -> bool:
        labels = row.own()
        for name, source in stage.items:
            if not isinstance(source, str):
                labels[name] = _filled(source, labels)
            elif source in labels:
                labels[name] = labels.pop(source)
        return True

    return apply


def _named(items: Sequence[str | Matcher]) -> Callable[[str, str], bool]:
    """Whether a label with its value is among those listed."""
    tests: dict[str, list[Test | None]] = {}
    for item in items:
        if isinstance(item, str):
            tests.setdefault(item, []).append(None)
        else:
            tests.setdefault(item.label, []).append(predicate(item))
    return lambda name, value: any(test is None or test(value) for test in tests.get(name, ()))


def _drop_step(stage: Drop) -> Step:
    listed = _named(stage.labels)

    def apply(row: Row) -> bool:
        gone = [name for name, value in row.labels.items() if listed(name, value)]
        for name in gone:
            del row.own()[name]
        return True

    return apply


def _keep_step(stage: Keep) -> Step:
    listed = _named(stage.labels)

    def apply(row: Row) -> bool:
        gone = [name for name, value in row.labels.items() if name[:2] != "__" and not listed(name, value)]
        for name in gone:
            del row.own()[name]
        return True

    return apply
