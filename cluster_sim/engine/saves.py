"""The snapshots that a store writes to its volume, and what becomes of writes when it cannot.

Fast-forward: events only, from when something else fills the volume until a save has succeeded without it. Otherwise
saves are a matter of the background life of the cluster, and succeed.
"""

from __future__ import annotations

from .profile import Profile

MIB = 1 << 20
VOLUME_BYTES = 512 * MIB
"""Size of the volume (chosen: four times maxmemory)."""
LEAST_BYTES = 4096
"""The smallest snapshot: a block of the volume (chosen)."""


class Saves:
    """Where a store stands with its snapshots.

    Attributes:
        volume_bytes: size of the volume.
        others_bytes: what is written there beside the snapshots, as far as there is room and `growth` says.
        growth: since when, and how; None: nothing else lies there.
        file_bytes: size of the last snapshot.
        saved_at: nanoseconds, when the last good one was begun, as far as that is kept track of.
        failed: whether the last save failed.
        stop_writes: whether writes are refused then (stop-writes-on-bgsave-error).
        tried: whether any save has failed since the process started.
    """

    def __init__(self) -> None:
        self.volume_bytes = VOLUME_BYTES
        self.others_bytes = 0
        self.growth: Profile | None = None
        self.file_bytes = 0
        self.saved_at = 0
        self.failed = False
        self.stop_writes = True
        self.tried = False

    @property
    def plain(self) -> bool:
        """Whether all saves succeed."""
        return self.growth is None and not self.failed

    @property
    def stops_writes(self) -> bool:
        """Whether writes are refused now."""
        return self.failed and self.stop_writes

    def free_bytes(self, now: int) -> int:
        """Room on the volume."""
        others = 0 if self.growth is None else int(self.others_bytes * self.growth.level(now))
        return max(self.volume_bytes - others - self.file_bytes, 0)

    def fits(self, dataset_bytes: int, now: int) -> bool:
        """Whether there is room for one more snapshot: it replaces the last one only when it is complete."""
        return self.growth is None or self.free_bytes(now) >= max(dataset_bytes, LEAST_BYTES)

    def begin(self) -> None:
        """The process has just started, and has not tried yet."""
        self.failed = False
        self.tried = False
