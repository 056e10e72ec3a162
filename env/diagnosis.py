"""Reading root-cause statements: the fields of JSON, explicit claims in prose, lists of guesses not at all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from cluster_sim import SERVICES, Mechanism

from .episode import RootCauseStatement
from .wording import affirmed, enumerations, mechanisms_in, sentences, services_in

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

ROOT_KEYS = frozenset({"rootcause", "rootcauses", "rootcauseservice"})
MECHANISM_KEYS = frozenset({"mechanism", "mechanisms", "rootcausemechanism"})
DEEPEST, LONGEST_LABEL = 8, 60
"""How far a JSON object is read, and how much of each of its keys (chosen)."""

Pairs = Sequence[tuple[str, Any]]


_NOTHING_WRONG = re.compile(
    r"^(?!.*\b(not|isn'?t|hardly)\b).*\b(no (real |actual )?incident|false alarm|nothing (is|was) (wrong|broken)"
    r"|nothing (is |was )?to (be )?(repair(ed)?|fix(ed)?))\b",
    re.IGNORECASE,
)
"""A sentence that says so."""


def read_statement(details: str | dict[str, Any] | None) -> RootCauseStatement | None:
    """The root-cause statement in the details of an action, or None if there is none."""
    pairs = _pairs_of(details)
    keys = {_folded(key) for key, _ in pairs}
    if keys & ROOT_KEYS:
        return _from_fields(pairs)
    if keys & MECHANISM_KEYS and (stated := _from_fields(pairs)).mechanism == Mechanism.NO_INCIDENT:
        return stated
    return _from_prose(text_of(details)) or _nothing_wrong(text_of(details))


def _nothing_wrong(text: str) -> RootCauseStatement | None:
    """The statement that there is no incident, of a text that states no cause."""
    if any(_NOTHING_WRONG.search(sentence) and not sentence.endswith("?") for sentence in sentences(text)):
        return RootCauseStatement(service=None, mechanism=Mechanism.NO_INCIDENT)
    return None


def text_of(details: str | dict[str, Any] | None) -> str:
    """The prose in the details of an action: all of a text; of a JSON object a line for each string, after its key."""
    pairs = _pairs_of(details)
    if pairs:
        return "\n".join(_lines(_Object(pairs), "", DEEPEST))
    return details if isinstance(details, str) else ""


class _Object(list[tuple[str, Any]]):
    """A JSON object with every pair that it was written with, keys that come twice too."""


def _pairs_of(details: str | dict[str, Any] | None) -> Pairs:
    if isinstance(details, dict):
        return list(details.items())
    if not details or not details.lstrip().startswith("{"):
        return []
    try:
        value = json.loads(details, object_pairs_hook=_Object)
    except (ValueError, RecursionError):
        return []
    return value if isinstance(value, _Object) else []


def _lines(value: Any, label: str, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield f"{label}: {value}" if label else value
    elif depth and isinstance(value, dict | _Object):
        for key, inner in value.items() if isinstance(value, dict) else value:
            within = f"{label}: " if _folded(label) in ROOT_KEYS else ""
            yield from _lines(inner, f"{within}{key[:LONGEST_LABEL]}", depth - 1)
    elif depth and isinstance(value, list):
        for inner in value:
            yield from _lines(inner, label, depth - 1)


def _folded(key: str) -> str:
    return re.sub(r"[^a-z]", "", key[:LONGEST_LABEL].lower())


# ---------------------------------------------------------------- fields


def _from_fields(pairs: Pairs) -> RootCauseStatement:
    roots = [value for key, value in pairs if _folded(key) in ROOT_KEYS]
    named = [value for key, value in pairs if _folded(key) in MECHANISM_KEYS]
    root = _only(roots)
    if isinstance(root, dict | _Object):
        inner = list(root.items()) if isinstance(root, dict) else root
        named += [value for key, value in inner if _folded(key) in MECHANISM_KEYS]
        root = _only([value for key, value in inner if _folded(key) in {"service", "name"} | ROOT_KEYS])
    confidences = [value for key, value in pairs if _folded(key) == "confidence"]
    numbers = [float(n) for n in confidences if isinstance(n, int | float) and not isinstance(n, bool)]
    return RootCauseStatement(
        service=_service(root),
        mechanism=_mechanism(_only(named) if named else root),
        confidence=numbers[0] if numbers else None,
    )


def _only(values: Sequence[Any]) -> Any:
    """The one value that a field was given, alone or in a list; None if it was given several."""
    first = values[0] if values else None
    if any(value != first for value in values):
        return None
    if isinstance(first, list) and not isinstance(first, _Object):
        return first[0] if len(first) == 1 else None
    return first


def _service(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    if value.strip() in SERVICES:
        return value.strip()
    found = [_leading(text) for text in map(affirmed, sentences(value)) if services_in(text)]
    return found[0][0] if found and len(found[0]) == 1 else None


def _mechanism(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    name = re.sub(r"[ -]", "_", value.strip().lower())
    if name in set(Mechanism):
        return Mechanism(name)
    found = mechanisms_in(" ".join(map(affirmed, sentences(value))))
    return found[0] if len(found) == 1 else None


# ---------------------------------------------------------------- prose


def _from_prose(text: str) -> RootCauseStatement | None:
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
            yield _leading(tail), _CONSEQUENCE.split(tail, maxsplit=1)[0], told


def _leading(text: str) -> list[str]:
    """The service that a claim is about: the first; more if they are listed together."""
    groups = list(enumerations(text))
    if not groups:
        return []
    return services_in(text) if _ONE_OF.search(text) and len(groups[0]) > 1 else groups[0]
