"""Sessions that run side by side equal the same sessions played alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from fastapi.testclient import TestClient

from env.environment import IncidentEnvironment
from env.models import Action
from env.server import create_app

PLAN = (
    {"action_type": "investigate", "target": "postgres-db"},
    {"action_type": "apply_fix", "target": "restart_payment_service"},
    {"action_type": "escalate", "target": "database-team"},
)
TASKS = ("task_easy", "task_medium", "task_hard")


def _alone(seed: int) -> list[dict]:
    environment = IncidentEnvironment()
    task = TASKS[seed % 3]
    seen = [environment.reset(task, seed)]
    seen += [environment.step(Action.model_validate(action)) for action in PLAN]
    return [observation.model_dump(mode="json") for observation in seen]


def test_sixteen_parallel_sessions_equal_their_solo_runs():
    """Whatever the threads do."""
    with TestClient(create_app()) as client:

        def play(seed: int) -> list[dict]:
            turn = client.post("/reset", params={"task_id": TASKS[seed % 3], "seed": seed}).json()
            session = {"session_id": turn["session_id"]}
            seen = [turn["observation"]]
            answers = [client.post("/step", params=session, json=action).json() for action in PLAN]
            seen += [answer["observation"] for answer in answers]
            return seen

        with ThreadPoolExecutor(16) as threads:
            together = list(threads.map(play, range(16)))
    assert together == [_alone(seed) for seed in range(16)]
