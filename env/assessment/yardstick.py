"""What an episode is measured by: the same incident with nobody acting, and under the reference response."""

from __future__ import annotations

from collections import OrderedDict
from functools import cached_property
from threading import Lock, RLock

from cluster_sim import Cluster, Fault, Saved, WarmUps, broken, nanoseconds, provisioned, spread

from ..actions import ESCALATE_S, INVESTIGATE_S
from ..models import EpisodeOptions
from ..scenes import begin_scene
from .courses import Course, Order
from .truth import Truth
from .twins import TwinWorlds

SPAN_S = 900.0
"""Seconds after the page within which an incident is to be mitigated (chosen: a quarter of an hour is what a severe
incident's response is usually given); what nobody's acting costs users within them is the unit of harm."""

LEAST_UNIT_MINUTES = 0.5
"""The least unit of harm, in minutes of complete outage (chosen): below it noise decides."""

SPREAD_S = 300.0
"""Seconds after the page in which the trouble spreads as far as it will (chosen)."""

KEPT_AFTER_S = (90.0, 180.0, 270.0, 360.0)
"""Seconds after the page as of which the world without anybody acting is kept (chosen: 0.6 MB each)."""

REFERENCE_LOOKS = 2
"""How often the reference looks at telemetry, and escalates once, before it begins the repair (chosen)."""


class Yardstick:
    """The measures of one incident, simulated when they are first asked for.

    Attributes:
        page, onset: nanoseconds.
        epoch_s: when the simulation began, in seconds of Unix time.
        broken: invariants that did not hold as of the page.
        usd_per_hour: what the cluster costs as of the page.
        twins: the same world with the faults that this one is mistaken for.
        lock: held by who measures: a measure is simulated once.
    """

    def __init__(self, task_id: str, seed: int, options: EpisodeOptions, warm_ups: WarmUps | None = None) -> None:
        scene = begin_scene(task_id, seed, options, warm_ups)
        self.fault: Fault = scene.fault
        self.page = scene.cluster.now
        self.onset = scene.onset
        self.epoch_s = scene.cluster.epoch_s
        self.broken = broken(scene.cluster)
        self.usd_per_hour = provisioned(scene.cluster).usd_per_hour
        self.twins = TwinWorlds(
            task_id, seed, options, fault=scene.fault, world_seed=scene.cluster.seed, warm_ups=warm_ups
        )
        self.lock = RLock()
        self._begun = Saved(scene.cluster)

    def cluster(self) -> Cluster:
        """The world as of the page."""
        return self._begun.restore()

    @cached_property
    def nothing(self) -> Course:
        """Nobody does anything; its world is kept every so often, for what sets in late."""
        course = Course(self.cluster())
        for after_s in KEPT_AFTER_S:
            course.outcomes(self.page + nanoseconds(after_s))
        return course

    @cached_property
    def reference(self) -> Course:
        """The runbook's repair, after the time that two looks and paging its owner take; nothing if none is needed."""
        start = self.page + nanoseconds(REFERENCE_LOOKS * INVESTIGATE_S + ESCALATE_S)
        plan = self.fault.repairs[0] if self.fault.repairs and not self.fault.harmless else ()
        return Course(self.cluster(), [Order(fix=fix, began=start) for fix in plan])

    @cached_property
    def truth(self) -> Truth:
        """What is to be known of it."""
        until = self.page + nanoseconds(SPREAD_S)
        self.nothing.outcomes(until)
        graph = spread(self.nothing.cluster, self.onset, until, self.fault.service, healthy=self.cluster())
        return Truth(fault=self.fault, graph=graph, onset=self.onset)

    @cached_property
    def reference_usd_per_hour(self) -> float:
        """What the cluster costs after the reference response, in US dollars an hour."""
        self.reference.outcomes(self.page + nanoseconds(SPAN_S))
        return provisioned(self.reference.cluster).usd_per_hour

    @cached_property
    def unit_minutes(self) -> float:
        """The unit of harm: by how much nobody's acting hurts users more than the reference does, in bad minutes."""
        end = self.page + nanoseconds(SPAN_S)
        nothing = self.nothing.bad_minutes(self.page, end)
        return max(nothing - self.reference.bad_minutes(self.page, end), LEAST_UNIT_MINUTES)


class Yardsticks:
    """The yardsticks of one process, as many as are kept; the longest unused goes first.

    Args:
        most: how many.
    """

    def __init__(self, most: int = 8) -> None:
        self.most = most
        self._kept: OrderedDict[tuple[str, int, str], Yardstick] = OrderedDict()
        self._lock = Lock()

    def of(self, task_id: str, seed: int, options: EpisodeOptions, warm_ups: WarmUps | None = None) -> Yardstick:
        """The yardstick of an episode."""
        world = options.model_copy(update={"reward_mode": "table", "grading": None, "read_api": False})
        key = (task_id, seed, world.model_dump_json())
        with self._lock:
            if (kept := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return kept
        made = Yardstick(task_id, seed, options, warm_ups)
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > self.most:
                self._kept.popitem(last=False)
        return made
