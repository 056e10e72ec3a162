"""The task catalogue: GET /tasks, and OpenEnv's task API over the train, validation and test splits."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from cluster_sim import DIFFICULTIES, SIZE, Split

from ..errors import EnvError
from ..tasks import DESCRIPTION, GENERATED, MAX_STEPS, TITLE
from .about_routes import ENV_NAME
from .openapi import takes
from .reading import validated
from .strict_json import JSONAnswer, parse_object

SPLITS = tuple(Split)

MOST_LISTED = 1_000
"""Tasks in one answer (chosen)."""

router = APIRouter(tags=["Task API"])

Bound = Annotated[int, Field(strict=True)]


class Task(Protocol):
    """What is published of a task: symptoms and rules, never its cause."""

    @property
    def task_id(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def difficulty(self) -> str: ...
    @property
    def max_steps(self) -> int: ...
    @property
    def split(self) -> str: ...


PUBLISHED = ("task_id", "title", "description", "difficulty", "max_steps", "split")


class UnknownTaskGroup(EnvError, LookupError):
    """No environment or split is called so."""

    status = 404
    code = "NOT_FOUND"
    message = "no such environment or split"


class TaskIndexOutOfRange(EnvError, IndexError):
    """The split has fewer tasks."""

    status = 400
    code = "INVALID_TASK_INDEX"
    message = "index: the split has fewer tasks"


class TaskSplit(BaseModel):
    model_config = ConfigDict(extra="forbid")

    split: Annotated[str, Field(max_length=128)]


class TaskIndex(TaskSplit):
    index: Bound


class TaskRange(TaskSplit):
    """A slice: `start` inclusive, `stop` exclusive, either may be absent; `MOST_LISTED` tasks of it at most."""

    start: Bound | None = None
    stop: Bound | None = None


def published(tasks: Iterable[Task]) -> list[dict[str, Any]]:
    return [{name: getattr(task, name) for name in PUBLISHED} for task in tasks]


def generated(split: str) -> dict[str, Any]:
    """What is published of the generated incidents of a split."""
    return {
        "task_id": GENERATED,
        "title": TITLE,
        "description": DESCRIPTION,
        "difficulty": f"{DIFFICULTIES[0]}-{DIFFICULTIES[-1]}",
        "max_steps": MAX_STEPS,
        "split": split,
    }


class SplitTasks:
    """The tasks of a split, in their order: the fixed ones, then a generated one for every index."""

    def __init__(self, request: Request, split: str) -> None:
        if split not in SPLITS:
            raise UnknownTaskGroup
        tasks: Mapping[str, Task] = request.app.state.tasks
        self.split = split
        self.fixed = published(task for task in tasks.values() if task.split == split)

    def __len__(self) -> int:
        return len(self.fixed) + SIZE

    def __getitem__(self, place: int) -> dict[str, Any]:
        if place < len(self.fixed):
            return self.fixed[place]
        return generated(self.split) | {"index": place - len(self.fixed)}


def check_name(env_name: str) -> None:
    if env_name.lower() != ENV_NAME:
        raise UnknownTaskGroup


@router.get("/tasks", response_model=dict[str, list[dict[str, Any]]])
async def every_task(request: Request) -> Response:
    tasks: Mapping[str, Task] = request.app.state.tasks
    offers = [generated(split) | {"indices": SIZE} for split in SPLITS]
    return JSONAnswer({"tasks": [*published(tasks.values()), *offers]})


@router.get("/list_environments", response_model=list[str])
async def list_environments() -> Response:
    return JSONAnswer([ENV_NAME])


@router.get("/{env_name}/splits", response_model=list[dict[str, str]])
async def splits(env_name: str) -> Response:
    check_name(env_name)
    return JSONAnswer([{"name": split, "type": split} for split in SPLITS])


@router.post("/{env_name}/tasks", response_model=dict[str, Any], openapi_extra=takes(TaskSplit))
async def split_tasks(env_name: str, request: Request) -> Response:
    check_name(env_name)
    wanted = validated(TaskSplit, parse_object(await request.body()))
    tasks = SplitTasks(request, wanted.split)
    listed = [*tasks.fixed, generated(wanted.split) | {"indices": SIZE}]
    return JSONAnswer({"tasks": listed, "env_name": ENV_NAME})


@router.post("/{env_name}/num_tasks", response_model=dict[str, int], openapi_extra=takes(TaskSplit))
async def num_tasks(env_name: str, request: Request) -> Response:
    check_name(env_name)
    wanted = validated(TaskSplit, parse_object(await request.body()))
    return JSONAnswer({"num_tasks": len(SplitTasks(request, wanted.split))})


@router.post("/{env_name}/task", response_model=dict[str, Any], openapi_extra=takes(TaskIndex))
async def task(env_name: str, request: Request) -> Response:
    check_name(env_name)
    wanted = validated(TaskIndex, parse_object(await request.body()))
    tasks = SplitTasks(request, wanted.split)
    if not 0 <= wanted.index < len(tasks):
        raise TaskIndexOutOfRange
    return JSONAnswer({"task": tasks[wanted.index]})


@router.post("/{env_name}/task_range", response_model=dict[str, Any], openapi_extra=takes(TaskRange))
async def task_range(env_name: str, request: Request) -> Response:
    check_name(env_name)
    wanted = validated(TaskRange, parse_object(await request.body()))
    tasks = SplitTasks(request, wanted.split)
    places = range(len(tasks))[wanted.start : wanted.stop][:MOST_LISTED]
    return JSONAnswer({"tasks": [tasks[place] for place in places]})
