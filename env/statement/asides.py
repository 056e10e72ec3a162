"""What prose says beside the root cause: what set the incident off, what keeps it going, its chain, how sure it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from cluster_sim import Sustained, Trigger

from ..episode import Chain, RootCauseStatement
from ..wording import affirmed, mentions, sentences
from .fields import chain_of

TRIGGER_WORDS: dict[Trigger, str] = {
    Trigger.DEPLOY: r"\b(re)?deploy(s|ed|ment|ments)?\b|\b(new|bad|latest) (release|version)\b|\brelease of\b"
    r"|\brollout\b|\bschema migration\b",
    Trigger.CONFIG_CHANGE: r"\bconfig(uration)? (change|push|update)|\bsettings? (change|push)|\bmanifest (change|edit)"
    r"|\bchange of (the |a )?(config\w*|settings?|manifests?)\b",
    Trigger.SCALING: r"\bscal(ing|ed)\b|\bscale[- ](out|up|in|down)\b",
    Trigger.TRAFFIC: r"\btraffic\b|\bflash sale\b|\bload spike\b|\b(surge|burst|spike|rush) of (users|requests|load)\b",
    Trigger.DATA_GROWTH: r"\bdata growth\b|\bgrowth of (the |its )?data\b",
    Trigger.SCHEDULED_JOB: r"\bscheduled job\b|\bcron ?job\b|\bcron\b|\bbatch( job)?\b|\bscript\b|\bexport job\b",
    Trigger.CREDENTIAL_CHANGE: r"\bcredentials? change|\b(key|secret|password|credential|certificate)s? rotation\b"
    r"|\brotation of (the |a )?([a-z]+ )?(key|secret|password|credential)",
    Trigger.INFRASTRUCTURE: r"\binfrastructure\b|\b(node|hardware|network) failure\b|\bfail-?over\b|\beviction\b",
    Trigger.ATTACK: r"\battack(s|ers?)?\b|\bcredential stuffing\b",
    Trigger.THIRD_PARTY: r"\bthird[- ]party\b|\b(payment )?provider\b|\bvendor\b",
    Trigger.NONE: r"^\W*(was |is )?(none|nothing)\b",
}
SUSTAINED_WORDS: dict[Sustained, str] = {
    Sustained.STANDING_STATE: r"\bstanding state\b|\bwrong (setting|limit|version|configuration)\b",
    Sustained.ACCUMULATION: r"\baccumulat\w+|\bpil(e|es|ed|ing)[- ]up\b|\bbuild-?up\b",
    Sustained.FEEDBACK: r"\bfeedback\b|\bretries\b|\bvicious circle\b|\bdeath spiral\b",
    Sustained.ONGOING_EVENT: r"\bongoing event\b|\bstill (running|going on|under way)\b",
    Sustained.NOTHING: r"^\W*(was |is )?nothing\b",
}
"""How people write the ids, beside the ids themselves."""

LONGEST_CLAIM = 300
"""Characters of a claim that are read (chosen: three lines)."""

_SET_OFF = re.compile(
    r"\b(triggered|set off|sparked|kicked off) by\b|\btrigger( was| is|:| =|:? ?=)|\btriggered[ _]by ?[:=]",
    re.IGNORECASE,
)
_KEEPS_GOING = re.compile(
    r"\b(sustained|kept (going|alive|up)|kept it going|maintained|perpetuated) by\b|\bsustained[ _]by ?[:=]"
    r"|\bsustaining (cause|effect|factor)( was| is|:| =)",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(r"\b(which|who|that|so|because|causing|leading|making|then)\b", re.IGNORECASE)
_NUMBER = r"\b([0-9]{1,3}(?:\.[0-9]{1,6})?)"
_SURE = re.compile(
    rf"\bconfidence( is| was|:| =| of|=)? ?{_NUMBER}( ?%)?|{_NUMBER}( ?%) (?:sure|certain|confident)", re.IGNORECASE
)
_ARROW = re.compile(r"[-=]{1,4}>|→")
_TO = "→"

Id = TypeVar("Id", Trigger, Sustained)


def with_asides(statement: RootCauseStatement, text: str) -> RootCauseStatement:
    """A statement with what its text says beside the root cause."""
    said = [told for told in map(affirmed, sentences(text)) if told]
    return replace(
        statement,
        trigger=_named(said, _SET_OFF, TRIGGER_WORDS),
        sustained_by=_named(said, _KEEPS_GOING, SUSTAINED_WORDS),
        chain=_drawn(text),
        confidence=_stated(text),
    )


def _named(said: Sequence[str], phrase: re.Pattern[str], words: Mapping[Id, str]) -> Id | None:
    """The one id that claims of a kind name; None if they name several."""
    found = {id_ for told in said for claim in _after(told, phrase) for id_ in _ids_in(claim, words)}
    return found.pop() if len(found) == 1 else None


def _after(told: str, phrase: re.Pattern[str]) -> Iterator[str]:
    """What follows each phrase of a kind in a sentence, until another claim or clause begins."""
    for match in phrase.finditer(told):
        rest = told[match.end() : match.end() + LONGEST_CLAIM]
        ends = [other.start() for limit in (_SET_OFF, _KEEPS_GOING, _ELSEWHERE) if (other := limit.search(rest))]
        yield rest[: min(ends, default=len(rest))]


def _ids_in(claim: str, words: Mapping[Id, str]) -> Iterator[Id]:
    for id_, written in words.items():
        own = rf"|\b{id_.replace('_', '[ _-]')}\b" if id_ not in (Trigger.NONE, Sustained.NOTHING) else ""
        if re.search(written + own, claim, re.IGNORECASE):
            yield id_


def _stated(text: str) -> float | None:
    """The confidence that a text states, as a share or in per cent; None if it states several or an impossible one."""
    found = set()
    for told in sentences(text):
        for match in _SURE.finditer(told):
            number, percent = float(match[2] or match[4]), match[3] or match[5]
            found.add(number / 100 if percent else number)
    stated = found.pop() if len(found) == 1 else None
    return stated if stated is not None and 0 <= stated <= 1 else None


def _drawn(text: str) -> Chain | None:
    """The paths that a text draws with arrows from one service to the next."""
    paths = []
    for told in map(affirmed, sentences(_ARROW.sub(_TO, text))):
        parts = told.split(_TO)
        if len(parts) < 2:
            continue
        # Before the first service and behind the last there may be other words, and other services in them.
        named = [[mention.service for mention in mentions(part)] for part in parts]
        inner = [services[0] if len(set(services)) == 1 else "" for services in named[1:-1]]
        paths.append([named[0][-1] if named[0] else "", *inner, named[-1][0] if named[-1] else ""])
    return chain_of(paths)
