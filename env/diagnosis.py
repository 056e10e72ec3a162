"""Reading root-cause statements: JSON exactly, prose leniently, lists of guesses not at all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from cluster_sim import SERVICES, Mechanism

from .episode import RootCauseStatement

MECHANISM_WORDS: dict[Mechanism, str] = {
    Mechanism.CONNECTION_LIMIT: r"connection[ _-](limit|slots?|exhaustion)|max_connections"
    r"|too many (clients|connections)"
    r"|out of connections|connections? (are|were|is|was) exhausted",
    Mechanism.CONNECTION_LEAK: r"connection[ _-]leak|leak(s|ed|ing)? connections",
    Mechanism.POOL_MISCONFIGURATION: r"pool[ _-](misconfiguration|is too small|was too small)",
    Mechanism.MEMORY_EXHAUSTION: r"memory[ _-]exhaust\w+|out[ -]of[ -]memory|\boom\b|maxmemory|memory (is|was) full"
    r"|ran out of memory|exhausted (its )?memory",
    Mechanism.MEMORY_LEAK: r"memory[ _-]leak",
    Mechanism.CACHE_STAMPEDE: r"stampede|thundering herd",
    Mechanism.CACHE_MISCONFIGURATION: r"cache[ _-]misconfiguration|wrong cache key",
    Mechanism.SLOW_QUERY: r"slow[ _-]quer(y|ies)|missing index",
    Mechanism.LOCK_CONTENTION: r"lock[ _-](contention|queue)|deadlock",
    Mechanism.CPU_THROTTLING: r"cpu[ _-](throttling|quota)",
    Mechanism.GC_PRESSURE: r"gc[ _-]pressure|garbage collection",
    Mechanism.RETRY_STORM: r"retry[ _-]storm",
    Mechanism.PARTIAL_ROLLOUT: r"partial(ly)?[ _-](rollout|rotation|rotated|deploy\w*|rolled out|push\w*)"
    r"|(rotation|rollout) (was|is|stayed)? ?"
    r"(incomplete|half done|partial|unfinished)|incomplete (rotation|rollout)|(2|two) (of|out of) (the )?(3|three)|2/3",
    Mechanism.BAD_DEPLOY: r"bad[ _-](deploy|release|image)",
    Mechanism.BAD_CONFIG: r"bad[ _-]config\w*|invalid configuration",
    Mechanism.EXPIRED_CREDENTIAL: r"expired[ _-](credential|certificate|password)",
    Mechanism.CLOCK_SKEW: r"clock[ _-](skew|drift)",
    Mechanism.NETWORK_FAULT: r"network[ _-](fault|partition|loss)|packet loss",
    Mechanism.DNS_FAILURE: r"\bdns\b",
    Mechanism.DISK_FULL: r"disk[ _-](is |was )?full",
    Mechanism.DEPENDENCY_FAILURE: r"dependency[ _-]failure|third[ -]party",
    Mechanism.NO_INCIDENT: r"no[ _-]incident|false alarm",
}
"""How people write each mechanism."""

_MECHANISMS = {mechanism: re.compile(words, re.IGNORECASE) for mechanism, words in MECHANISM_WORDS.items()}

SERVICE_WORDS: dict[str, re.Pattern[str]] = {
    name: re.compile(rf"\b{re.escape(name)}\b|\b{short}\b", re.IGNORECASE)
    for name, short in ((name, "postgres(ql)?" if name == "postgres-db" else name.split("-")[0]) for name in SERVICES)
}
"""How people write each service: its name, or the first word of it."""

_ROOT_PHRASE = re.compile(
    r"root[ _-]?cause|\borigin(ates?|ated)?\b|caused by|\bcause (is|was|of|lies)\b|\bbecause of\b"
    r"|\bdue to\b|\bculprit\b",
    re.IGNORECASE,
)
_NEGATION = re.compile(r"\b(not|no|never|rather than|instead of|isn't|wasn't|neither|nor)\b", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+|\n+")


MOST_NAMED = 3
"""A claim about one service may name two that it affects; more is a list of guesses (chosen)."""


def sentences(text: str) -> list[str]:
    """The sentences of a text."""
    return [sentence.strip() for sentence in _SENTENCE_END.split(text) if sentence.strip()]


def services_in(text: str) -> list[str]:
    """The services a text names, in the order in which it first does."""
    found = ((match.start(), name) for name, words in SERVICE_WORDS.items() if (match := words.search(text)))
    return [name for _, name in sorted(found)]


def mechanisms_in(text: str) -> list[Mechanism]:
    """The mechanisms a text names."""
    return [mechanism for mechanism, words in _MECHANISMS.items() if words.search(text)]


def read_statement(details: str | dict[str, Any] | None) -> RootCauseStatement | None:
    """The root-cause statement in the details of an action, or None if there is none."""
    if isinstance(details, dict):
        return _from_fields(details) if "root_cause" in details else None
    if not details:
        return None
    parsed = _as_json(details)
    if parsed is not None:
        return _from_fields(parsed) if "root_cause" in parsed else None
    return _from_prose(details)


def text_of(details: str | dict[str, Any] | None) -> str:
    """The prose in the details of an action: all of a text, the strings of a JSON object."""
    if details is None:
        return ""
    if isinstance(details, str):
        parsed = _as_json(details)
        if parsed is None:
            return details
        details = parsed
    return "\n".join(_strings(details))


def _as_json(text: str) -> dict[str, Any] | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def _from_fields(fields: dict[str, Any]) -> RootCauseStatement:
    service = fields.get("root_cause")
    mechanism = fields.get("mechanism")
    confidence = fields.get("confidence")
    return RootCauseStatement(
        service=service if isinstance(service, str) and service in SERVICES else None,
        mechanism=mechanism if isinstance(mechanism, str) and mechanism in set(Mechanism) else None,
        confidence=float(confidence)
        if isinstance(confidence, int | float) and not isinstance(confidence, bool)
        else None,
    )


def _from_prose(text: str) -> RootCauseStatement | None:
    claims = [s for s in sentences(text) if _ROOT_PHRASE.search(s) and not _NEGATION.search(s)]
    if not claims:
        return None
    services: list[str] = []
    for claim in claims:
        phrase = _ROOT_PHRASE.search(claim)
        assert phrase is not None
        named = services_in(claim[phrase.end() :]) or services_in(claim[: phrase.start()])
        services.extend(named[:1] if len(named) <= MOST_NAMED else named)
    # The mechanism may be named in the sentences that explain the claim.
    mechanisms = mechanisms_in(" ".join(claims)) or mechanisms_in(text)
    return RootCauseStatement(
        service=services[0] if len(set(services)) == 1 else None,
        mechanism=mechanisms[0] if len(mechanisms) == 1 else None,
    )
