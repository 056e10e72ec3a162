"""What the tests of evaluations share: rows made up without playing."""

from __future__ import annotations

from typing import Any

from tests.sweep.conftest import instant, sweep

__all__ = ["harmed", "instant", "row", "sweep"]


def row(score: float | None, *, fault: str | None = "leak", seed: int = 0, **other: Any) -> dict[str, Any]:
    """A row as a sweep has it."""
    return {
        "version": "0.1.0+a",
        "noise": 1.0,
        "arrival_rate_hz": 20.0,
        "reward_mode": "table",
        "seed": seed,
        "task": "generated",
        "policy": "spam",
        "split": "test",
        "difficulty": None,
        "difficulty_played": 3,
        "trial": 0,
        "fault": fault,
        "family": "too_many_clients",
        "outcome": "nobody_paged" if score is None else "played",
        "score": score,
        "resolved": bool(score and score >= 0.5),
        "steps": 10,
        "grading": None if score is None else "full",
        "harm_excess": None,
        "bad_minutes": None,
        "bad_minutes_nothing": None,
        "bad_minutes_reference": None,
        "collateral_minutes": None,
    } | other


def harmed(excess: float, minutes: float, collateral: float) -> dict[str, float]:
    """The columns of harm."""
    return {
        "harm_excess": excess,
        "bad_minutes": minutes,
        "bad_minutes_nothing": 12.0,
        "bad_minutes_reference": 2.0,
        "collateral_minutes": collateral,
    }
