"""Claims in prose: a sentence with citations, `[3/logs/redis-cache/12]`, claims what it says."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cluster_sim import REMEDIATIONS, Mechanism, Sustained, Trigger

from ..diagnosis import read_statement, text_of
from ..episode import RootCauseStatement
from ..models import MAX_DETAILS_CHARS
from ..wording import affirmed, sentences, services_in

_BRACKETS = re.compile(r"\[([^\[\]]{1,2000})\]")
_ID = re.compile(r"(r[0-9]+(/[0-9]+)?|[0-9]+/[a-z]+(/.*)?)", re.DOTALL)
_COMMA = re.compile(r",(?![^{}]*\})")
"""Between ids, not within the labels of a metric."""
_MARK = re.compile("\u00a7([0-9]+)\u00a7")
_AFTER_THE_END = re.compile("([.!?;]+)(\\s*(?:\u00a7[0-9]+\u00a7[ \t]*)+)")
"""Citations behind the full stop belong to the sentence before it."""

_ROOT = re.compile(r"\broot[ _-]?cause\b|\bculprit\b|\bto blame\b|\bat fault\b|\borigin\b", re.IGNORECASE)
_SUFFER = re.compile(
    r"\b(suffer\w*|affect\w*|impact\w*|degrad\w*|slow\w*|fail\w*|timed out|time[- ]?outs?|errors?|unavailable|5xx"
    r"|refus\w*|reject\w*|crash\w*|broke\w*|ill|down|hurt\w*)\b",
    re.IGNORECASE,
)
_REPAIR = re.compile(
    r"\b(repair\w*|fix(ed|es)?|resolv\w*|mitigat\w*|restor\w*|recover\w*|appl(y|ied)|ended|cured?|solved)\b",
    re.IGNORECASE,
)
_BEGAN = re.compile(r"\b(beg[aiu]n\w*|start(s|ed)?|since|onset)\b", re.IGNORECASE)
_TIME = re.compile(r"(?<![\d:])([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?(?![\d:])")
_TRIGGER = re.compile(r"\btrigger\w*|\bset (it|this|everything) off\b", re.IGNORECASE)
_SUSTAIN = re.compile(r"\bsustain\w*|\bkept (it )?(going|alive)|\bkeeps it\b|\bpersist\w*", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a cited sentence claims; the fields are those of a claim."""

    kind: str
    what: tuple[str, ...] = ()
    at: int | None = None
    cites: tuple[str, ...] = ()


def cited_sentences(details: str | dict[str, Any] | None, epoch_s: int, most: int) -> tuple[list[Said | None], int]:
    """Of each sentence with citations, in order, the claim that it makes; None where it makes none that is known.

    Args:
        most: how many are read.

    Returns:
        The claims, and how many more such sentences there are.
    """
    text, groups = _marked(_prose_of(details))
    whole = read_statement(_MARK.sub("", text))
    found: list[Said | None] = []
    told = [sentence for sentence in sentences(text) if _MARK.search(sentence)]
    for sentence in told[:most]:
        marks = [int(number) for number in _MARK.findall(sentence)]
        cites = tuple(dict.fromkeys(cite for mark in marks if mark < len(groups) for cite in groups[mark]))
        found.append(_claimed(_MARK.sub("", sentence), whole, cites, epoch_s))
    return found, len(told[most:])


def root_causes(details: str | dict[str, Any] | None, most: int) -> list[RootCauseStatement | None]:
    """The root causes that a text asserts, as a whole and in the first sentences that say that they speak of one."""
    text = _MARK.sub("", _marked(_prose_of(details))[0])
    told = [sentence for sentence in sentences(text) if _ROOT.search(sentence)]
    return [read_statement(text), *map(read_statement, told[:most])]


def _prose_of(details: str | dict[str, Any] | None) -> str:
    return text_of(details)[:MAX_DETAILS_CHARS]


def _marked(text: str) -> tuple[str, list[list[str]]]:
    """The text with a mark in the place of each group of citations, and the groups."""
    groups: list[list[str]] = []

    def mark(brackets: re.Match[str]) -> str:
        parts = [part.strip() for part in _COMMA.split(brackets[1])]
        if not any(_ID.fullmatch(part) for part in parts):
            return brackets[0]
        groups.append(parts)
        return f" \u00a7{len(groups) - 1}\u00a7"

    marked = _BRACKETS.sub(mark, text.replace("\u00a7", " "))
    return _AFTER_THE_END.sub(lambda match: f"{match[2].rstrip()}{match[1]} ", marked), groups


def _claimed(sentence: str, whole: RootCauseStatement | None, cites: tuple[str, ...], epoch_s: int) -> Said | None:
    told = affirmed(sentence)
    readers: tuple[Callable[[], Said | None], ...] = (
        lambda: _named(told, "trigger", _TRIGGER, Trigger, cites),
        lambda: _named(told, "sustained_by", _SUSTAIN, Sustained, cites),
        lambda: _root_cause(sentence, whole, cites),
        lambda: _repaired_by(told, cites),
        lambda: _began(told, cites, epoch_s),
        lambda: _affected(told, cites),
    )
    return next((said for reader in readers if (said := reader()) is not None), None)


def _root_cause(sentence: str, whole: RootCauseStatement | None, cites: tuple[str, ...]) -> Said | None:
    stated = read_statement(sentence)
    if stated is None:
        return None
    mechanism = stated.mechanism or (whole.mechanism if whole is not None else None)
    if mechanism == Mechanism.NO_INCIDENT:
        return Said(kind="root_cause", what=("", str(mechanism)), cites=cites)
    if stated.service is None or mechanism is None:
        return None
    return Said(kind="root_cause", what=(stated.service, str(mechanism)), cites=cites)


def _named(
    told: str, kind: str, speaks_of_it: re.Pattern[str], names: type[Trigger] | type[Sustained], cites: tuple[str, ...]
) -> Said | None:
    """A sentence that speaks of the trigger, or of what sustains, and holds one of their names."""
    spoken = speaks_of_it.search(told)
    if spoken is None:
        return None
    plain = re.sub(r"[ _-]+", " ", told.lower())
    found = [str(name) for name in names if re.search(rf"\b{name.replace('_', ' ')}s?\b", plain)]
    return Said(kind=kind, what=(found[0],), cites=cites) if len(found) == 1 else None


def _repaired_by(told: str, cites: tuple[str, ...]) -> Said | None:
    fixes = [fix for fix in REMEDIATIONS if re.search(rf"(?<![\w-]){re.escape(fix)}(?![\w-])", told)]
    if len(fixes) != 1 or not _REPAIR.search(told.replace(fixes[0], " ")):
        return None
    return Said(kind="repaired_by", what=(fixes[0],), cites=cites)


def _began(told: str, cites: tuple[str, ...], epoch_s: int) -> Said | None:
    times = _TIME.findall(told)
    if len(times) != 1 or not _BEGAN.search(told):
        return None
    hours, minutes, seconds = (int(part or 0) for part in times[0])
    zero = datetime.fromtimestamp(epoch_s, UTC)
    first = zero.replace(hour=hours, minute=minutes, second=seconds)
    nearest = min((first + timedelta(days=days) for days in (-1, 0, 1)), key=lambda when: abs(when - zero))
    return Said(kind="began", at=round((nearest - zero).total_seconds() * 1e9), cites=cites)


def _affected(told: str, cites: tuple[str, ...]) -> Said | None:
    services = services_in(told)
    if len(services) != 1 or not _SUFFER.search(told):
        return None
    return Said(kind="affected", what=(services[0],), cites=cites)
