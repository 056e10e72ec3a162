"""Makes the environments of a process."""

from __future__ import annotations

from cluster_sim import WarmUps

from ..assessment import Yardsticks
from ..environment import IncidentEnvironment


class IncidentHouse:
    """Makes environments that share the incidents which their process has begun, and what they are graded by.

    Attributes:
        limit_bytes: how much of them is kept; in another process the house has its own, of the same size.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._warm_ups = WarmUps(limit_bytes)
        self._yardsticks = Yardsticks()

    def __call__(self) -> IncidentEnvironment:
        return IncidentEnvironment(self._warm_ups, self._yardsticks)

    def __reduce__(self) -> tuple[type[IncidentHouse], tuple[int]]:
        return IncidentHouse, (self.limit_bytes,)
