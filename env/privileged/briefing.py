"""What a privileged policy is told before the episode begins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from cluster_sim import Fault, WarmUps, moment

from ..assessment import Yardsticks
from ..models import EpisodeOptions


@dataclass(frozen=True, kw_only=True)
class Briefing:
    """The truth of an episode.

    Attributes:
        fault: what is wrong.
        began: when it began.
        graph: how the trouble spreads, as pairs of services: the ill one, and the one that it makes ill.
    """

    fault: Fault
    began: datetime
    graph: frozenset[tuple[str, str]] = frozenset()

    @property
    def affected(self) -> tuple[str, ...]:
        """The services that are ill, the root first."""
        others = sorted({service for edge in self.graph for service in edge} - {self.fault.service})
        return (self.fault.service, *others)

    def elapsed_s(self, time: str) -> float:
        """Seconds from the onset to an instant that an observation tells; both are told to the second."""
        return (datetime.fromisoformat(time) - self.began.replace(microsecond=0)).total_seconds()


def brief(
    task_id: str,
    seed: int,
    options: EpisodeOptions,
    warm_ups: WarmUps | None = None,
    yardsticks: Yardsticks | None = None,
) -> Briefing:
    """The truth of the episode that these begin.

    Args:
        warm_ups: incidents begun before, if any are kept; the episode that follows begins from there.
        yardsticks: what full grades were measured by before, if any are kept; the grade that follows uses it.

    Raises:
        BadRequest: with these options the incident hurts nobody enough for a page.
    """
    yardstick = (yardsticks or Yardsticks(most=1)).of(task_id, seed, options, warm_ups)
    with yardstick.lock:
        truth = yardstick.truth
    began = moment(truth.onset, yardstick.epoch_s)
    graph = frozenset() if truth.fault.harmless else truth.graph.edges
    return Briefing(fault=truth.fault, began=began.astimezone(UTC), graph=graph)
