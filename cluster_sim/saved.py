"""A cluster kept in memory as of an instant, to go on from there again and again."""

from __future__ import annotations

import copyreg
import gc
import io
import pickle
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any

from . import specs
from .engine.chunk import Chunk
from .engine.log import Block
from .engine.program import EdgeSpec, Program
from .engine.release import Release
from .telemetry.alerts import AlertRule, RecordingRule

if TYPE_CHECKING:
    from .cluster import Cluster


def _declared() -> list[type]:
    """The frozen dataclasses among the specs."""
    kinds = [kind for kind in vars(specs).values() if isinstance(kind, type) and is_dataclass(kind)]
    return [kind for kind in kinds if getattr(kind, "__dataclass_params__").frozen]  # noqa: B009 - not in its type


SHARED = (*_declared(), AlertRule, RecordingRule, EdgeSpec, Program, Release, Block, Chunk)
"""What never changes once it is made: a cluster, what is saved of it and all that is restored from that hold the same
specs, programs, and packed log records and spans."""


class Saved:
    """The state of a cluster as of an instant.

    Unlike `Cluster.snapshot` it shares what cannot change with the cluster and its copies, so it is smaller and
    quicker, and cannot leave the process.

    Attributes:
        size_bytes: what it takes, all records that it shares with others included.
    """

    __slots__ = ("_parts", "_state", "size_bytes")

    def __init__(self, cluster: Cluster) -> None:
        parts: list[object] = []

        def by_number(part: object) -> tuple[Any, tuple[int]]:
            parts.append(part)
            return shared_part, (len(parts) - 1,)

        buffer = io.BytesIO()
        pickler = pickle.Pickler(buffer, pickle.HIGHEST_PROTOCOL)
        pickler.dispatch_table = {**copyreg.dispatch_table, **dict.fromkeys(SHARED, by_number)}
        pickler.dump(cluster)
        self._state = buffer.getvalue()
        self._parts = parts
        self.size_bytes = len(self._state) + sum(map(_packed_bytes, parts))

    def restore(self) -> Cluster:
        """A cluster that goes on exactly as the original would."""
        enabled = gc.isenabled()
        gc.disable()  # some ten thousand new objects, none of them garbage
        try:
            cluster: Cluster = _Restoring(self._state, self._parts).load()
        finally:
            if enabled:
                gc.enable()
        return cluster


def shared_part(number: int) -> object:
    """Stands, in the saved state, for the shared object of a number."""
    raise AssertionError(f"part {number} of a saved cluster can be had only while it is restored")


class _Restoring(pickle.Unpickler):
    """Reads the state back, with the shared objects in their places."""

    def __init__(self, state: bytes, parts: list[object]) -> None:
        super().__init__(io.BytesIO(state))
        self._part = parts.__getitem__

    def find_class(self, module: str, name: str) -> Any:
        shared = (module, name) == (__name__, shared_part.__name__)
        return self._part if shared else super().find_class(module, name)


def _packed_bytes(part: object) -> int:
    match part:
        case Block(rows=packed) | Chunk(columns=packed):
            return len(packed)
        case _:
            return 0
