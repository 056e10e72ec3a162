"""The report of an evaluation: every policy's figures, over all incidents and over each kind of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .figures import PASS_SCORE, Figures, Row, figures, incident_of
from .statistics import CONFIDENCE, RESAMPLES

FORMAT = 1
"""Of the JSON; grows whenever a key comes to mean something else."""

DIGITS = 6


class SameTwice(ValueError):
    """An episode is in the rows twice."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What one policy has come to.

    Attributes:
        by_set: by confusable set.
        by_difficulty: of generated incidents.
        nobody_paged: worlds that were no incident, which are in no figure.
        without_score: episodes that could not even begin, likewise.
    """

    policy: str
    overall: Figures
    by_task: Mapping[str, Figures]
    by_set: Mapping[str, Figures]
    by_difficulty: Mapping[int, Figures]
    nobody_paged: int
    without_score: int


@dataclass(frozen=True, kw_only=True)
class Report:
    """An evaluation.

    Attributes:
        versions: of the code that played it; figures of several cannot be compared.
        gradings: `table`, `full`.
        policies: in the order in which they were played; those without any episode to score are left out.
    """

    versions: tuple[str, ...]
    tasks: tuple[str, ...]
    splits: tuple[str, ...]
    gradings: tuple[str, ...]
    episodes: int
    incidents: int
    faults: int
    policies: tuple[Standing, ...]

    def json(self) -> dict[str, Any]:
        """The report as JSON, with keys that stay."""
        return {
            "format": FORMAT,
            "versions": list(self.versions),
            "confidence": CONFIDENCE,
            "resamples": RESAMPLES,
            "clustered_by": "fault",
            "pass_score": PASS_SCORE,
            "tasks": list(self.tasks),
            "splits": list(self.splits),
            "gradings": list(self.gradings),
            "episodes": self.episodes,
            "incidents": self.incidents,
            "faults": self.faults,
            "policies": [_standing(standing) for standing in self.policies],
        }


def report(rows: Iterable[Row]) -> Report:
    """The report of what was played.

    Raises:
        SameTwice: an episode is there twice.
    """
    played = list(rows)
    again, times = max(Counter(map(_episode_of, played)).items(), key=lambda it: it[1], default=(None, 0))
    if again is not None and times > 1:
        raise SameTwice(f"{again[0]} plays the same episode twice, trial {again[1]} of seed {again[-1]}")
    scored = [row for row in played if row["score"] is not None]
    return Report(
        versions=_distinct(row["version"] for row in played),
        tasks=_distinct(row["task"] for row in played),
        splits=_distinct(row["split"] for row in scored),
        gradings=_distinct(row["grading"] for row in scored),
        episodes=len(scored),
        incidents=len({incident_of(row) for row in scored}),
        faults=len({row["fault"] for row in scored}),
        policies=tuple(
            _of(policy, [row for row in played if row["policy"] == policy])
            for policy in _distinct(row["policy"] for row in scored)
        ),
    )


def _of(policy: str, rows: list[Row]) -> Standing:
    scored = [row for row in rows if row["score"] is not None]
    return Standing(
        policy=policy,
        overall=figures(scored),
        by_task=_by(lambda row: row["task"], scored),
        by_set=_by(lambda row: row["family"], scored),
        by_difficulty=_by(lambda row: row["difficulty_played"], scored),
        nobody_paged=sum(row["outcome"] == "nobody_paged" for row in rows),
        without_score=sum(row["score"] is None and row["outcome"] != "nobody_paged" for row in rows),
    )


def _by(kind: Callable[[Row], Any], rows: list[Row]) -> dict[Any, Figures]:
    """The figures of every kind, in order; rows of none are left out."""
    kinds = sorted({kind(row) for row in rows if kind(row) is not None})
    return {it: figures([row for row in rows if kind(row) == it]) for it in kinds}


def _episode_of(row: Row) -> tuple[Any, ...]:
    return (row["policy"], row["trial"], row["reward_mode"], *incident_of(row))


def _distinct(values: Iterable[Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value is not None))


def _standing(standing: Standing) -> dict[str, Any]:
    groups: dict[str, Mapping[Any, Figures]] = {
        "by_task": standing.by_task,
        "by_set": standing.by_set,
        "by_difficulty": standing.by_difficulty,
    }
    return {
        "policy": standing.policy,
        "overall": _figures(standing.overall),
        **{name: {str(kind): _figures(it) for kind, it in group.items()} for name, group in groups.items()},
        "nobody_paged": standing.nobody_paged,
        "without_score": standing.without_score,
    }


def _figures(told: Figures) -> dict[str, Any]:
    told_as = asdict(told)
    passes = told_as.pop("passes")
    whole = told_as | {"pass_hat": {str(k): value for k, value in enumerate(passes, 1)}}
    return {name: _rounded(value) for name, value in whole.items()}


def _rounded(value: Any) -> Any:
    """Numbers to six digits behind the point, as scores have."""
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return round(value, DIGITS) if isinstance(value, float) else value
