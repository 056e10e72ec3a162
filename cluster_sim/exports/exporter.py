"""What a format is: the files it writes of an episode."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from .episode import Episode

File = tuple[str, Iterable[str]]
"""A file's name and its text, piece by piece."""


@dataclass(frozen=True, kw_only=True)
class Exporter:
    """A format.

    Attributes:
        name: on the command line.
        about: what it is for.
        files: the files of an episode.
    """

    name: str
    about: str
    files: Callable[[Episode], Iterator[File]]
