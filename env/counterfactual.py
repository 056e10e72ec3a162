"""What would have been: an episode played again with other actions, on the same traffic, and what users had of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from operator import eq

from pydantic import BaseModel, ConfigDict

from cluster_sim import WINDOW, Cluster, Fault, Harm, Saved, WarmUps, harm, nanoseconds, patience_s

from .actions import ACTIONS, Scene, check
from .episode import EpisodeRecord, Read
from .errors import BadRequest, UnknownTask
from .models import Action, EpisodeOptions, Name, Seed
from .scenes import begin_scene
from .tasks import MAX_STEPS, TASK_IDS, TASKS
from .tools import READ_LIMIT_S, READ_S

LONGEST_AFTER_S = 3600.0
"""Chosen."""


class Played(BaseModel):
    """What was played: all that is needed to play it again.

    An environment's `state()` has it, as has the answer of `/state`: `Played.model_validate(environment.state())`.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    task_id: Name
    seed: Seed
    options: EpisodeOptions = EpisodeOptions()
    actions: tuple[Action, ...] = ()
    reads: tuple[Read, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Nothing is done until an instant, in nanoseconds; nor after it, if it is over."""

    until: int


Move = Action | Read | Wait


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What users suffered as it was, and as it would have been; over the same span, in which the same ones came.

    Attributes:
        cluster: the world as it would have been, some time after the span.
    """

    fact: Harm
    other: Harm
    cluster: Cluster

    @property
    def spared(self) -> int:
        """Bad requests that users would have been spared; negative if there would have been more of them."""
        return self.fact.bad - self.other.bad

    @property
    def spared_minutes(self) -> float:
        """The same in minutes of complete outage."""
        return self.fact.bad_minutes - self.other.bad_minutes


class Counterfactual:
    """Plays an episode again with other actions. Users' requests and every other draw stay as they were.

    The episode itself is simulated once, and kept as of before each step; another course begins at the first step in
    which it differs. Courses are compared from the page until some time after the end of the longer one.

    Args:
        warm_ups: incidents begun before, if any are kept.
        after_s: simulated seconds for which both courses go on when all is done; by default the time for which a repair
            of this fault must hold, so that a relapse counts.
        watched: whether telemetry is collected: only who looks at the other world needs it.

    Raises:
        UnknownTask: there is no such task.
        BadRequest: the episode cannot be played.
    """

    def __init__(
        self,
        played: Played,
        *,
        warm_ups: WarmUps | None = None,
        after_s: float | None = None,
        watched: bool = False,
    ) -> None:
        if after_s is not None and not 0 <= after_s <= LONGEST_AFTER_S:
            raise BadRequest(f"after_s: should be 0 to {LONGEST_AFTER_S:.0f} seconds", ("after_s",))
        check_played(played)
        self.played = played
        self.moves = tuple(moves_of(played))
        scene = begin_scene(played.task_id, played.seed, played.options, warm_ups)
        self._fault: Fault = scene.fault
        self._after = nanoseconds(self._fault.hold_s if after_s is None else after_s)
        self._patience = nanoseconds(patience_s(scene.cluster.spec))
        self._page = scene.cluster.now
        if not watched:
            scene.cluster.scrapes.stop()
        self._play_fact(scene.cluster)
        self._harms: dict[int, Harm] = {}

    # ------------------------------------------------------------ other courses

    def without(self, *steps: int, keep_clock: bool = False) -> Comparison:
        """Some steps are left out.

        Args:
            steps: their numbers, the first is 1.
            keep_clock: the engineer waits in the meantime, so that whatever follows is done when it was done; otherwise
                all that follows is done sooner.
        """
        places = {self._place(step) for step in steps}
        course: list[Move] = []
        for place, move in enumerate(self.moves):
            if place not in places:
                course.append(move)
            elif keep_clock:
                course.append(Wait(until=self._began[place + 1]))
        return self.course(course)

    def instead(self, step: int, action: Action) -> Comparison:
        """Another action is taken in the place of one; what follows begins when it is done."""
        place = self._place(step)
        return self.course([*self.moves[:place], action, *self.moves[place + 1 :]])

    def also(self, action: Action, *, after_step: int | None = None) -> Comparison:
        """One more action is taken, at the end or after a step (0: before the first)."""
        place = len(self.moves)
        if after_step is not None:
            place = self._place(after_step) + 1 if after_step else 0
        return self.course([*self.moves[:place], action, *self.moves[place:]])

    def nothing(self) -> Comparison:
        """Nobody does anything."""
        return self.course([])

    def course(self, moves: Sequence[Move]) -> Comparison:
        """Any other course of action.

        Raises:
            BadRequest: an action cannot be carried out.
        """
        for move in moves:
            if isinstance(move, Action):
                check(move)
        same = sum(1 for _ in takewhile(bool, map(eq, self.moves, moves)))
        begun = max(place for place in self._saved if place <= same)
        cluster = self._saved[begun].restore()
        for move in moves[begun:]:
            self._carry_out(cluster, move)
        until = max(cluster.now, self._began[-1]) + self._after
        until = -(-until // WINDOW) * WINDOW
        if until not in self._harms:
            self._harms[until] = self._harm(self._saved[len(self.moves)].restore(), until)
        return Comparison(fact=self._harms[until], other=self._harm(cluster, until), cluster=cluster)

    def began(self, step: int) -> int:
        """The instant, in nanoseconds, at which a step was begun."""
        return self._began[self._place(step)]

    # ------------------------------------------------------------ playing

    def _play_fact(self, cluster: Cluster) -> None:
        """Notes when each move began, and last the end; keeps the world before each step, and at the end."""
        self._began: list[int] = []
        self._saved: dict[int, Saved] = {0: Saved(cluster)}
        for place, move in enumerate(self.moves):
            if isinstance(move, Action) and place:
                self._saved[place] = Saved(cluster)
            self._began.append(cluster.now)
            self._carry_out(cluster, move)
        self._began.append(cluster.now)
        self._saved[len(self.moves)] = Saved(cluster)

    def _carry_out(self, cluster: Cluster, move: Move) -> None:
        match move:
            case Action():
                record = EpisodeRecord(task_id=self.played.task_id, seed=self.played.seed)
                ACTIONS[move.action_type](Scene(cluster, self._fault, self._fault.team, record, watched=False), move)
            case Read():
                cluster.run_for(READ_S)
            case Wait(until=until):
                cluster.run_until(max(cluster.now, until))

    def _harm(self, cluster: Cluster, until: int) -> Harm:
        cluster.run_until(until + self._patience)
        return harm(cluster, self._page, until)

    def _place(self, step: int) -> int:
        """Where a step is among the moves."""
        if not 1 <= step <= len(self.played.actions):
            raise BadRequest(f"step: this episode has steps 1 to {len(self.played.actions)}", ("step",))
        places = [place for place, move in enumerate(self.moves) if isinstance(move, Action)]
        return places[step - 1]


def check_played(played: Played) -> None:
    """Refuse what was never an episode.

    Raises:
        UnknownTask: there is no such task.
        BadRequest: it is of the live cluster, too long, or has an action that cannot be carried out.
    """
    if played.options.attach is not None:
        raise BadRequest("options: an episode of the live cluster cannot be played again", ("options",))
    if played.task_id not in TASK_IDS:
        raise UnknownTask(played.task_id)
    steps = len(played.actions)
    most = TASKS[played.task_id].max_steps if played.task_id in TASKS else MAX_STEPS
    if steps > most:
        raise BadRequest(f"actions: this task has at most {most} steps", ("actions",))
    if len(played.reads) * READ_S > READ_LIMIT_S:
        raise BadRequest(f"reads: an episode has at most {READ_LIMIT_S / READ_S:.0f}", ("reads",))
    if not all(0 <= read.after_step <= steps for read in played.reads):
        raise BadRequest("reads: after_step should be a step of the episode", ("reads",))
    for action in played.actions:
        check(action)


def moves_of(played: Played) -> list[Move]:
    """Steps and reads in their order."""
    moves: list[Move] = [read for read in played.reads if read.after_step == 0]
    for step, action in enumerate(played.actions, 1):
        moves.append(action)
        moves += [read for read in played.reads if read.after_step == step]
    return moves
