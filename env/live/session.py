"""An agent's session on the live cluster: it looks and acts there while time passes by itself. It is not scored."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cluster_sim import REMEDIATIONS, Cluster, exposition, nanoseconds, rfc3339

from ..actions import ESCALATE_S, INVESTIGATE_S, NO_OP_S, check
from ..episode import Told
from ..errors import EnvError, EpisodeOver, NoTrajectory, NotReset
from ..models import Action, ActionType, EpisodeOptions, Observation
from ..observation import Look, available_actions, look_at, observe
from ..playing import Environment
from ..queries import query_in
from ..tools import understood
from .cluster import LiveCluster
from .log import Kind

LIVE_TASK_ID = "live"
SOURCE = "session"
DESCRIPTION = (
    "You are on call for a cluster that runs with the wall clock. Incidents come when they come; others may be at "
    "work in it too. Look, page the owners, apply fixes, and file a postmortem when you are done. Nothing is scored."
)
MAX_STEPS = 200
LONGEST_WAIT_S = 20.0
"""Seconds of the wall clock for which a step waits for what it began (chosen: below the timeout of usual clients)."""
SETTLING_S = 60.0
"""Simulated seconds after a change before its effect is seen, as in an episode."""
SHORTEST_NAP_S, LONGEST_NAP_S = 0.02, 1.0


class NotYet(Exception):
    """A step has begun and its answer is not due; whoever asked asks again with the same action.

    Attributes:
        wait_s: seconds after which to ask.
    """

    def __init__(self, wait_s: float) -> None:
        super().__init__(wait_s)
        self.wait_s = wait_s


class NoLiveCluster(EnvError, LookupError):
    """There is no live cluster to attach to."""

    status = 409
    code = "NO_LIVE_CLUSTER"
    message = "attach: no live cluster runs here"


class SharedCluster(EnvError, PermissionError):
    """An attached session has no cluster of its own to read."""

    status = 409
    code = "SHARED_CLUSTER"
    message = "this session is attached to the live cluster; read it under /live/"


def environment_for(attach: str | None, present: Environment, live: LiveCluster | None) -> Environment:
    """The environment of a session that is reset.

    Raises:
        NoLiveCluster: it wants to attach, and there is nothing to attach to.
    """
    own = present.instead_of if isinstance(present, AttachedEnvironment) else present
    if attach is None:
        return own
    if live is None:
        raise NoLiveCluster
    return AttachedEnvironment(live, own)


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A step under way.

    Attributes:
        began, due: simulated instants at which it was ordered and at which its outcome can be seen.
        until_s: when waiting for that ends, on the session's clock.
    """

    action: Action
    began: int
    due: int
    until_s: float


