"""The log of a live run: how it began, and every change made to it with its simulated instant. It replays."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib.metadata import version
from itertools import pairwise

FORMAT = 1
LIBRARIES = ("numpy", "simpy")
"""What the draws and the event loop come from: the same bytes are promised on the same versions only."""


class UnreadableLog(ValueError):
    """A text that is no log of a live run, or one that this version cannot replay."""


class Kind(StrEnum):
    """What an entry of the log did.

    `pace` notes a pause, a resumption or another speed: simulated time does not feel it, and replay passes over it.
    """

    INJECT = "inject"
    FIX = "fix"
    RESTORE = "restore"
    RATE = "rate"
    NOISE = "noise"
    PACE = "pace"


def libraries() -> dict[str, str]:
    """The versions that decide the bytes."""
    return {name: version(name) for name in LIBRARIES}


@dataclass(frozen=True, kw_only=True)
class Header:
    """How a live run began.

    Attributes:
        arrival_rate_hz: user requests per second at the edge.
        noise: level of background trouble.
        epoch_s: Unix time of simulated zero.
    """

    seed: int
    arrival_rate_hz: float
    noise: float
    epoch_s: int


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One change.

    Attributes:
        at: simulated nanoseconds, when it was ordered; a fix comes into effect its own duration later.
        value: the fault, the remediation, the factor or the level; empty where there is nothing to say.
        source: who made it: `operator`, `schedule` or `session`.
    """

    at: int
    kind: Kind
    value: str | float
    source: str


def header_line(header: Header) -> str:
    """The first line of a log."""
    return json.dumps({"format": FORMAT, **asdict(header), "libraries": libraries()})


def entry_line(entry: Entry) -> str:
    """One further line."""
    return json.dumps(asdict(entry))


def read_log(lines: Iterable[str]) -> tuple[Header, list[Entry]]:
    """A log from its lines: the last run in it, for a file goes on where a server before left off.

    Raises:
        UnreadableLog: it is none, its entries are out of order, or it was written by other versions.
    """
    try:
        read = [json.loads(line) for line in lines if line.strip()]
        begins = max((place for place, fields in enumerate(read) if "format" in fields), default=0)
        first, *rest = read[begins:]
        if first.pop("format") != FORMAT:
            raise UnreadableLog("the log has another format")
        written = first.pop("libraries")
        header = Header(**first)
        entries = [Entry(**{**fields, "kind": Kind(fields["kind"])}) for fields in rest]
        in_order = all(a.at <= b.at for a, b in pairwise(entries))
    except UnreadableLog:
        raise
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UnreadableLog("not a log of a live run") from error
    if not in_order:
        raise UnreadableLog("the log's entries are out of order")
    if written != libraries():
        raise UnreadableLog(f"the log was written with {written}, here are {libraries()}")
    return header, entries
