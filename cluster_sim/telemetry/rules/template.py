"""Templates of labels and annotations: the part of Prometheus' template language that the rules use.

Source of what the functions print: prometheus 2.42, template/template.go.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

_ACTION = re.compile(r"\{\{\s*(.*?)\s*\}\}")
_LABEL = re.compile(r"\$labels\.([a-zA-Z_]\w*)")
_VALUE = re.compile(r"\$value\s*\|\s*(\w+)")


class _Label(NamedTuple):
    """A label's value."""

    name: str

    def expand(self, labels: Mapping[str, str], _: float) -> str:
        return labels.get(self.name, "")


class _Value(NamedTuple):
    """The alert's value, written by a function."""

    function: Callable[[float], str]

    def expand(self, _: Mapping[str, str], value: float) -> str:
        return self.function(value)


class Template:
    """A text with `{{ $labels.name }}` and `{{ $value | function }}` in it.

    Raises:
        ValueError: it holds something else in braces.
    """

    def __init__(self, text: str) -> None:
        self._parts = _parse(text)

    @property
    def shows_value(self) -> bool:
        """Whether the value is part of the text."""
        return any(isinstance(part, _Value) for part in self._parts)

    def expand(self, labels: Mapping[str, str], value: float) -> str:
        """The text for one alert."""
        return "".join(part if isinstance(part, str) else part.expand(labels, value) for part in self._parts)


@lru_cache(maxsize=512)
def _parse(text: str) -> tuple[str | _Label | _Value, ...]:
    pieces = _ACTION.split(text)
    return tuple(_action(piece) if i % 2 else piece for i, piece in enumerate(pieces) if i % 2 or piece)


def _action(text: str) -> _Label | _Value:
    if label := _LABEL.fullmatch(text):
        return _Label(label[1])
    if (value := _VALUE.fullmatch(text)) and value[1] in FUNCTIONS:
        return _Value(FUNCTIONS[value[1]])
    raise ValueError(f"not supported in a template: {{{{ {text} }}}}")


def humanize(value: float) -> str:
    """With four digits and an SI prefix: 1234567 is `1.235M`."""
    if value == 0 or not math.isfinite(value):
        return _digits(value)
    if abs(value) < 1:
        return _small(value)
    prefix = ""
    for larger in "kMGTPEZY":
        if abs(value) < 1000:
            break
        prefix, value = larger, value / 1000
    return _digits(value) + prefix


def _small(value: float) -> str:
    for prefix in "munpfaz":
        value *= 1000
        if abs(value) >= 1:
            return _digits(value) + prefix
    return _digits(value * 1000) + "y"


def humanize_duration(value: float) -> str:
    """Seconds as `1h 2m 3s`, fractions of one with an SI prefix."""
    if value == 0:
        return "0s"
    if not math.isfinite(value):
        return _digits(value)
    if abs(value) < 1:
        return _small(value) + "s"
    sign, value = ("-", -value) if value < 0 else ("", value)
    whole = int(value)
    days, hours, minutes, seconds = whole // 86_400, whole // 3600 % 24, whole // 60 % 60, whole % 60
    if days:
        return f"{sign}{days}d {hours}h {minutes}m {seconds}s"
    if hours:
        return f"{sign}{hours}h {minutes}m {seconds}s"
    return f"{sign}{minutes}m {seconds}s" if minutes else f"{sign}{_digits(value)}s"


def humanize_percentage(value: float) -> str:
    """A ratio as `38.2%`."""
    return _digits(value * 100) + "%"


def _digits(value: float) -> str:
    """Go's `%.4g`."""
    if math.isfinite(value):
        return f"{value:.4g}"
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


FUNCTIONS: dict[str, Callable[[float], str]] = {
    "humanize": humanize,
    "humanizeDuration": humanize_duration,
    "humanizePercentage": humanize_percentage,
}
"""What a value may be written by; source: template reference of Prometheus' documentation."""
