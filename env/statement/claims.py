"""Explicit claims in prose of what the root cause is; lists of guesses are none."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..episode import RootCauseStatement
from ..wording import affirmed, enumerations, mechanisms_in, sentences, services_in

_CLAIM = re.compile(
    r"\broot[ _-]?causes?\b|\bculprit\b|\borigin(s|ates?|ated)?\b|\bcauses? ?[:=]"
    r"|\bcauses? (is|was|lies|lay|turned out)\b|\b(the|real|actual|true|underlying|main|primary) cause\b"
    r"|\bfault (is|was|lies|lay)\b|\b(at fault|to blame)\b",
    re.IGNORECASE,
)
"""A sentence that says what the root cause is says so."""

_WHOLE = re.compile(
    r"(\b(the|this|that|our) ([a-z]+ ){0,2}(incident|outage|cascade|disruption)\b[^,;:]{0,60}?"
    r"|^(this|all of (it|this)) (was |is |has been )?)"
    r"\b(caused by|due to|because of|triggered by|attributed to|resulted from|stem(s|med) from|traced (back )?to"
    r"|(began|begins|started|starts) (in|at|with))\b",
    re.IGNORECASE,
)
"""So does one that says what caused the incident as a whole, where no sentence does the former. What caused a symptom
is no root cause."""

_SEEKING = re.compile(
    r"\b(if|whether|look(ing)? (for|into)|search(ing)?|find(ing)?|determin(e|ing)|identify(ing)?"
    r"|investigat(e|ing)|unknown|unclear)\b[^,;:]{0,60}$",
    re.IGNORECASE,
)
_IS = re.compile(r"\b(is|was|are|were|lies|lay|turned out)\b|[:=]", re.IGNORECASE)
_PREDICATE = re.compile(r"\b(is|was|are|were|be|been|being|as|remains?) ([a-z]+ ){0,4}$", re.IGNORECASE)
_ASIDE = re.compile(r", (which|that|who|whose) [^,;]{0,200}(, |$)", re.IGNORECASE)
_CONSEQUENCE = re.compile(
    r"[,;] (so|which|causing|making|leading|and|then|hence)\b|\bso that\b|\b(result|lead)ing (in|to)\b", re.IGNORECASE
)
_ONE_OF = re.compile(r"\b(one|any|some|all|both|each) of\b|\beither\b", re.IGNORECASE)
_MECHANISM_LINE = re.compile(r"\bmechanism\b ?(:|=|is|was)", re.IGNORECASE)


def from_prose(text: str) -> RootCauseStatement | None:
    """What a text claims to be the root cause, or None if it claims nothing."""
    said = [told for told in map(affirmed, sentences(text)) if told]
    for phrase in (_CLAIM, _WHOLE):
        claims = [claim for told in said for claim in _claims(told, phrase)]
        spoken = list(dict.fromkeys(sentence for _, _, sentence in claims))
        services = {service for named, _, _ in claims for service in named}
        if not services and mechanisms_in(" ".join(spoken)):
            everywhere = services_in(" ".join(said))
            services = set(everywhere) if len(everywhere) == 1 else set()
        if services:
            ladder = (
                " ".join(core for _, core, _ in claims),
                " ".join(spoken),
                " ".join(told for told in said if _MECHANISM_LINE.search(told)),
                " ".join(said),
            )
            mechanisms = next((found for words in ladder if (found := mechanisms_in(words))), [])
            return RootCauseStatement(
                service=services.pop() if len(services) == 1 else None,
                mechanism=mechanisms[0] if len(mechanisms) == 1 else None,
            )
    return None


def _claims(told: str, phrase: re.Pattern[str]) -> Iterator[tuple[list[str], str, str]]:
    """Of each claim in a sentence: the services that it names, the words that say so, and the sentence."""
    found = list(phrase.finditer(told))
    ends = [0, *(match.end() for match in found)]
    starts = [*(match.start() for match in found[1:]), len(told)]
    for match, begin, end in zip(found, ends, starts, strict=False):
        head, tail = told[begin : match.start()], told[match.end() : end]
        if _SEEKING.search(head[-120:]):
            continue
        if tail.startswith((" of ", " for ", " behind ")):
            copula = _IS.search(tail)
            tail = tail[copula.end() :] if copula else ""
        last = list(enumerations(_ASIDE.sub(" ", head)))[-1:]
        backward = last and (_PREDICATE.search(head[-80:]) or not services_in(tail))
        if backward:
            yield last[0], head, told
        else:
            yield leading(tail), _CONSEQUENCE.split(tail, maxsplit=1)[0], told


def leading(text: str) -> list[str]:
    """The service that a claim is about: the first; more if they are listed together."""
    groups = list(enumerations(text))
    if not groups:
        return []
    return services_in(text) if _ONE_OF.search(text) and len(groups[0]) > 1 else groups[0]
