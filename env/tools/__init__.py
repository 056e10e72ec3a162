"""What an agent may read besides what its actions bring to light: the tools of MCP, each of which takes time."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ..errors import BadRequest
from .alerts import LIST_ALERTS
from .logs import SEARCH_LOGS
from .metrics import GOLDEN_SIGNALS, QUERY_METRICS, SERVICE_GRAPH
from .runbooks import RUNBOOK
from .tool import READ_LIMIT_S, READ_S, Question, Tool
from .traces import GET_TRACE

TOOLS: Mapping[str, Tool] = MappingProxyType(
    {
        tool.name: tool
        for tool in (SERVICE_GRAPH, GOLDEN_SIGNALS, QUERY_METRICS, SEARCH_LOGS, GET_TRACE, LIST_ALERTS, RUNBOOK)
    }
)


def understood(name: str, arguments: Mapping[str, Any]) -> Question:
    """A call of a tool that can be carried out.

    Raises:
        BadRequest: there is no such tool, or it takes other arguments.
    """
    if name not in TOOLS:
        raise BadRequest("tool: no such tool", ("tool",))
    return TOOLS[name].asked(arguments)


__all__ = ["READ_LIMIT_S", "READ_S", "TOOLS", "Question", "Tool", "understood"]
