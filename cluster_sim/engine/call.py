"""One hop of a request: it is put on SimPy's queue again for every piece of work."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from mypy_extensions import mypyc_attr

if TYPE_CHECKING:
    from .edge import Edge
    from .pool import ConnectionPool
    from .program import Code
    from .replica import Replica


NUMBER_BITS: Final = 20
"""A request's number is the 15-second window in which it was sent shifted by these bits, plus its place in it."""

SAMPLED: Final = 1
"""The value of `Flow.sampled` for a request chosen when it was sent."""
KEPT: Final = 2
"""Its value for a request that was not, but whose spans are kept because it ran into trouble."""


@mypyc_attr(serializable=True)
class Flow:
    """One request of a user.

    Attributes:
        number: the request's number in its cluster, the source of its trace id.
        user: who it is.
        endpoint: index of the endpoint.
        counted: whether it is a user's, whose outcome matters.
        sampled: whether its spans and its access log lines are kept: 0, `SAMPLED`, or (spans only) `KEPT`.
        start: nanoseconds, when it was sent.
    """

    __slots__ = ("endpoint", "number", "sampled", "start", "user")

    counted: ClassVar[bool] = True

    number: int
    user: int
    endpoint: int
    sampled: int
    start: int


def flow_of(number: int, user: int, endpoint: int, sampled: int, start: int) -> Flow:
    """A request that is made."""
    flow = Flow()
    flow.number = number
    flow.user = user
    flow.endpoint = endpoint
    flow.sampled = sampled
    flow.start = start
    return flow


FIELDS = ("attempt", "code", "edge", "flow", "items", "parent", "pc", "pool", "replica", "retry", "row", "start")
"""What a call consists of."""


@mypyc_attr(serializable=True)
class Call:
    """A call in progress, or (at the root, served by no replica) the user's side of a request.

    A call whose caller has given up has no parent any more: it goes on to its end as zombie work, holding what
    it holds, and its answer is dropped.

    Attributes:
        flow: the request that all this is done for.
        parent: the call that waits for this one.
        code, pc: the program and the place in it.
        row: this request's draws.
        edge: the declared call that this is an instance of; the root has none.
        replica: where it is served.
        pool: the connection pool whose connection it holds, or waits for.
        start: nanoseconds, when the callee was asked (after any wait for a connection).
        attempt: 0 for the first try.
        retry: the number of the try that its own next call is.
        items: the keys the call is about.
    """

    __slots__ = FIELDS

    flow: Flow
    parent: Call | None
    code: Code
    pc: int
    row: list[int]
    edge: Edge
    replica: Replica | None
    pool: ConnectionPool | None
    start: int
    attempt: int
    retry: int
    items: list[int]
