"""The volume of a store: its dump, and what others have put beside it.

Fast-forward: events only. A store that cannot start is not ready, and one that runs does not feel how full it is.
"""

from __future__ import annotations

from dataclasses import dataclass

SPARE_BYTES = 1 << 30
"""Chosen."""
NEEDED_BYTES = 1 << 12
"""What the entrypoint writes before it starts the server: its configuration (a block of the file system)."""


@dataclass
class Volume:
    """A volume.

    Attributes:
        spare_bytes: its capacity beyond what the store's own files take at most.
        foreign_bytes: of files that are not the store's.
    """

    spare_bytes: int = SPARE_BYTES
    foreign_bytes: int = 0

    @property
    def free_bytes(self) -> int:
        """Room that is left beside what the store has there and what others have."""
        return max(0, self.spare_bytes - self.foreign_bytes)

    @property
    def full(self) -> bool:
        """Whether there is no room for what a start writes."""
        return self.free_bytes < NEEDED_BYTES

    def fill(self) -> None:
        """Others write until there is no room left."""
        self.foreign_bytes += self.free_bytes

    def clean(self) -> None:
        """The files of others are deleted."""
        self.foreign_bytes = 0
