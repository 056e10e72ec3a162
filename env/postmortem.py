"""Grading a postmortem: required concepts count only where a true sentence about this episode holds them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from cluster_sim import REMEDIATIONS, TEAMS

from .diagnosis import mechanisms_in, sentences, services_in
from .episode import EpisodeRecord

FEWEST_WORDS, MOST_WORDS = 5, 70
MOST_SERVICES = 4
MOST_MECHANISMS = 2
LEAST_GLUE = 0.18
"""What a sentence is, for grading (chosen): so many words; no list of services or mechanisms; and at least this
share of it words that hold a sentence together. Lists of keywords have next to none."""

# fmt: off
_GLUE = frozenset({
    "a", "an", "the", "and", "or", "but", "of", "to", "in", "on", "at", "by", "for", "from", "with", "without",
    "into", "over", "under", "as", "that", "which", "who", "whose", "it", "its", "this", "these", "those", "there",
    "their", "they", "we", "our", "was", "were", "is", "are", "be", "been", "had", "has", "have", "did", "does",
    "do", "could", "can", "would", "will", "not", "no", "so", "because", "since", "when", "while", "until",
    "after", "before", "then", "than", "only", "every", "each", "some", "all", "both", "more", "most", "other",
    "any", "once", "again", "us",
})
# fmt: on
_WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")
_VERB = re.compile(
    r"\b(is|are|was|were|has|have|had|did|does|do|ran|fell|fills?|held|holds?|kept|left|brought|took|grew|rose|became"
    r"|began|lost|hit|[a-z]{3,}ed|refuses?|fails?|signs?|means?|must|needs?)\b",
    re.IGNORECASE,
)
_DONE = re.compile(r"\b(appl(y|ied)|ran|executed|used|escalated|paged|called|notified|informed)\b", re.IGNORECASE)


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
        """Whether a sentence says it of the right service."""
        if not re.search(self.pattern, sentence, re.IGNORECASE):
            return False
        named = services_in(sentence)
        return not named or named[0] in self.about


def is_sentence(text: str) -> bool:
    """Whether a text is a statement and no list of words."""
    words = _WORD.findall(text)
    if not FEWEST_WORDS <= len(words) <= MOST_WORDS or not _VERB.search(text):
        return False
    if len(services_in(text)) > MOST_SERVICES or len(mechanisms_in(text)) > MOST_MECHANISMS:
        return False
    return sum(word.lower() in _GLUE for word in words) >= LEAST_GLUE * len(words)


def is_true(sentence: str, record: EpisodeRecord) -> bool:
    """Whether what a sentence says was done, was done."""
    if not _DONE.search(sentence):
        return True
    applied = {fix.name for fix in record.fixes}
    claimed_fixes = {name for name in REMEDIATIONS if re.search(rf"\b{name}\b", sentence)}
    claimed_teams = {team for team in TEAMS if re.search(rf"\b{team}\b", sentence)}
    return claimed_fixes <= applied and claimed_teams <= set(record.escalated)


def coverage(text: str, concepts: Iterable[Concept], record: EpisodeRecord) -> float:
    """Share of the concepts, 0 to 1, that true sentences hold."""
    statements = [s for s in sentences(text) if is_sentence(s) and is_true(s, record)]
    wanted = list(concepts)
    return sum(any(concept.held_by(s) for s in statements) for concept in wanted) / len(wanted)
