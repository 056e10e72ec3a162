"""The wire types: what an agent sends and what it gets back."""

import math
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

DEFAULT_TASK_ID = "task_easy"
DEFAULT_SPLIT = "train"
LAST_INDEX = 999_999
HARDEST = 5
"""The generator's, which this module does not import; a test keeps them equal."""
MAX_SEED = 2**63 - 1
MAX_TARGET_CHARS = 128
MAX_DETAILS_CHARS = 16_384
MAX_DETAILS_DEPTH = 8
MAX_DETAILS_VALUES = 1_000


class ActionType(StrEnum):
    INVESTIGATE = "investigate"
    ESCALATE = "escalate"
    APPLY_FIX = "apply_fix"
    POSTMORTEM = "postmortem"
    NO_OP = "no_op"


def encodable(text: str) -> str:
    """The text, if it can be sent as UTF-8 (a lone surrogate cannot)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("should be text without lone surrogates") from None
    return text


def bounded_json(value: Any) -> Any:
    """The value, if it is finite JSON of at most MAX_DETAILS_DEPTH levels and MAX_DETAILS_VALUES values."""
    values = 0
    level = [value]
    for _ in range(MAX_DETAILS_DEPTH):
        values += len(level)
        if values > MAX_DETAILS_VALUES:
            raise ValueError(f"should hold at most {MAX_DETAILS_VALUES} values")
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return value
    raise ValueError(f"should be nested at most {MAX_DETAILS_DEPTH} deep")


def _children(value: Any) -> list[Any]:
    match value:
        case dict():
            if not all(isinstance(key, str) for key in value):
                raise ValueError("should have text keys")
            return [*value.keys(), *value.values()]
        case list():
            return value
        case str():
            encodable(value)
        case bool() | None:
            pass
        case int():
            if abs(value) > MAX_SEED:
                raise ValueError("should hold whole numbers of at most 64 bits")
        case float():
            if not math.isfinite(value):
                raise ValueError("should hold finite numbers only")
        case _:
            raise ValueError("should hold JSON values only")
    return []


def without_nan(value: Any) -> Any:
    """The value with null for every number that JSON cannot say."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: without_nan(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(child) for child in value]
    return value


Measured = Annotated[dict[str, Any], BeforeValidator(without_nan)]
"""A JSON object whose unmeasured numbers (NaN, infinities) become null."""

Seed = Annotated[int, Field(strict=True, ge=0, le=MAX_SEED)]
Name = Annotated[str, Field(max_length=128)]


class Action(BaseModel):
    """One move of the agent.

    Attributes:
        target: the service investigated, the team paged or the fix applied.
        details: postmortem or escalation text, a root-cause statement, or a query, as text or JSON object.
        metadata: accepted because every OpenEnv action has it; nothing reads it.
    """

    model_config = ConfigDict(extra="forbid")

    action_type: ActionType
    target: str | None = Field(default=None, max_length=MAX_TARGET_CHARS)
    details: str | dict[str, Any] | None = None
    metadata: dict[str, Any] = Field(default_factory=dict, exclude=True)

    @field_validator("target", mode="before")
    @classmethod
    def _target_is_encodable(cls, target: Any) -> Any:
        return encodable(target) if isinstance(target, str) else target

    @field_validator("details", mode="before")
    @classmethod
    def _details_are_bounded(cls, details: Any) -> Any:
        if details is not None and not isinstance(details, str | dict):
            raise ValueError("should be text or a JSON object")
        if isinstance(details, str) and len(details) > MAX_DETAILS_CHARS:
            raise ValueError(f"should have at most {MAX_DETAILS_CHARS} characters")
        return bounded_json(details)

    @field_validator("metadata", mode="before")
    @classmethod
    def _metadata_are_bounded(cls, metadata: Any) -> Any:
        return bounded_json(metadata)


