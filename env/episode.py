"""The history of one episode: what the agent did and what came of it, as the graders read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple

from .models import Action

Chain = frozenset[tuple[str, str]]
"""How trouble spread, as pairs of services: from the one that was ill to the one that it made ill."""


@dataclass(frozen=True, kw_only=True)
class RootCauseStatement:
    """What the agent says is the root cause.

    Attributes:
        service: the one service it names, or None where it names none or several.
        mechanism: the one mechanism it names, likewise.
        confidence: 0 to 1, where stated.
        trigger, sustained_by: what set it off and what keeps it going, where stated.
        chain: how the trouble spread, empty where nothing is stated; None if what is stated is none, or a list of
            guesses.
    """

    service: str | None
    mechanism: str | None
    confidence: float | None = None
    trigger: str | None = None
    sustained_by: str | None = None
    chain: Chain | None = frozenset()


@dataclass(frozen=True, kw_only=True)
class Fix:
    """One remediation that was applied.

    Attributes:
        wrong: it moved no root parameter toward its safe set.
        began, done: nanoseconds, when it was ordered and when it had settled.
        usd_per_hour: by how much the cluster cost more after it than before, in US dollars.
    """

    name: str
    step: int
    wrong: bool
    began: int = 0
    done: int = 0
    usd_per_hour: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Event:
    """One step: the action and the reward paid for it."""

    step: int
    action: Action
    reward: float


@dataclass(frozen=True, kw_only=True)
class Read:
    """One read over MCP, which took time as every read does.

    Attributes:
        after_step: steps taken before it; with its place in the list it says when it happened.
    """

    after_step: int
    tool: str
    arguments: dict[str, Any]


class Told(NamedTuple):
    """An observation or the answer of a read, as it was given out: as JSON in UTF-8.

    Attributes:
        digest: BLAKE2b, in hexadecimal digits.
        whole: the JSON itself, where it is kept.
    """

    digest: str
    whole: str | None


DIGEST_BYTES = 16


def told(json: bytes, *, whole: bool) -> Told:
    """Note what is given out; `whole` keeps it."""
    return Told(blake2b(json, digest_size=DIGEST_BYTES).hexdigest(), json.decode() if whole else None)


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What one observation or one read has shown, for it to be cited.

    Attributes:
        place: the step, `3`, or the read, `r5`.
        at: nanoseconds, when it was shown.
        fixes: how many fixes had been applied by then.
        asked: the details of the investigation, or the name and arguments of the read.
        alerts: the pages, one line each.
        logs: log lines by service.
        details: tickets, detailed metrics and answers to queries by service.
        answer: of a read.
    """

    place: str
    at: int
    fixes: int = 0
    asked: Any = None
    alerts: list[str] = field(default_factory=list)
    logs: dict[str, list[str]] = field(default_factory=dict)
    details: dict[str, dict[str, Any]] = field(default_factory=dict)
    answer: dict[str, Any] | None = None


@dataclass
class EpisodeRecord:
    """One episode so far.

    Attributes:
        investigated: service → the step in which it was looked at first.
        escalated: teams paged, in order, repeats too.
        escalated_at: team → nanoseconds, when it was paged first.
        fixes: remediations applied, in order.
        statement: the first root-cause statement, made in step `stated_at`; later ones replace nothing.
        postmortem: the first postmortem submitted: its text, and the root cause it states.
        repaired_at: the step since which the world is repaired, None while it is not.
        broken: invariants that did not hold after some fix, in the order in which they were broken.
        repaired_once: it was repaired at some time.
        postmortem_details: that postmortem as it was submitted, text or JSON object.
        seen: what every observation and read has shown, in order.
        observations: every observation as it was given out, that of the reset first.
        answers: of the reads, likewise.
    """

    task_id: str
    seed: int
    step: int = 0
    investigated: dict[str, int] = field(default_factory=dict)
    escalated: list[str] = field(default_factory=list)
    escalated_at: dict[str, int] = field(default_factory=dict)
    fixes: list[Fix] = field(default_factory=list)
    statement: RootCauseStatement | None = None
    stated_at: int | None = None
    postmortem: str | None = None
    postmortem_details: str | dict[str, Any] | None = None
    postmortem_statement: RootCauseStatement | None = None
    repaired_at: int | None = None
    broken: list[str] = field(default_factory=list)
    repaired_once: bool = False
    no_ops: int = 0
    events: list[Event] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    seen: list[Sight] = field(default_factory=list)
    observations: list[Told] = field(default_factory=list)
    answers: list[Told] = field(default_factory=list)
