"""What the breakdown of a score says of harm, as columns of a row; what it does not say is null."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def measured(breakdown: Mapping[str, Any]) -> dict[str, Any]:
    """The columns `grading`, `harm_excess`, `bad_minutes…` and `collateral_minutes`."""
    harm = breakdown.get("harm") or {}
    return {
        "grading": breakdown.get("grading"),
        "harm_excess": harm.get("excess"),
        "bad_minutes": harm.get("actual"),
        "bad_minutes_nothing": harm.get("nothing"),
        "bad_minutes_reference": harm.get("reference"),
        "collateral_minutes": _of_wrong_fixes(breakdown.get("collateral")),
    }


def _of_wrong_fixes(collateral: Any) -> float | None:
    """Bad minutes that wrong fixes have cost, as far as it was measured; negative if they happened to spare some."""
    if collateral is None:
        return None
    return round(float(sum(cost["bad_minutes"] or 0.0 for cost in collateral if cost["wrong"])), 6)
