"""The errors of the simulator.

ClusterSimError
├── InvalidSpec (ValueError)      a declared topology, service or fault contradicts itself
├── UnknownName (KeyError)        a name that no catalogue or cluster holds
├── DuplicateName (ValueError)    two catalogue entries claim one name
└── NoPage (RuntimeError)         an incident was run to its limit and nothing paged
"""

from __future__ import annotations


class ClusterSimError(Exception):
    """Base of everything the simulator raises on purpose."""


class InvalidSpec(ClusterSimError, ValueError):
    """A declared topology, service or fault contradicts itself."""


class UnknownName(ClusterSimError, KeyError):
    """A name that the catalogue or cluster does not hold."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"unknown {kind}: {name!r}")
        self.kind = kind
        self.name = name

    def __str__(self) -> str:
        return f"unknown {self.kind}: {self.name!r}"


class DuplicateName(ClusterSimError, ValueError):
    """Two entries of one catalogue have the same name."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"duplicate {kind}: {name!r}")
        self.kind = kind
        self.name = name


class NoPage(ClusterSimError, RuntimeError):
    """An incident ran to its time limit without any page firing."""
