"""Grading a postmortem: required concepts count only where a true sentence about this episode holds them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from cluster_sim import REMEDIATIONS, TEAMS, Mechanism

from .diagnosis import read_statement, text_of
from .episode import EpisodeRecord
from .models import Action, ActionType
from .wording import affirmed, enumerations, mechanisms_in, mentions, sentences

FEWEST_WORDS, FEWEST_AFTER_LABEL, MOST_WORDS = 4, 3, 70
MOST_LISTED = 4
MOST_MECHANISMS = 3
LEAST_GLUE, LEAST_GLUE_AFTER_LABEL = 0.15, 0.08
LEAST_DISTINCT = 0.55
MOST_OF_ONE_WORD = 0.25
"""What a sentence is, for grading (chosen): so many words; no list of services or mechanisms; at least this share of
it words that hold a sentence together, which lists of keywords have next to none of; and few of its words repeated."""

# fmt: off
_GLUE = frozenset({
    "a", "an", "the", "and", "or", "but", "of", "to", "in", "on", "at", "by", "for", "from", "with", "without",
    "into", "over", "under", "as", "that", "which", "who", "whose", "it", "its", "this", "these", "those", "there",
    "their", "they", "we", "our", "was", "were", "is", "are", "be", "been", "had", "has", "have", "did", "does",
    "do", "could", "can", "would", "will", "not", "no", "so", "because", "since", "when", "while", "until",
    "after", "before", "then", "than", "only", "every", "each", "some", "all", "both", "more", "most", "other",
    "any", "once", "again", "us", "never", "one", "whenever", "out", "up", "if", "still", "where", "between",
})
# fmt: on
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9'_-]*")
_VERB = re.compile(
    r"(?<=\w)\W{1,3}(is|are|was|were|has|have|had|did|does|do|ran|fell|fills?|held|holds?|kept|left|brought|took|grew"
    r"|rose|became|began|lost|hit|[a-z]{3,}ed|refuses?|fails?|signs?|means?|must|needs?|got|saw|made|sent|gave|stood"
    r"|went|came|wrote|could|can|cannot|would|told|stuck|never|meant|ended|answers?|returns?|rejects?|reaches)\b",
    re.IGNORECASE,
)
_MUDDLE = re.compile(
    r"\b(the|a|an) (the|a|an|was|is|it|of|and|to|in|were|are|on|at)\b|\b([a-z]{2,}) \3\b", re.IGNORECASE
)
_LABEL = re.compile(
    r"^(root[ _-]?cause|cause|mechanism|trigger|summary|impact|cascade|evidence|effect|symptoms?|what happened"
    r"|timeline|detection|resolution|fix): ?",
    re.IGNORECASE,
)
_PAUSE = re.compile(r"[,;:()]")
_DONE = re.compile(r"\b(appl(y|ied)|ran|executed|used|escalated|paged|called|notified|informed)\b", re.IGNORECASE)

MARKS: dict[Mechanism, re.Pattern[str]] = {
    mechanism: re.compile(words, re.IGNORECASE)
    for mechanism, words in {
        Mechanism.CONNECTION_LIMIT: r"connection limit|too many clients|max_connections|connection slots?"
        r"|out of connections",
        Mechanism.MEMORY_EXHAUSTION: r"\boom|maxmemory|noeviction|out[ -]of[ -]memory|memory exhaust"
        r"|redis[\w' -]{0,30} memory|memory of redis",
        Mechanism.PARTIAL_ROLLOUT: r"\bjwt|\bsecrets?\b|signing key|key rotation",
    }.items()
}
"""What is written of one cause only."""

CONSEQUENCES = frozenset({Mechanism.CONNECTION_LIMIT})
"""Causes that may also follow from another: to assert one makes the sentence false, not the whole postmortem."""


@dataclass(frozen=True, kw_only=True)
class Concept:
    """Something the postmortem has to explain.

    Attributes:
        pattern: how people write it.
        about: services that a sentence holding it may be about; naming none is as good.
    """

    name: str
    pattern: str
    about: frozenset[str]

    def held_by(self, sentence: str) -> bool:
        """Whether a sentence affirms it of the right service: the one named nearest to it."""
        told = affirmed(sentence)
        named = mentions(told)
        for match in re.finditer(self.pattern, told, re.IGNORECASE):
            nearest = min(named, key=lambda it: _distance(told, match.span(), (it.start, it.end)), default=None)
            if nearest is None or nearest.service in self.about:
                return True
        return False


def _distance(text: str, one: tuple[int, int], other: tuple[int, int]) -> tuple[bool, int]:
    """How far apart two parts of a sentence are: in one clause or not, then by characters."""
    (_, end), (start, _) = sorted((one, other))
    return _PAUSE.search(text, end, max(end, start)) is not None, start - end


def is_sentence(text: str) -> bool:
    """Whether a text is a statement and no list of words."""
    label = _LABEL.match(text)
    rest = text[label.end() :] if label else text
    words = [word.lower() for word in _WORD.findall(rest)]
    if not (FEWEST_AFTER_LABEL if label else FEWEST_WORDS) <= len(words) <= MOST_WORDS:
        return False
    if not label and not _VERB.search(rest):
        return False
    if any(len(group) > MOST_LISTED for group in enumerations(rest)) or len(mechanisms_in(rest)) > MOST_MECHANISMS:
        return False
    glue = sum(word in _GLUE for word in words)
    return glue >= (LEAST_GLUE_AFTER_LABEL if label else LEAST_GLUE) * len(words) and _is_plain(rest, words)


def _is_plain(text: str, words: list[str]) -> bool:
    """Whether its words do not come again and again."""
    times = Counter(words)
    often = max(times.values())
    distinct = len(times) >= LEAST_DISTINCT * len(words)
    return distinct and (often <= 2 or often <= MOST_OF_ONE_WORD * len(words)) and not _MUDDLE.search(text)


def is_true(sentence: str, record: EpisodeRecord) -> bool:
    """Whether what a sentence says was done, was done."""
    if not _DONE.search(sentence):
        return True
    applied = {fix.name for fix in record.fixes}
    claimed_fixes = {name for name in REMEDIATIONS if re.search(rf"\b{name}\b", sentence)}
    claimed_teams = {team for team in TEAMS if re.search(rf"\b{team}\b", sentence)}
    return claimed_fixes <= applied and claimed_teams <= set(record.escalated)


def others_in(sentence: str, mechanism: str | None) -> set[Mechanism]:
    """Causes other than the true one that a sentence asserts."""
    told = affirmed(sentence)
    return {other for other, words in MARKS.items() if mechanism not in (None, other) and words.search(told)}


def states_cause(record: EpisodeRecord, service: str, mechanism: str | None) -> bool:
    """Whether the postmortem says outright what the root cause is, is right, and followed a look at it."""
    written = next((event.step for event in record.events if _is_filed(event.action)), record.step)
    looked = record.investigated.get(service)
    if record.postmortem is None or looked is None or looked > written:
        return False
    read = read_statement(record.postmortem)
    fields = record.postmortem_statement or read
    return all(
        said is not None and said.service == service and (mechanism is None or said.mechanism in (None, mechanism))
        for said in (read, fields)
    )


def _is_filed(action: Action) -> bool:
    return action.action_type is ActionType.POSTMORTEM and bool(text_of(action.details).strip())


def coverage(text: str, concepts: Iterable[Concept], record: EpisodeRecord, mechanism: str | None = None) -> float:
    """Share of the concepts, 0 to 1, that true sentences hold; 0 where another cause is asserted as well."""
    told = sentences(text)
    others = [others_in(sentence, mechanism) for sentence in told]
    if any(found - CONSEQUENCES for found in others):
        return 0.0
    statements = [
        s for s, found in zip(told, others, strict=True) if not found and is_sentence(s) and is_true(s, record)
    ]
    wanted = list(concepts)
    return sum(any(concept.held_by(s) for s in statements) for concept in wanted) / len(wanted)
