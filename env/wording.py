"""How people write services and mechanisms, and what of a sentence is affirmed rather than denied or suspected."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from cluster_sim import SERVICES, Mechanism

_ROLLED = r"(rollout|roll-out|rotation|rotated|deploy\w*|roll(ed|ing)? out|push\w*|update\w*|propagat\w*|distribut\w*)"
_FEW = r"([0-9]|one|two|some|part|most|half)"
_MANY = r"([0-9]|two|three|four|all|its|the|them)"

MECHANISM_WORDS: dict[Mechanism, str] = {
    Mechanism.CONNECTION_LIMIT: r"connection[ _-](limit|slots?|exhaustion)|max_connections"
    r"|too many (clients|connections)|out of connections|connections? (are|were|is|was) exhausted",
    Mechanism.CONNECTION_LEAK: r"connection[ _-]leak|leak(s|ed|ing)? connections",
    Mechanism.POOL_MISCONFIGURATION: r"pool[ _-](misconfiguration|is too small|was too small)",
    Mechanism.MEMORY_EXHAUSTION: r"memory[ _-]exhaust\w+|out[ _-]of[ _-]memory|\boom|maxmemory|exhausted (its )?memory"
    r"|memory (is|was|had been|became|had become|stood)? ?(completely |entirely )?(full|exhausted)|memory[ _-]limit"
    r"|\b(redis|cache) (is|was|had become|became) (completely )?full|(filled|used) (up )?(all )?(of )?its memory",
    Mechanism.MEMORY_LEAK: r"memory[ _-]leak",
    Mechanism.CACHE_STAMPEDE: r"stampede|thundering herd",
    Mechanism.CACHE_MISCONFIGURATION: r"cache[ _-]misconfiguration|wrong cache key",
    Mechanism.SLOW_QUERY: r"slow[ _-]quer(y|ies)|missing index",
    Mechanism.LOCK_CONTENTION: r"lock[ _-](contention|queue)|deadlock",
    Mechanism.CPU_THROTTLING: r"cpu[ _-](throttling|quota)",
    Mechanism.GC_PRESSURE: r"gc[ _-]pressure|garbage collection",
    Mechanism.RETRY_STORM: r"retry[ _-]storm",
    Mechanism.PARTIAL_ROLLOUT: rf"(partial(ly)?|incomplete(ly)?|unfinished)[ _-]([a-z0-9]+[ _-]){{0,4}}?{_ROLLED}"
    r"|(rotation|rollout) ([a-z0-9-]+ ){0,8}?(incomplete|partial|unfinished|halfway)"
    rf"|half[ -](done|finished|complete\w*|rotated|rolled)|\b{_FEW} (out )?of {_MANY}\b|\b[0-9]/[0-9]\b"
    rf"|\bonly (to |on |in )?{_FEW}\b|stopped after (the first )?({_FEW}|first)"
    r"|missed (the|its|this|that) (new |latest )?(update|rotation|rollout|push|secret|key)",
    Mechanism.BAD_DEPLOY: r"bad[ _-](deploy|release|image)",
    Mechanism.BAD_CONFIG: r"bad[ _-]config\w*|invalid configuration",
    Mechanism.EXPIRED_CREDENTIAL: r"expired[ _-](credential|certificate|password)",
    Mechanism.CLOCK_SKEW: r"clock[ _-](skew|drift)",
    Mechanism.NETWORK_FAULT: r"network[ _-](fault|partition|loss)|packet loss",
    Mechanism.DNS_FAILURE: r"\bdns\b",
    Mechanism.DISK_FULL: r"disk[ _-](is |was )?full",
    Mechanism.CREDENTIAL_ATTACK: r"credential[ _-](attack|stuffing)|brute[ -]?forc\w*|password[ -](spray|guess)\w*"
    r"|stolen (passwords|credentials)",
    Mechanism.DEPENDENCY_FAILURE: r"dependency[ _-]failure|third[ -]party",
    Mechanism.NO_INCIDENT: r"no[ _-]incident|false alarm",
}
"""How people write each mechanism."""

_MECHANISMS = {mechanism: re.compile(words, re.IGNORECASE) for mechanism, words in MECHANISM_WORDS.items()}

_SHORT = {
    "postgres-db": r"postgres(ql)?",
    "config-service": r"config(?! (change|value|update|file|map|option|setting|parameter|drift))",
}

_FOREIGN = r"[\w-]{0,40}[^\W\x00-\x7f]"
"""The rest of a word with a letter in it that no name has, however much it looks like one."""

SERVICE_WORDS: dict[str, re.Pattern[str]] = {
    name: re.compile(
        rf"\b({name.replace('-', '[-_ ]')}|{_SHORT.get(name, name.split('-')[0])})(?![a-z0-9_]|{_FOREIGN})",
        re.IGNORECASE,
    )
    for name in SERVICES
}
"""How people write each service: its name, or the first word of it."""

# What is folded before anything is read: invisible characters, quotes, dashes, marks of Markdown, runs of blanks.
_FOLDED = str.maketrans(
    dict.fromkeys("\u2018\u2019\u02bc\u2032", "'")
    | {"\u2010": "-", "\u2013": " - ", "\u2014": " - "}
    | dict.fromkeys('*`#>"\u201c\u201d')
)
_BLANKS = re.compile(r"[^\S\n]+")
_HEADING = re.compile(r"([0-9]+[.)] ?)?(the )?(root[ -]?cause)( analysis| summary)?( ?:)?", re.IGNORECASE)
_BULLET = re.compile(r"^([-+•] |[0-9]+[.)] )+")
_SENTENCE_END = re.compile(r"(?<=[.!?;])(?:\s+|(?=[A-Z]))|\n+")

# "Not only" and "no doubt" affirm; so does lacking memory or not finishing a rollout, each of which is a mechanism.
_EMPHASIS = re.compile(r"\b(not only|no doubt( that)?|not surprisingly)\b", re.IGNORECASE)
_SHORTAGE = re.compile(
    r"\bno (free |more |spare )?memory (was |were )?(left|remaining|available|for|to)\b|\bnot enough memory\b"
    r"|\bno (free|more|spare) memory\b",
    re.IGNORECASE,
)
_ROTATION = re.compile(r"secret|rotation|rollout|\b(jwt|signing|new|old|previous) ([a-z]+ )?key", re.IGNORECASE)
_UNFINISHED = re.compile(
    r"\b(not|never|[a-z]+n'?t) ((yet|fully|been|be|all|actually|successfully|ever) ){0,3}"
    r"(push|roll|receiv|reach|got|get|pick|deliver|distribut|propagat|updat|complete|finish|acknowledg|acked|have|hold"
    r"|load|learn|replicat|arriv|made|make|deploy|switch)\w*"
    r"|\bnot (every|all|each)( one)?( of)?( the| its)?(?= ([a-z-]+ )?(replica|pod|instance))",
    re.IGNORECASE,
)
_BOUNDARY = re.compile(
    r"([,;:()] ?| - |(?<!not)(?<!n't) because "
    r"| (?:(?<!anything )but|and|so|since|while|whereas|which|when|until|as|although|though) )",
    re.IGNORECASE,
)
_NEGATION = re.compile(
    r"\b(not|no|never|cannot|cant|neither|nor|none|nothing|hardly|rather than|instead of|opposed to|other than|except"
    r"|excluding|unlike|anything but|far from|wrong (to|that)|(is|was|are|were|do|does|did|has|have|had|could|would|ca"
    r"|can|should|wo)n'?t|(ruled|rules|rule|ruling) out)\b",
    re.IGNORECASE,
)
_DISMISSED = re.compile(
    r"\b(is|was|are|were|be|been|proved|proven|looked) ([a-z]+ )?(fine|ok|okay|healthy|normal|innocent|unaffected"
    r"|unrelated|irrelevant|false|wrong|untrue|incorrect|ruled out|disproved|refuted|a red herring)\b"
    r"|\b(suspected|suspicions?|thought|assumed|believed|blamed|guessed|hypothesi[sz]ed|seemed|looked like"
    r"|appeared (to be|as)|considered)\b",
    re.IGNORECASE,
)

# fmt: off
_CONJUNCTION = frozenset({
    "and", "or", "also", "maybe", "possibly", "perhaps", "probably", "either", "then", "even", "the", "plus", "with",
    "together", "as", "well", "both",
})
# fmt: on
_ALTERNATIVE = re.compile(r"\bor\b|\bvs\b|\bversus\b|[/|]", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z']+")


@dataclass(frozen=True, order=True)
class Mention:
    """A service named in a text, from one character to another."""

    start: int
    end: int
    service: str


def sentences(text: str) -> list[str]:
    """The sentences of a text, folded; a heading that announces the root cause is part of the first below it."""
    folded = unicodedata.normalize("NFKC", text).translate(_FOLDED)
    folded = "".join(c for c in folded if c == "\n" or unicodedata.category(c) not in {"Cf", "Cc"} or c == "\t")
    heading, lines = "", []
    for line in (_BULLET.sub("", line.strip()) for line in _BLANKS.sub(" ", folded).split("\n")):
        if _HEADING.fullmatch(line):
            heading = "Root cause: "
        elif line:
            lines.append(heading + line)
            heading = ""
    return [s.strip() for s in _SENTENCE_END.split("\n".join(lines)) if s.strip()]


def affirmed(sentence: str) -> str:
    """What a sentence says to be so: without what it asks, denies, dismisses or merely reports as a suspicion."""
    if sentence.endswith("?"):
        return ""
    text = _SHORTAGE.sub("memory exhausted", _EMPHASIS.sub("", sentence))
    if _ROTATION.search(text):
        text = _UNFINISHED.sub("partial-rollout", text)
    return "".join(_affirmed_clause(part) for part in _BOUNDARY.split(text))


def _affirmed_clause(clause: str) -> str:
    if _DISMISSED.search(clause):
        return " "
    denial = _NEGATION.search(clause)
    return clause if denial is None else clause[: denial.start()]


def mentions(text: str) -> list[Mention]:
    """Every mention of a service, in order."""
    return sorted(
        Mention(m.start(), m.end(), name) for name, words in SERVICE_WORDS.items() for m in words.finditer(text)
    )


def services_in(text: str) -> list[str]:
    """The services a text names, in the order in which it first does."""
    return list(dict.fromkeys(mention.service for mention in mentions(text)))


def mechanisms_in(text: str) -> list[Mechanism]:
    """The mechanisms a text names."""
    return [mechanism for mechanism, words in _MECHANISMS.items() if words.search(text)]


def enumerations(text: str) -> Iterator[list[str]]:
    """The services a text names, those that it lists together (commas, "and", "or", slashes) as one group."""
    group: list[str] = []
    last: Mention | None = None
    for mention in mentions(text):
        if last is not None and not _joined(text[last.end : mention.start]):
            yield list(dict.fromkeys(group))
            group = []
        group.append(mention.service)
        last = mention
    if group:
        yield list(dict.fromkeys(group))


def _joined(between: str) -> bool:
    words = [word.lower() for word in _WORD.findall(between)]
    return set(words) <= _CONJUNCTION or (len(words) <= 6 and _ALTERNATIVE.search(between) is not None)
