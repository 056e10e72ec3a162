"""Says whether a record is what replaying makes of it, to the byte."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any, Literal

from cluster_sim import WarmUps

from ..errors import EnvError
from ..version import version
from .parsing import Unreadable, named, parsed
from .playing import Replay, replay
from .record import Trajectory, canonical, checksum

Outcome = Literal["verified", "differs", "other_version", "unreadable"]
OUTCOMES: dict[Outcome, str] = {
    "verified": "verified",
    "differs": "differs",
    "other_version": "cannot be judged by this version",
    "unreadable": "cannot be read",
}
"""In words."""
MOST_DIFFERENCES = 50
LONGEST_TEXT = 120
"""Characters of JSON that a difference quotes."""

_GIVEN = {"format", "version", "policy", "checksum"}
"""Fields that do not follow from what was played. Their checksum guards them."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One place in which a record is not what replaying makes of it.

    Attributes:
        place: such as `score` or `breakdown.lines.fix`.
        recorded, recomputed: JSON, cut if it is long; None where there is nothing.
        reason: why it cannot be recomputed.
    """

    place: str
    recorded: str | None
    recomputed: str | None
    reason: str | None = None

    def __str__(self) -> str:
        recorded = "nothing recorded" if self.recorded is None else f"recorded {self.recorded}"
        if self.reason is not None:
            return f"{self.place}: {recorded}, refused: {self.reason}"
        return f"{self.place}: {recorded}, recomputed {self.recomputed or 'nothing'}"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of one record.

    Attributes:
        outcome: `verified`; `differs`, it is forged or damaged; `other_version`, it is whole, but was recorded by other
            code, and this one makes something else of it; `unreadable`, it is no record.
        reason: why it cannot be read or played.
        differences: where it differs, in the order of the fields; the first fifty.
        recorded_by: the version that recorded it; None if it cannot be read.
        record: None likewise.
    """

    outcome: Outcome
    reason: str | None = None
    differences: tuple[Difference, ...] = ()
    recorded_by: str | None = None
    record: Trajectory | None = field(default=None, repr=False)

    @property
    def other_version(self) -> bool:
        """Whether other code than this recorded it."""
        return self.recorded_by not in (None, version())

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        told = {"verdict": self.outcome, "reason": self.reason, "recorded_by": self.recorded_by}
        if self.record is not None:
            told |= {name: getattr(self.record, name) for name in ("episode_id", "task_id", "seed", "policy", "score")}
        return told | {"differences": [asdict(difference) for difference in self.differences]}


def verify_line(line: bytes, warm_ups: WarmUps | None = None) -> Verdict:
    """Play the record on a line again, and compare everything; whatever the line holds, this says what is wrong.

    Args:
        warm_ups: incidents begun before, if any are kept.
    """
    try:
        record, written = parsed(line)
    except Unreadable as error:
        return Verdict(outcome="unreadable", reason=str(error))
    try:
        return _verdict(record, written, warm_ups)
    except MemoryError:
        raise  # it says nothing of the record
    except Exception as error:  # one bad line is a line, not the end of ten thousand
        return Verdict(outcome="unreadable", reason=f"it cannot be played: {type(error).__name__}", record=record)


def verify(record: Trajectory, warm_ups: WarmUps | None = None) -> Verdict:
    """Play a record again, and compare everything."""
    return _verdict(record, record.plain(), warm_ups)


def _verdict(record: Trajectory, written: Mapping[str, Any], warm_ups: WarmUps | None) -> Verdict:
    reason = None
    found: list[Difference] = []
    try:
        found += islice(_differences(replay(record, warm_ups), record, written), MOST_DIFFERENCES)
    except EnvError as refusal:
        reason = str(refusal)
    whole = written["checksum"] == (expected := checksum(written))
    if not whole:
        found.append(Difference(place="checksum", recorded=_text(written["checksum"]), recomputed=_text(expected)))
    outcome: Outcome = "verified"
    if found or reason is not None:
        outcome = "other_version" if whole and record.version != version() else "differs"
    return Verdict(outcome=outcome, reason=reason, differences=tuple(found), recorded_by=record.version, record=record)


def _differences(again: Replay, record: Trajectory, written: Mapping[str, Any]) -> Iterator[Difference]:
    if again.stopped is not None:
        name, index, reason = again.stopped
        refused = _text(written[name][index])
        yield Difference(place=f"{name}[{index}]", recorded=refused, recomputed=None, reason=reason)
    # Options that a later version has added were as they are by default.
    known = {**written, "options": record.options.model_dump()}
    recomputed = again.record.plain()
    if not again.done:
        recomputed |= dict.fromkeys(("score", "breakdown", "truth"))
        if not record.done:
            yield Difference(place="done", recorded="false", recomputed="false", reason="it never came to its end")
    for name in recomputed:
        if name not in _GIVEN:
            yield from _compared(name, known[name], recomputed[name])


def _compared(place: str, recorded: Any, recomputed: Any) -> Iterator[Difference]:
    """Where two JSON values differ. Numbers are the same if their text is: 1 is not 1.0."""
    match recorded, recomputed:
        case dict(), dict():
            for key in dict.fromkeys([*recomputed, *recorded]):
                where = f"{place}.{named(key)}"
                if key not in recorded:
                    yield Difference(place=where, recorded=None, recomputed=_text(recomputed[key]))
                elif key not in recomputed:
                    yield Difference(place=where, recorded=_text(recorded[key]), recomputed=None)
                else:
                    yield from _compared(where, recorded[key], recomputed[key])
        case list(), list():
            for index in range(max(len(recorded), len(recomputed))):
                where = f"{place}[{index}]"
                if index >= len(recorded):
                    yield Difference(place=where, recorded=None, recomputed=_text(recomputed[index]))
                elif index >= len(recomputed):
                    yield Difference(place=where, recorded=_text(recorded[index]), recomputed=None)
                else:
                    yield from _compared(where, recorded[index], recomputed[index])
        case _:
            if canonical(recorded) != canonical(recomputed):
                yield Difference(place=place, recorded=_text(recorded), recomputed=_text(recomputed))


def _text(value: Any) -> str:
    text = canonical(value).decode("ascii")
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}..."
