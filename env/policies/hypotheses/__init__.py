"""The causes that the rule-based agent knows, one module for each topic."""

from . import access, cache, cache_down, calls, calm, crashes, database, load
from .access import PARTLY_ACKED
from .hypothesis import Hypothesis, Topic

HYPOTHESES: tuple[Hypothesis, ...] = (
    *database.HYPOTHESES,
    *cache.HYPOTHESES,
    *cache_down.HYPOTHESES,
    *access.HYPOTHESES,
    *calls.HYPOTHESES,
    *load.HYPOTHESES,
    *crashes.HYPOTHESES,
    *calm.HYPOTHESES,
)

__all__ = ["HYPOTHESES", "PARTLY_ACKED", "Hypothesis", "Topic"]
