"""The record of a finished episode: what was played, what was shown, and what it was worth."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from hashlib import blake2b
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from ..episode import DIGEST_BYTES, Read, Told
from ..errors import BadRequest, EpisodeRunning
from ..models import Action, EpisodeOptions, Name, Seed
from ..playing import Environment
from ..tasks import MAX_STEPS
from ..tools import READ_LIMIT_S, READ_S
from ..version import version

FORMAT = "incident-trajectory/1"
"""Its number changes when a field changes its name or meaning."""
MOST_READS = round(READ_LIMIT_S / READ_S)
MOST_CHARS = 255
"""Of the name of a policy: an agent's own may be long (chosen)."""

Policy = Annotated[str, Field(max_length=MOST_CHARS)]
_POLICY: TypeAdapter[str | None] = TypeAdapter(Policy | None)
Digest = Annotated[str, Field(pattern=rf"^[0-9a-f]{{{2 * DIGEST_BYTES}}}$")]


@dataclass(frozen=True, kw_only=True)
class Whole:
    """What was shown, in full; the place in a list is that of its digest."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)

    observations: Annotated[tuple[dict[str, Any], ...], Field(max_length=MAX_STEPS + 1)]
    answers: Annotated[tuple[dict[str, Any], ...], Field(max_length=MOST_READS)]


@dataclass(frozen=True, kw_only=True)
class Trajectory:
    """A finished episode. All but `version`, `policy` and `checksum` follows from what was played.

    Attributes:
        format: the name and number of this format.
        version: of the code and libraries that played it.
        episode_id: the environment's name for the episode.
        task_id, seed, options, actions, reads: what was played; the reads' `after_step` and order say when.
        policy: who played it, as the one who exports it says; any text or none.
        observations: BLAKE2b of every observation's JSON as it was given out, that of the reset first.
        answers: of the answers of the reads, likewise.
        rewards: what each step was paid.
        done: true; what still runs has no record.
        score: within (0, 1).
        breakdown: how the score came about, as `/state` has it.
        truth: what it was all about, likewise.
        whole: the observations and answers themselves, where they were kept.
        checksum: BLAKE2b of all the other fields: whether the line is as it was written.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    format: Name
    version: Name
    episode_id: Name
    task_id: Name
    seed: Seed
    options: EpisodeOptions
    policy: Policy | None
    actions: Annotated[tuple[Action, ...], Field(max_length=MAX_STEPS)]
    reads: Annotated[tuple[Read, ...], Field(max_length=MOST_READS)]
    observations: Annotated[tuple[Digest, ...], Field(max_length=MAX_STEPS + 1)]
    answers: Annotated[tuple[Digest, ...], Field(max_length=MOST_READS)]
    rewards: Annotated[tuple[float, ...], Field(max_length=MAX_STEPS)]
    done: bool
    score: float
    breakdown: dict[str, Any]
    truth: dict[str, Any]
    whole: Whole | None
    checksum: str

    def plain(self) -> dict[str, Any]:
        """The record as plain JSON values, in the order of its fields."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}

    def json(self) -> bytes:
        """The record as a line, with its end: ASCII without blanks, so that the same episode is the same bytes."""
        return canonical(self.plain()) + b"\n"


def export(environment: Environment, *, policy: str | None = None) -> Trajectory:
    """The record of the episode that an environment has finished.

    Args:
        policy: who played it, in a few characters.

    Raises:
        BadRequest: the name is too long, or not text.
        NotReset: there is no episode.
        EpisodeRunning: it is not done.
        NoTrajectory: it is on the live cluster.
    """
    try:
        _POLICY.validate_python(policy)
    except ValidationError:
        raise BadRequest(f"policy: should be text of at most {MOST_CHARS} characters", ("policy",)) from None
    state = environment.state()
    if not environment.done:
        raise EpisodeRunning
    return sealed(record_of(environment, state, policy=policy))


def record_of(environment: Environment, state: Mapping[str, Any], *, policy: str | None) -> Trajectory:
    """The record of an episode as it stands, without its checksum; one that is not done has no score."""
    observations, answers = environment.observations, environment.answers
    return Trajectory(
        format=FORMAT,
        version=version(),
        episode_id=state["episode_id"],
        task_id=state["task_id"],
        seed=state["seed"],
        options=EpisodeOptions(**state["options"]),
        policy=policy,
        actions=tuple(map(Action.model_validate, state["actions"])),
        reads=tuple(Read(**read) for read in state["reads"]),
        observations=tuple(each.digest for each in observations),
        answers=tuple(each.digest for each in answers),
        rewards=tuple(state["rewards"]),
        done=state["done"],
        score=state.get("score", 0.0),
        breakdown=state.get("breakdown", {}),
        truth=state.get("truth", {}),
        whole=_whole(observations, answers),
        checksum="",
    )


def sealed(record: Trajectory) -> Trajectory:
    """The same with its checksum."""
    return replace(record, checksum=checksum(record.plain()))


def checksum(record: Mapping[str, Any]) -> str:
    """Of a record as plain JSON: it shows an accident, and no more, as anybody can compute it."""
    others = {name: value for name, value in record.items() if name != "checksum"}
    return blake2b(canonical(others, sort=True), digest_size=DIGEST_BYTES).hexdigest()


def canonical(value: Any, *, sort: bool = False) -> bytes:
    """A JSON value in its one spelling."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False, sort_keys=sort).encode("ascii")


def _whole(observations: Sequence[Told], answers: Sequence[Told]) -> Whole | None:
    if any(each.whole is None for each in (*observations, *answers)):
        return None
    return Whole(
        observations=tuple(from_json(each.whole or "") for each in observations),
        answers=tuple(from_json(each.whole or "") for each in answers),
    )


def _plain(value: Any) -> Any:
    """As it comes out of the JSON that it goes into."""
    if isinstance(value, Read | Whole):
        value = asdict(value)
    elif isinstance(value, tuple):
        return [_plain(child) for child in value]
    return from_json(to_json(value, inf_nan_mode="null"))
