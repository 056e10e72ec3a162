"""An entry on its way through a pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

ERROR = "__error__"
ERROR_DETAILS = "__error_details__"


@lru_cache(maxsize=4096)
def label_name(text: str) -> str:
    """A key as the name of a label: what may not stand in one becomes `_`."""
    name = "".join(letter if letter.isascii() and (letter.isalnum() or letter == "_") else "_" for letter in text)
    return f"_{name}" if name[:1].isdigit() else name


class Row:
    """An entry.

    Attributes:
        line: as the stages so far left it.
        base: the labels of its stream.
        labels: all its labels.
        owned: whether they are its own, and not those of every row of the stream.
    """

    __slots__ = ("base", "labels", "line", "owned")

    def __init__(self, line: str, base: Mapping[str, str], labels: Mapping[str, str]) -> None:
        self.line = line
        self.base = base
        self.labels: dict[str, str] = labels  # type: ignore[assignment]  # copied before the first change
        self.owned = False

    def own(self) -> dict[str, str]:
        """The labels, to be changed."""
        if not self.owned:
            self.labels = dict(self.labels)
            self.owned = True
        return self.labels

    def extract(self, name: str, value: str) -> None:
        """Set a label that was found in the line; the stream's own keep their names."""
        self.own()[f"{name}_extracted" if name in self.base else name] = value

    def fail(self, error: str, details: str) -> None:
        """Mark the entry: a stage could not do its work on it."""
        labels = self.own()
        labels[ERROR] = error
        labels[ERROR_DETAILS] = details