class Observation(BaseModel):
    """What the on-call engineer sees after a step.

    Attributes:
        step: steps taken so far.
        alerts: the pages, one line each.
        logs: log lines by service, of what was investigated.
        metrics: golden signals and detailed metrics by service; null where nothing was measured.
        available_actions: every action that may be taken, `action_type:target`.
        message: what an operator sees happen after the last action.
        reward: of the last action; null after a reset.
    """

    model_config = ConfigDict(extra="forbid")

    step: int = Field(ge=0)
    alerts: list[str]
    logs: dict[str, list[str]]
    metrics: Measured
    available_actions: list[str]
    message: str
    task_id: str
    task_description: str
    done: bool = False
    reward: float | None = Field(default=None, allow_inf_nan=False)
    metadata: Measured = Field(default_factory=dict)


class EpisodeOptions(BaseModel):
    """How an episode is played, beside its task and seed.

    Attributes:
        noise: level of the healthy traffic's own trouble; 0 is none, 1 the default. Of a generated incident it is a
            factor on the level that goes with its difficulty.
        arrival_rate_hz: user requests per second at the edge; a generated incident varies around it.
        split, index, difficulty: which generated incident it is; without an index the seed stands for one, without a
            difficulty it has that of its index.
        reward_mode: the seed's table, the change of the score, or the score at the end.
        grading: by the table of the seed, or in full, with counterfactuals; by default generated incidents are graded
            in full and the fixed tasks by the table.
        read_api: whether the Prometheus, Loki, … read APIs answer for this episode; the result records it.
        attach: `live` to be on call for the live cluster instead; task, seed and the other options say nothing there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    noise: float = Field(default=1.0, ge=0, le=3, allow_inf_nan=False)
    arrival_rate_hz: float = Field(default=20.0, ge=5, le=500, allow_inf_nan=False)
    split: Literal["train", "validation", "test"] | None = None
    index: int | None = Field(default=None, ge=0, le=LAST_INDEX)
    difficulty: int | None = Field(default=None, ge=1, le=HARDEST)
    reward_mode: Literal["table", "shaped", "sparse"] = "table"
    grading: Literal["table", "full"] | None = None
    read_api: bool = False
    attach: Literal["live"] | None = None


class ResetRequest(EpisodeOptions):
    """What /reset takes, in its query or its JSON body.

    Attributes:
        seed: the world to play; the server draws one when there is none.
        session_id: the session to play in again; without one a session is opened.
        episode_id: the client's own name for the episode, shown by /state.
    """

    task_id: Name = DEFAULT_TASK_ID
    seed: Seed | None = None
    session_id: Name | None = None
    episode_id: Annotated[str, Field(max_length=255)] | None = None

    def options(self) -> EpisodeOptions:
        return EpisodeOptions(**{name: getattr(self, name) for name in EpisodeOptions.model_fields})


class StepRequest(BaseModel):
    """OpenEnv's form of a step; the bare action is the seed's.

    Attributes:
        timeout_s, request_id: accepted because OpenEnv's step has them; a step is always carried out.
    """

    model_config = ConfigDict(extra="forbid")

    action: Action
    session_id: Name | None = None
    task_id: Name | None = None
    timeout_s: float | None = Field(default=None, gt=0, strict=True, allow_inf_nan=False)
    request_id: Annotated[str, Field(max_length=255)] | None = None


class Turn(BaseModel):
    """What /reset and /step answer.

    Attributes:
        info: extras of the last step, with the episode's task and seed.
        metadata: the observation's, where OpenEnv's clients look for it.
    """

    observation: Observation
    reward: float | None
    done: bool
    info: dict[str, Any]
    session_id: str
    metadata: dict[str, Any]


class EpisodeState(BaseModel):
    """What /state answers: the truth only when the episode is done."""

    model_config = ConfigDict(extra="allow")

    episode_id: str | None = None
    step_count: int = Field(default=0, ge=0)
    task_id: str | None = None
    seed: int | None = None
    done: bool = False
    score: float | None = None
    breakdown: Any = None