class AttachedEnvironment:
    """One stay on the live cluster. A step takes its simulated duration of the live clock, or LONGEST_WAIT_S.

    Attributes:
        done: whether it is over: a postmortem was filed, or the last step taken.
        instead_of: the session's own environment, for when it plays an episode again.
    """

    read_api = False

    def __init__(self, live: LiveCluster, instead_of: Environment, clock: Callable[[], float] = time.monotonic) -> None:
        self.done = False
        self.instead_of = instead_of
        self._live = live
        self._clock = clock
        self._attached: int | None = None
        self._step = 0
        self._actions: list[Action] = []
        self._looked: dict[str, int] = {}
        self._begun: Begun | None = None

    # ------------------------------------------------------------ the stay

    def reset(self, task_id: str, seed: int, options: EpisodeOptions | None = None) -> Observation:
        """Attach; task, seed and options say nothing here."""
        self.done = False
        self._attached = self._live.now
        self._step = 0
        self._actions, self._looked, self._begun = [], {}, None
        return self._observe("You are attached to the live cluster.", Look(), self._attached)

    def step(self, action: Action) -> Observation:
        """Carry out one action.

        Raises:
            NotReset, EpisodeOver: nothing is running here (any more).
            BadRequest: the action cannot be carried out; nothing has changed.
            NotYet: it has begun, and its answer is to be asked for later.
        """
        self._check_running()
        begun = self._begun
        if begun is None or begun.action is not action:
            check(action)
            begun = self._begun = self._begin(action)
        left_s = (begun.due - self._live.now) / 1e9 / self._live.pacer.speed
        patience_s = begun.until_s - self._clock()
        if left_s > 0 and patience_s > 0:
            raise NotYet(min(max(left_s, SHORTEST_NAP_S), patience_s, LONGEST_NAP_S))
        self._begun = None
        self._step += 1
        self._actions.append(action)
        self.done = action.action_type is ActionType.POSTMORTEM or self._step >= MAX_STEPS
        return self._observe(self._message(action, begun), self._look(action), begun.began)

    def read(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Read the live telemetry with a tool, as of now; time passes by itself.

        Raises:
            NotReset, EpisodeOver: nothing is running here (any more).
            BadRequest: there is no such tool, or it takes other arguments.
        """
        self._check_running()
        asked = understood(tool, arguments)
        with self._live.lock:
            cluster = self._live.cluster
            return {"time": rfc3339(cluster.now, cluster.epoch_s), **asked.answer(cluster)}

    def _check_running(self) -> None:
        if self._attached is None:
            raise NotReset
        if self.done:
            raise EpisodeOver

    def _begin(self, action: Action) -> Begun:
        began = self._live.now
        takes_s = 0.0
        match action.action_type:
            case ActionType.INVESTIGATE:
                takes_s = INVESTIGATE_S
            case ActionType.ESCALATE:
                takes_s = ESCALATE_S
            case ActionType.NO_OP:
                takes_s = NO_OP_S
            case ActionType.APPLY_FIX:
                remediation = REMEDIATIONS[action.target or ""]
                began = self._live.change(Kind.FIX, remediation.name, SOURCE).at
                takes_s = remediation.duration_s + SETTLING_S
        due = began + nanoseconds(takes_s)
        return Begun(action=action, began=began, due=due, until_s=self._clock() + LONGEST_WAIT_S)

    def _message(self, action: Action, begun: Begun) -> str:
        match action.action_type:
            case ActionType.INVESTIGATE:
                return f"Looked at {action.target}."
            case ActionType.ESCALATE:
                return f"{action.target} was paged and has acknowledged."
            case ActionType.APPLY_FIX:
                change = begun.began + nanoseconds(REMEDIATIONS[action.target or ""].duration_s)
                when = rfc3339(change, self._live.cluster.epoch_s)
                return f"{action.target} was ordered; the change was or is made at {when}, and then rolls out."
            case ActionType.POSTMORTEM:
                return "The postmortem is filed. You are off call."
            case _:
                return "Time goes by."

    def _look(self, action: Action) -> Look:
        if action.action_type is not ActionType.INVESTIGATE:
            return Look()
        service = action.target or ""
        with self._live.lock:
            look = look_at(self._live.cluster, service, self._looked.get(service), query_in(action.details))
            if service in look.logs:
                self._looked[service] = self._live.now
        return look

    def _observe(self, message: str, look: Look, since: int) -> Observation:
        with self._live.lock:
            cluster = self._live.cluster
            observation = observe(
                cluster,
                step=self._step,
                task_id=LIVE_TASK_ID,
                description=DESCRIPTION,
                actions=available_actions(cluster),
                message=message,
                look=look,
                since=since,
                paged=self._attached or 0,
            )
        observation.done = self.done
        return observation

    # ------------------------------------------------------------ what can be asked about it

    def state(self) -> dict[str, Any]:
        """The stay so far."""
        return {
            "episode_id": LIVE_TASK_ID,
            "step_count": self._step,
            "task_id": LIVE_TASK_ID,
            "max_steps": MAX_STEPS,
            "done": self.done,
            "attached": True,
            "scored": False,
            "actions": [action.model_dump() for action in self._actions],
        }

    def info(self) -> dict[str, Any]:
        """Extras of the last step."""
        return {"attached": True, "scored": False}

    @property
    def observations(self) -> Sequence[Told]:
        """Refused: nobody can play them again."""
        raise NoTrajectory

    @property
    def answers(self) -> Sequence[Told]:
        """Refused likewise."""
        raise NoTrajectory

    @property
    def cluster(self) -> Cluster:
        """Refused: the live cluster moves; its own read APIs show it."""
        raise SharedCluster

    def branch(self) -> AttachedEnvironment:
        """Itself: there is one live cluster, and who reads it holds its lock."""
        return self

    def exposition(self) -> bytes:
        """The live cluster's metrics, in Prometheus' text format."""
        with self._live.lock:
            return exposition(self._live.cluster)
