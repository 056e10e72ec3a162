"""A stand-in for the simulated environment: instant, deterministic, and slow or failing on demand."""

import threading
import time
from copy import copy
from dataclasses import dataclass

from cluster_sim import Cluster
from env.errors import BadRequest, EpisodeOver, NoTrajectory
from env.models import Action, EpisodeOptions, Observation


@dataclass(frozen=True, kw_only=True)
class FakeTask:
    task_id: str
    title: str
    description: str
    difficulty: str
    max_steps: int
    split: str


def _task(task_id, difficulty, max_steps, split):
    return FakeTask(
        task_id=task_id,
        title=f"The {difficulty} page",
        description="Users see errors.",
        difficulty=difficulty,
        max_steps=max_steps,
        split=split,
    )


TASKS = {
    task.task_id: task
    for task in (
        _task("task_easy", "easy", 3, "train"),
        _task("task_medium", "medium", 15, "train"),
        _task("task_hard", "hard", 20, "test"),
    )
}


class FakeEnvironment:
    """Counts its steps; `gate` holds the step whose target is "slow" until the test lets it go.

    A step at "busy" takes a moment, so that callers who take no turns would meet; one at "broken" fails.
    """

    read_api = False

    @property
    def cluster(self) -> Cluster:
        raise AssertionError("there is none, and nobody may read it")

    @property
    def observations(self):
        raise NoTrajectory

    answers = observations

    def __init__(self):
        self.done = False
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.at_work = 0
        self.most_at_work = 0
        self.actions = []
        self.reads = []

    def reset(self, task_id, seed, options=EpisodeOptions()):  # noqa: B008 # as in the real one
        self.task_id, self.seed, self.options = task_id, seed, options
        self.done, self.actions, self.reads = False, [], []
        return self._observation("paged", None)

    def step(self, action: Action):
        if self.done:
            raise EpisodeOver
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        if action.target == "busy":
            time.sleep(0.002)
        if action.target == "slow":
            self.entered.set()
            assert self.gate.wait(20)
        if action.target == "broken":
            self.at_work -= 1
            raise ZeroDivisionError("secret of the house")
        self.actions.append(action)
        self.done = len(self.actions) >= TASKS[self.task_id].max_steps
        self.at_work -= 1
        return self._observation("done as told", 0.05)

    def read(self, tool, arguments):
        """A minute of nothing; refuses a service called "nowhere"."""
        if arguments.get("service") == "nowhere":
            raise BadRequest("service: should be another", ("service",))
        if arguments.get("service") == "broken":
            raise ZeroDivisionError("secret of the house")
        self.reads.append(tool)
        return {"tool": tool, "read": len(self.reads)}

    def branch(self):
        return copy(self)

    def state(self):
        return {
            "episode_id": f"{self.task_id}-{self.seed}",
            "step_count": len(self.actions),
            "task_id": self.task_id,
            "seed": self.seed,
            "done": self.done,
            **({"score": 0.5} if self.done else {}),
            "reads": self.reads,
            "targets": [action.target for action in self.actions],
            "options": self.options.model_dump(),
        }

    def info(self):
        return {"sim_time_s": 30.0 * len(self.actions)}

    def exposition(self):
        return f"# TYPE steps_total counter\nsteps_total {len(self.actions)}\n".encode()

    def _observation(self, message, reward):
        return Observation(
            step=len(self.actions),
            alerts=["TRIGGERED HighErrorRate"],
            logs={action.target: ["a line"] for action in self.actions[-1:] if action.target},
            metrics={"payment-service": {"error_ratio": float("nan"), "latency_s": 0.2}},
            available_actions=["no_op"],
            message=message,
            task_id=self.task_id,
            task_description="Users see errors.",
            done=self.done,
            reward=reward,
        )
