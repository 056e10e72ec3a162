"""A tool that reads logs."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from cluster_sim import Cluster, nanoseconds, recent_logs

from ..observation import LINES
from ..queries import LONGEST_GREP, LONGEST_LOOK_BACK_S
from .tool import Arguments, ServiceName, Tool

MOST_LINES = 200
MOST_CHARS = 20_000
"""Of all lines together: a JSON line with a stack trace has a thousand."""


class SearchLogs(Arguments):
    service: ServiceName
    grep: str = Field(
        default="", max_length=LONGEST_GREP, description="text to look for, in either case; | separates alternatives"
    )
    since_s: float = Field(default=300.0, gt=0, le=LONGEST_LOOK_BACK_S, description="how many seconds to look back")
    limit: int = Field(default=LINES, ge=1, le=MOST_LINES, description="lines at most")


def search_logs(cluster: Cluster, arguments: SearchLogs) -> dict[str, Any]:
    """The newest log lines of a service, oldest first, optionally those with a text in them."""
    since = max(cluster.now - nanoseconds(arguments.since_s), 0)
    lines = recent_logs(
        cluster, arguments.service, since_ns=since, limit=arguments.limit + 1, grep=arguments.grep or None
    )
    shown = newest(lines, arguments.limit)
    if len(shown) == len(lines):
        return {"lines": lines}
    return {"lines": shown, "cut": f"the newest {len(shown)} lines are shown; narrow the text or the time"}


def newest(lines: list[str], most: int) -> list[str]:
    """The last lines: so many at most, and no more than the allowed characters."""
    left = MOST_CHARS
    for count, line in enumerate(reversed(lines)):
        left -= len(line)
        if count == most or left < 0:
            return lines[len(lines) - count :]
    return lines


SEARCH_LOGS = Tool(name="search_logs", arguments=SearchLogs, answer=search_logs)
