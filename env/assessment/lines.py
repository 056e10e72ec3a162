"""Lines of logs: when they were written, and what they have in common with others of their kind."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

_STAMPS = (
    (re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d{3})?"), "%Y-%m-%d %H:%M:%S"),
    (re.compile(r"(\d\d [A-Z][a-z]{2} \d{4}) (\d\d:\d\d:\d\d)(\.\d{3})?"), "%d %b %Y %H:%M:%S"),
)
"""As JSON, logfmt, PostgreSQL, the JVM and Kubernetes write the time; and as Redis does."""

_SIGNALLED = re.compile(r"signal-handler \((\d{10})\)")
"""As Redis does where it may not format anything: seconds of Unix time."""

_STAMP_WITHIN = 60
"""Characters within which a line bears its time; only the records of an audit have it at their end."""

_STATUS = re.compile(r"""(status_code"?[:=])(\d)(\d)(\d)""")
_POD = re.compile(r"-[bcdfghjklmnpqrstvwxz2456789]{8,10}-[bcdfghjklmnpqrstvwxz2456789]{5}(?![A-Za-z0-9])")
_WITH_DIGIT = re.compile(r"[A-Za-z]*\d[A-Za-z0-9]*")
_REPEATED = re.compile(r"([A-Za-z]*-?0)(?:, ?\1)+")
_DIGITS = "zyxwvutsrq"


def template(line: str) -> str:
    """A line without what is of this one only: times, ids, numbers, how many there are of them,
    and names of pods. The HTTP status stays."""
    kept = _STATUS.sub(lambda match: match[1] + "".join(_DIGITS[int(digit)] for digit in match.groups()[1:]), line)
    return _REPEATED.sub(r"\1", _WITH_DIGIT.sub("0", _POD.sub("-pod", kept)))


def written_since(line: str, before: Iterable[str], unix_ns: int) -> bool | None:
    """Whether a line was written at or after an instant, as far as it can be told.

    Args:
        before: lines above it, the nearest first: one that bears no time is part of what is above it.
        unix_ns: nanoseconds of Unix time.

    Returns:
        None where neither the line nor one above it bears a time.
    """
    for candidate in (line, *before):
        if signalled := _SIGNALLED.search(candidate):
            return int(signalled[1]) >= unix_ns // 1_000_000_000
        for pattern, form in _STAMPS:
            found = pattern.search(candidate[:_STAMP_WITHIN]) or pattern.search(candidate)
            if found:
                when = datetime.strptime(f"{found[1]} {found[2]}", form).replace(tzinfo=UTC)
                fraction_ms = int(found[3][1:]) if found[3] else 0
                resolution = 1_000_000 if found[3] else 1_000_000_000
                at = int(when.timestamp()) * 1_000_000_000 + fraction_ms * 1_000_000
                return at >= unix_ns // resolution * resolution
    return None
