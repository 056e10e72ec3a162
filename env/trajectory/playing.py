"""Plays a record again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from cluster_sim import WarmUps

from ..counterfactual import Played, check_played, moves_of
from ..environment import IncidentEnvironment
from ..episode import Read
from ..errors import EnvError
from ..models import Action
from .record import Trajectory, export, record_of

Stop: TypeAlias = tuple[str, int, str]


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What came of playing a record again.

    Attributes:
        record: what was played this time, which has a score if it came to its end.
        done: whether it did.
        stopped: `actions` or `reads`, the index there of what was refused, and why; None if all could be carried out.
    """

    record: Trajectory
    done: bool
    stopped: Stop | None


def replay(record: Trajectory, warm_ups: WarmUps | None = None) -> Replay:
    """Play a record again.

    Args:
        warm_ups: incidents begun before, if any are kept.

    Raises:
        EnvError: it cannot be played at all: an unknown task, too many steps, an action that cannot be carried out.
    """
    environment, stopped = _played(record, warm_ups, keep_whole=record.whole is not None)
    again = record_of(environment, environment.state(), policy=record.policy)
    return Replay(record=again, done=environment.done, stopped=stopped)


def with_whole(record: Trajectory, warm_ups: WarmUps | None = None) -> Trajectory:
    """The same episode with all that was shown in full, by playing it again.

    Raises:
        EnvError: it cannot be played to its end.
    """
    environment, _ = _played(record, warm_ups, keep_whole=True)
    return export(environment, policy=record.policy)


def _played(
    record: Trajectory, warm_ups: WarmUps | None, *, keep_whole: bool
) -> tuple[IncidentEnvironment, Stop | None]:
    """The environment after the last move, or after the last before one that is refused."""
    played = Played(
        task_id=record.task_id, seed=record.seed, options=record.options, actions=record.actions, reads=record.reads
    )
    check_played(played)
    environment = IncidentEnvironment(warm_ups, keep_whole=keep_whole)
    environment.reset(record.task_id, record.seed, record.options)
    steps = reads = 0
    for move in moves_of(played):
        try:
            match move:
                case Action():
                    environment.step(move)
                    steps += 1
                case Read():
                    environment.read(move.tool, move.arguments)
                    reads += 1
        except EnvError as refusal:
            name, index = ("actions", steps) if isinstance(move, Action) else ("reads", reads)
            return environment, (name, index, str(refusal))
    return environment, None
