"""Request programs as trees: the same operations as the flat code, nested as the calls and branches are."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .. import program as op

if TYPE_CHECKING:
    from ..edge import Edge
    from ..program import Code
    from ..service import Service


@dataclass(slots=True, eq=False)
class Work:
    """Work whose time is in a column; of every item, if `per_item`. It is numbered among that of the program."""

    number: int
    column: int
    per_item: bool


@dataclass(slots=True, eq=False)
class Ask:
    """A call.

    Attributes:
        number: its place among the calls of the program, in the order in which a request makes them.
        balance, error: columns of the balancing draw and of the background error, or -1.
        pool: name of the caller's pool it takes a connection from.
        answers: whether the caller's items become the callee's.
    """

    number: int
    edge: Edge
    service: Service
    balance: int
    error: int
    pool: str | None
    answers: bool
    body: list[Node]


@dataclass(slots=True, eq=False)
class Chance:
    """Steps taken if the draw is below the threshold."""

    column: int
    threshold: int
    steps: list[Node]


@dataclass(slots=True, eq=False)
class SignIn:
    """Steps taken if the user's token is not alive."""

    number: int
    steps: list[Node]


@dataclass(slots=True, eq=False)
class IfItems:
    """Steps taken if items are left."""

    steps: list[Node]


@dataclass(slots=True, eq=False)
class Pick:
    """The columns of the request's keys, the first and the one after the last."""

    first: int
    last: int


@dataclass(slots=True, eq=False)
class Read:
    """A look-up in a store; its place among those of the program."""

    number: int
    service: Service


@dataclass(slots=True, eq=False)
class Write:
    """The items are written to a store."""

    service: Service


@dataclass(slots=True, eq=False)
class Mint:
    """A token is signed."""


@dataclass(slots=True, eq=False)
class Verify:
    """The user's token is checked."""


Node = Work | Ask | Chance | SignIn | IfItems | Pick | Read | Write | Mint | Verify


@dataclass(eq=False)
class Tree:
    """The programs of all endpoints, whose draws stand one after another in the rows of one table.

    Attributes:
        endpoints: what a request to each does; `bases`: its first column.
        errors: (service, column) of every background error that a request may meet.
        stores: where each look-up is, by its number.
        asked_by, read_by, signed_by: to which endpoint each call, look-up and sign-in belongs, by its number.
        asks: the calls, by number; `callers`: the number of the call that makes each, -1 for the users.
        answers: the calls in the order in which they are answered.
        works: by number of a piece of work, the call it belongs to.
        uniform: whether every branch leaves the same columns as items, so that they need not be known per request.
    """

    endpoints: list[list[Node]] = field(default_factory=list)
    bases: list[int] = field(default_factory=list)
    errors: list[tuple[Service, int]] = field(default_factory=list)
    asks: list[Ask] = field(default_factory=list)
    callers: list[int] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    works: list[int] = field(default_factory=list)
    stores: list[Service] = field(default_factory=list)
    sign_ins: int = 0
    asked_by: list[int] = field(default_factory=list)
    read_by: list[int] = field(default_factory=list)
    signed_by: list[int] = field(default_factory=list)
    uniform: bool = True
    width: int = 0

    @cached_property
    def asks_of(self) -> dict[Service, npt.NDArray[np.int64]]:
        """Service → the calls to it."""
        found: dict[Service, list[int]] = {}
        for ask in self.asks:
            found.setdefault(ask.service, []).append(ask.number)
        return {service: np.array(numbers, dtype=np.int64) for service, numbers in found.items()}


def grow(codes: list[Code], widths: list[int]) -> Tree:
    """The tree of some linked programs, whose rows have so many columns."""
    tree = Tree()
    base = 0
    for code, width in zip(codes, widths, strict=True):
        tree.bases.append(base)
        tree.endpoints.append(_Reader(code, base, tree).block(0, op.END))
        endpoint = len(tree.endpoints) - 1
        tree.asked_by += [endpoint] * (len(tree.asks) - len(tree.asked_by))
        tree.read_by += [endpoint] * (len(tree.stores) - len(tree.read_by))
        tree.signed_by += [endpoint] * (tree.sign_ins - len(tree.signed_by))
        base += width
    tree.width = base
    return tree


class _Reader:
    """Reads a program from its start; bodies of calls are read where they are called."""

    def __init__(self, code: Code, base: int, tree: Tree) -> None:
        self.code = code
        self.base = base
        self.tree = tree
        self.inside = -1

    def block(self, pc: int, until: int, stop: int = -1) -> list[Node]:
        """The operations from one on, until an operation of a kind or a place."""
        nodes: list[Node] = []
        while pc != stop:
            code, a, b = self.code[pc]
            pc += 1
            if code == until and stop < 0:
                break
            if code in (op.WORK, op.WORK_ITEMS):
                nodes.append(Work(len(self.tree.works), self.base + a, code == op.WORK_ITEMS))
                self.tree.works.append(self.inside)
            elif code == op.CALL:
                nodes.append(self.ask(a, b))
            elif code == op.CHANCE:
                threshold, target = b
                nodes.append(Chance(self.base + a, threshold, self.block(pc, -1, target)))
                pc = target
            elif code == op.TOKEN:
                self.tree.sign_ins += 1
                nodes.append(SignIn(self.tree.sign_ins - 1, self.block(pc, -1, a)))
                pc = a
            elif code == op.IF_ITEMS:
                # Without single flight, LEAD, the second IF_ITEMS, SETTLE and FOLLOW do nothing.
                nodes.append(IfItems(self.block(pc + 2, op.SETTLE)))
                pc = a
            elif code == op.PICK:
                nodes.append(Pick(self.base + a, self.base + b))
                self.tree.uniform &= stop < 0 and until != op.SETTLE
            elif code == op.CACHE_READ:
                nodes.append(Read(len(self.tree.stores), a))
                self.tree.stores.append(a)
            elif code == op.CACHE_WRITE:
                nodes.append(Write(a))
            elif code == op.MINT:
                nodes.append(Mint())
            elif code == op.VERIFY:
                nodes.append(Verify())
            elif code == op.FIND_KEY:
                continue  # in a plain cluster every key is known everywhere
            else:
                raise AssertionError(f"no such operation: {code}")
        return nodes

    def ask(self, edge: Edge, pc: int) -> Ask:
        """A call, with its body."""
        ask = Ask(len(self.tree.asks), edge, None, -1, -1, None, False, [])  # type: ignore[arg-type]  # set below
        self.tree.asks.append(ask)
        self.tree.callers.append(self.inside)
        caller, self.inside = self.inside, ask.number
        code, a, b = self.code[pc]
        if code == op.CONNECT:
            ask.pool = b
            pc += 1
            code, a, b = self.code[pc]
        ask.service = a
        if code == op.ENTER_DRAWN:
            ask.balance, ask.error = self.base + b[0], self._column(b[1])
        else:
            ask.error = self._column(b)
        if ask.error >= 0:
            self.tree.errors.append((a, ask.error))
        pc += 1
        ask.body = self.block(pc, op.RETURN)
        while self.code[pc][0] != op.RETURN:
            pc += 1
        ask.answers = bool(self.code[pc][1])
        self.inside = caller
        self.tree.answers.append(ask.number)
        return ask

    def _column(self, column: int) -> int:
        return column if column < 0 else self.base + column


def ordered(service: Service) -> bool:
    """Whether which replica a call goes to follows from how many calls went before."""
    return not service.drawn and len(service.ready) > 1
