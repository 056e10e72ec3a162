"""Functions of instant vectors that work on labels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from .. import patterns
from ..series import NAME, Matcher
from .budget import Budget
from .errors import failed
from .frames import Frame, Labels, changed, distinct

LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
LONGEST = 1_000
"""Characters of a label value made by a query; chosen."""

_LARGEST = 1 << 15
"""Bytes of a compiled pattern of `label_replace`; those with groups take time in proportion. Chosen."""

OF_MATCHING = 3_000
"""Steps that one character costs at most, with the largest pattern."""

_REFERENCE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})", re.ASCII)


def label_replace(frame: Frame, budget: Budget, destination: str, replacement: str, source: str, pattern: str) -> Frame:
    """Sets a label to what a regular expression makes of another."""
    try:
        regex = patterns.compile(f"^(?:{pattern})$", most_bytes=_LARGEST)
    except patterns.PatternError:
        raise failed(f"invalid regular expression in label_replace(): {pattern}") from None
    if not LABEL_NAME.fullmatch(destination):
        raise failed(f"invalid destination label name in label_replace(): {destination}")

    sources = [dict(labels).get(source, "") for labels in frame.labels]
    made: dict[str, str | None] = dict.fromkeys(sources)
    budget.spend(OF_MATCHING * sum(len(value) for value in made))
    for value in made:
        if match := regex.fullmatch(value):
            made[value] = _bounded(expanded(replacement, match))
    labels = [
        row if (new := made[found]) is None else changed(row, destination, new)
        for row, found in zip(frame.labels, sources, strict=True)
    ]
    return distinct(Frame(labels, frame.values, frame.present))


def expanded(template: str, match: Any) -> str:
    """A replacement with its `$1`, `${1}` and `$name` filled in as Go does it; unknown ones are empty."""
    groups, names = match.groups(), match.re.groupindex

    def value(reference: re.Match[str]) -> str:
        if reference[1]:
            return "$"
        name = reference[2] or reference[3]
        number = int(name) if name.isdigit() else names.get(name, len(groups) + 1)
        if number == 0:
            return str(match.group(0))
        return (groups[number - 1] or "") if number <= len(groups) else ""

    return _REFERENCE.sub(value, template)


def _bounded(value: str) -> str:
    """A label's new value; joined with itself over and over it would take all memory.

    Raises:
        QueryError: `execution` if it is too long.
    """
    if len(value) > LONGEST:
        raise failed(f"a label value would be longer than {LONGEST} characters")
    return value


def label_join(frame: Frame, destination: str, separator: str, sources: Sequence[str]) -> Frame:
    """Sets a label to several others, joined."""
    for name in sources:
        if not LABEL_NAME.fullmatch(name):
            raise failed(f"invalid source label name in label_join(): {name}")
    if not LABEL_NAME.fullmatch(destination):
        raise failed(f"invalid destination label name in label_join(): {destination}")

    def joined(labels: Labels) -> Labels:
        values = dict(labels)
        return changed(labels, destination, _bounded(separator.join(values.get(name, "") for name in sources)))

    return distinct(Frame([joined(labels) for labels in frame.labels], frame.values, frame.present))


def labels_of_absent(matchers: Sequence[Matcher]) -> Labels:
    """The labels that a missing series would have had: those asked for once, and by equality."""
    labels: dict[str, str] = {}
    seen: set[str] = set()
    for matcher in matchers:
        if matcher.label == NAME:
            continue
        if matcher.operator == "=" and matcher.label not in seen:
            labels[matcher.label] = matcher.value
            seen.add(matcher.label)
        else:
            labels.pop(matcher.label, None)
    return tuple(sorted((name, value) for name, value in labels.items() if value))
