"""A tool that reads traces."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from cluster_sim import Cluster, nanoseconds, traces

from ..answers import trace, trace_list
from ..queries import LONGEST_LOOK_BACK_S, check_trace
from .tool import Arguments, ServiceName, Tool

MOST_TRACES = 20


class GetTrace(Arguments):
    trace_id: Annotated[str, AfterValidator(check_trace)] | None = Field(
        default=None, max_length=32, description="hexadecimal, as log lines and exemplars have it"
    )
    service: ServiceName | None = Field(default=None, description="without trace_id: list traces through this service")
    errors_only: bool = Field(default=False, description="of these only those in which it failed")
    min_duration_s: float = Field(default=0.0, ge=0, le=600, description="of these only those in which it took longer")
    since_s: float = Field(default=300.0, gt=0, le=LONGEST_LOOK_BACK_S, description="how many seconds to look back")
    limit: int = Field(default=10, ge=1, le=MOST_TRACES, description="traces at most")

    @model_validator(mode="after")
    def _one_of_two(self) -> GetTrace:
        if (self.trace_id is None) == (self.service is None):
            raise ValueError("should have either trace_id or service")
        return self


def get_trace(cluster: Cluster, arguments: GetTrace) -> dict[str, Any]:
    """One trace by its id: its spans with retries, waits for connections and workers, timeouts and errors. Or without
    an id the newest traces through a service, one line each."""
    if arguments.trace_id is not None:
        return trace(cluster, arguments.trace_id)
    assert arguments.service is not None
    return trace_list(
        cluster,
        traces.TraceQuery(
            service=arguments.service,
            tags={"error": "true"} if arguments.errors_only else {},
            start_ns=max(cluster.now - nanoseconds(arguments.since_s), 0),
            min_ns=nanoseconds(arguments.min_duration_s),
            limit=arguments.limit,
        ),
    )


GET_TRACE = Tool(name="get_trace", arguments=GetTrace, answer=get_trace)
