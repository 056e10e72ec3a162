"""Catalogues: ordered, read-only mappings of declared entries, gathered from the modules that hold them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType, ModuleType
from typing import Protocol, TypeVar

from .errors import DuplicateName


class Named(Protocol):
    """Anything declared under a name."""

    @property
    def name(self) -> str: ...


Entry = TypeVar("Entry", bound=Named)


def catalogue(kind: type[Entry], *modules: ModuleType) -> Mapping[str, Entry]:
    """Gather every module-level instance of `kind`, in the order of the modules and of their definitions.

    Raises:
        DuplicateName: two entries have one name.
    """
    found = (value for module in modules for value in vars(module).values() if isinstance(value, kind))
    return index_by_name(found)


def index_by_name(entries: Iterable[Entry]) -> Mapping[str, Entry]:
    """The entries by name, in their order; an entry imported twice counts once."""
    by_name: dict[str, Entry] = {}
    for entry in entries:
        if by_name.setdefault(entry.name, entry) is not entry:
            raise DuplicateName(type(entry).__name__, entry.name)
    return MappingProxyType(by_name)
