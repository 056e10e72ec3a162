"""Reading root-cause statements: the fields of JSON, explicit claims in prose, lists of guesses not at all."""

from __future__ import annotations

import re
from typing import Any

from cluster_sim import Mechanism

from .episode import RootCauseStatement
from .statement.asides import with_asides
from .statement.claims import from_prose
from .statement.fields import MECHANISM_KEYS, from_fields
from .statement.objects import ROOT_KEYS, folded, pairs_of, text_of
from .wording import sentences

__all__ = ["read_statement", "text_of"]

_NOTHING_WRONG = re.compile(
    r"^(?!.*\b(not|isn'?t|hardly)\b).*\b(no (real |actual )?incident|false alarm|nothing (is|was) (wrong|broken)"
    r"|nothing (is |was )?to (be )?(repair(ed)?|fix(ed)?))\b",
    re.IGNORECASE,
)
"""A sentence that says so."""


def read_statement(details: str | dict[str, Any] | None) -> RootCauseStatement | None:
    """The root-cause statement in the details of an action, or None if there is none."""
    pairs = pairs_of(details)
    keys = {folded(key) for key, _ in pairs}
    if keys & ROOT_KEYS:
        return from_fields(pairs)
    if keys & MECHANISM_KEYS and (stated := from_fields(pairs)).mechanism == Mechanism.NO_INCIDENT:
        return stated
    text = text_of(details)
    said = from_prose(text) or _nothing_wrong(text)
    return None if said is None else with_asides(said, text)


def _nothing_wrong(text: str) -> RootCauseStatement | None:
    """The statement that there is no incident, of a text that states no cause."""
    if any(_NOTHING_WRONG.search(sentence) and not sentence.endswith("?") for sentence in sentences(text)):
        return RootCauseStatement(service=None, mechanism=Mechanism.NO_INCIDENT)
    return None
