"""One episode: reset, step, state."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import asdict
from typing import Any

from pydantic_core import to_json

from cluster_sim import Cluster, WarmUps, exposition, rfc3339

from .actions import ACTIONS, Effect, Scene, check
from .assessment import Assessment, Yardstick, Yardsticks, assess
from .episode import EpisodeRecord, Event, Read, Sight, Told, told
from .errors import EpisodeOver, NotReset, ReadsUsedUp
from .grading import Grade, grade
from .models import Action, ActionType, EpisodeOptions, Observation
from .observation import Look, available_actions, observe
from .rewards import Outcome, shaped_reward, sparse_reward, table_reward
from .scenes import begin_scene, copy_scene, episode_name
from .tasks import TASKS, IncidentTask, generated_task
from .tools import READ_LIMIT_S, READ_S, understood


class IncidentEnvironment:
    """Plays one episode at a time; everything in it is a function of task, seed, options and actions.

    Attributes:
        done: whether the episode is over.
    """

    def __init__(
        self, warm_ups: WarmUps | None = None, yardsticks: Yardsticks | None = None, *, keep_whole: bool = False
    ) -> None:
        """
        Args:
            warm_ups: incidents begun before, which may be shared by all environments of a process; by default every
                reset simulates its own.
            yardsticks: what full grades were measured by before, which may be shared likewise.
            keep_whole: keep every observation and answer, not its digest only.
        """
        self.done = False
        self._warm_ups = warm_ups
        self._yardsticks = yardsticks
        self._keep_whole = keep_whole
        self._scene: Scene | None = None
        self._task: IncidentTask
        self._options: EpisodeOptions
        self._grade: Grade
        self._assessment: Assessment | None = None
        self._effect = Effect(message="")
        self._paged = 0
        self._seen = 0
        self._paid = 0.0
        self._actions: list[str] = []

    # ------------------------------------------------------------ the episode

    def reset(self, task_id: str, seed: int, options: EpisodeOptions | None = None) -> Observation:
        """Begin an episode at the page.

        Raises:
            UnknownTask: there is no such task.
            BadRequest: with these options the incident hurts nobody enough for a page.
        """
        options = options or EpisodeOptions()
        scene = begin_scene(task_id, seed, options, self._warm_ups)
        task = TASKS[task_id] if task_id in TASKS else generated_task(scene.fault)
        self._scene = scene
        self._task, self._options = task, options
        self._assessment = None
        scene.thorough = scene.thorough or self.graded_in_full
        scene.before = [] if self.graded_in_full else None
        self._grade = grade(task.criteria, scene.owner, scene.record)
        self._paged = scene.cluster.now
        self._paid = 0.0
        self._actions = available_actions(scene.cluster)
        self._effect = Effect(
            message="You were paged. The alerts tell what users feel; the rest is for you to find out."
        )
        self.done = False
        self._seen = self._paged
        return self._noted(self._observe())

    def step(self, action: Action) -> Observation:
        """Carry out one action.

        Raises:
            NotReset: no episode has begun.
            EpisodeOver: it is over.
            BadRequest: the action cannot be carried out; nothing has changed.
        """
        scene = self._running()
        if self.done:
            raise EpisodeOver
        check(action)
        record = scene.record
        record.step += 1
        effect = self._effect = ACTIONS[action.action_type](scene, action)
        repaired = self._read_world(scene, effect)
        self._grade = grade(self._task.criteria, scene.owner, record)
        complete = self._complete(record)
        out_of_steps = not complete and record.step >= self._task.max_steps
        self.done = complete or out_of_steps
        outcome = Outcome(
            action=action,
            first_look=effect.first_look,
            right_team=effect.right_team,
            wrong_team=effect.wrong_team,
            repaired=repaired,
            wrong_fix=effect.wrong_fix,
            first_postmortem=effect.first_postmortem,
            complete=complete,
            out_of_steps=out_of_steps,
        )
        if self.done and self.graded_in_full:
            self._assessment = assess(scene, self._yardstick())
        reward = self._reward(outcome)
        record.events.append(Event(step=record.step, action=action, reward=reward))
        observation = self._observe()
        observation.done = self.done
        observation.reward = reward
        return self._noted(observation)

    def read(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Read the telemetry with a tool: it takes time, but no step, and earns nothing.

        Raises:
            NotReset: no episode has begun.
            EpisodeOver: it is over.
            BadRequest: there is no such tool, or it takes other arguments; nothing has changed.
            ReadsUsedUp: the episode's reads have taken all the time that they may.
        """
        scene = self._running()
        if self.done:
            raise EpisodeOver
        asked = understood(tool, arguments)
        record = scene.record
        if (len(record.reads) + 1) * READ_S > READ_LIMIT_S:
            raise ReadsUsedUp
        scene.cluster.run_for(READ_S)
        record.reads.append(Read(after_step=record.step, tool=tool, arguments=arguments))
        answer = asked.answer(scene.cluster)
        self._see(
            Sight(
                place=f"r{len(record.reads)}",
                at=scene.cluster.now,
                fixes=len(record.fixes),
                asked=(tool, arguments),
                answer=answer,
            )
        )
        answer = {"time": rfc3339(scene.cluster.now, scene.cluster.epoch_s), **answer}
        record.answers.append(told(to_json(answer, inf_nan_mode="null"), whole=self._keep_whole))
        return answer

    def branch(self) -> IncidentEnvironment:
        """An independent environment in the same state: given the same actions, both go on to the same bytes.

        It is an episode under way; a `reset` of the branch begins another. Branches cost a few milliseconds, and share
        what cannot change with the environment they come from.

        Raises:
            NotReset: no episode has begun.
        """
        twin = copy(self)
        twin._warm_ups, twin._yardsticks = self._warm_ups, self._yardsticks
        twin._scene = copy_scene(self._running())
        return twin

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_warm_ups": None, "_yardsticks": None}  # of the process

    def _running(self) -> Scene:
        if self._scene is None:
            raise NotReset
        return self._scene

    def _read_world(self, scene: Scene, effect: Effect) -> bool:
        """Read from the world whether it is repaired; returns whether it is so for the first time.

        It is read after every change, and while the roots are safe but users are not yet served well.
        """
        record = scene.record
        if record.repaired_at is not None and not effect.changed:
            return False
        if not scene.recovered():
            record.repaired_at = None
            return False
        if record.repaired_at is not None:
            return False
        record.repaired_at = record.step
        first = not record.repaired_once
        record.repaired_once = True
        return first

    def _complete(self, record: EpisodeRecord) -> bool:
        explained = record.postmortem is not None or not (self._task.needs_postmortem or self.graded_in_full)
        if self._running().fault.harmless:
            return explained
        return record.repaired_at is not None and self._running().owner in record.escalated and explained

    def _reward(self, outcome: Outcome) -> float:
        record = self._running().record
        match self._options.reward_mode:
            case "table":
                return table_reward(outcome, self._task.criteria, record)
            case "shaped":
                reward = shaped_reward(self._standing, self._paid)
                self._paid = self._standing.score
                return reward
            case "sparse":
                return sparse_reward(self._standing, done=self.done)

    @property
    def _standing(self) -> Grade | Assessment:
        """The score as it stands: by the table while the episode runs, which costs nothing, and in the end as asked."""
        return self._assessment or self._grade

    def _yardstick(self) -> Yardstick:
        seed = self._running().record.seed
        self._yardsticks = self._yardsticks or Yardsticks(most=1)
        return self._yardsticks.of(self._task.task_id, seed, self._options, self._warm_ups)

    def _observe(self) -> Observation:
        scene = self._running()
        since, self._seen = self._seen, scene.cluster.now
        look = self._effect.look if scene.record.step else Look()
        observation = observe(
            scene.cluster,
            step=scene.record.step,
            task_id=self._task.task_id,
            description=self._task.description,
            actions=list(self._actions),
            message=self._effect.message,
            look=look,
            since=since,
            paged=self._paged,
        )
        action = scene.record.events[-1].action if scene.record.events else None
        self._see(
            Sight(
                place=str(scene.record.step),
                at=scene.cluster.now,
                fixes=len(scene.record.fixes),
                asked=action.details if action and action.action_type is ActionType.INVESTIGATE else None,
                alerts=observation.alerts,
                logs=look.logs,
                details=look.details,
            )
        )
        return observation

    def _noted(self, observation: Observation) -> Observation:
        """Note what is given out, for the episode's trajectory: some 30 µs."""
        json = observation.model_dump_json().encode()
        self._running().record.observations.append(told(json, whole=self._keep_whole))
        return observation

    def _see(self, sight: Sight) -> None:
        """Remember what was shown, where it may be cited."""
        if self.graded_in_full:
            self._running().record.seen.append(sight)

    @property
    def graded_in_full(self) -> bool:
        """Whether the score will be a full one."""
        return (self._options.grading or self._task.grading) == "full"

    # ------------------------------------------------------------ what can be asked about it

    def state(self) -> dict[str, Any]:
        """The episode as it stands; its truth and score only when it is done."""
        scene = self._running()
        state: dict[str, Any] = {
            "episode_id": episode_name(self._task.task_id, scene.record.seed, self._options),
            "step_count": scene.record.step,
            "task_id": self._task.task_id,
            "seed": scene.record.seed,
            "max_steps": self._task.max_steps,
            "done": self.done,
            "options": self._options.model_dump(),
            "actions": [event.action.model_dump() for event in scene.record.events],
            "rewards": [event.reward for event in scene.record.events],
            "reads": [asdict(read) for read in scene.record.reads],
        }
        return state | self._verdict()

    def info(self) -> dict[str, Any]:
        """Extras of the last step."""
        return {"read_api": self._options.read_api} | self._verdict()

    def _verdict(self) -> dict[str, Any]:
        if not self.done:
            return {}
        return {
            "score": self._standing.score,
            "breakdown": self._standing.breakdown(),
            "truth": self._truth(),
        }

    def _truth(self) -> dict[str, Any]:
        fault = self._task.root
        more = {} if self._assessment is None else self._assessment.truth
        return {"root_cause": fault.service, "mechanism": str(fault.mechanism), "fault": fault.name, **more}

    @property
    def observations(self) -> Sequence[Told]:
        """What was shown, that of the reset first."""
        return tuple(self._running().record.observations)

    @property
    def answers(self) -> Sequence[Told]:
        """What the reads were answered."""
        return tuple(self._running().record.answers)

    @property
    def task(self) -> IncidentTask:
        """What is being played."""
        return self._task

    @property
    def scene(self) -> Scene:
        """The world as it stands, what is wrong with it, and the record of the episode."""
        return self._running()

    @property
    def read_api(self) -> bool:
        """Whether the read APIs may show this episode's cluster."""
        return self._options.read_api

    @property
    def cluster(self) -> Cluster:
        """The cluster as it stands."""
        return self._running().cluster

    def exposition(self) -> bytes:
        """The cluster's metrics as of its simulated now, in Prometheus' text format."""
        return exposition(self._running().cluster)
