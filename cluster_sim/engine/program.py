"""Request programs: what one request to an endpoint does, as a flat list of operations over one row of draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..clock import SECOND
from ..errors import InvalidSpec
from ..specs import (
    USERS,
    Balance,
    CacheRead,
    CacheWrite,
    CallTo,
    ClusterSpec,
    EnsureToken,
    FindKey,
    IfItems,
    MintToken,
    Operation,
    PickItems,
    ServiceSpec,
    Sometimes,
    Step,
    VerifyToken,
    Work,
)

# Operation codes, the frequent ones first. An operation is (code, a, b). Compiled, `a` numbers an edge or a
# service; linked to a cluster, it is the running edge or service itself.
WORK: Final = 0  # a: column of the delay, b: the external system that is waited for (compiled, its name), or 0
CALL: Final = 1  # a: edge, b: where the callee's code starts
ENTER: Final = 2  # a: service, b: column of the background error (if its draw is below the service's threshold) or -1
ENTER_DRAWN: Final = 3  # a: service, b: columns of the balancing draw and of the background error
RETURN: Final = 4  # a: 1 if the caller's items become the callee's
CONNECT: Final = 5  # a: name of the caller's pool
CHANCE: Final = 6  # a: column, b: (threshold, target); jump to the target if the draw is not below the threshold
PICK: Final = 7  # a, b: first column and the one after the last of the keys
IF_ITEMS: Final = 8  # a: target if no item is left
CACHE_READ: Final = 9  # a: service
WORK_ITEMS: Final = 10  # a: column of the delay of one item
CACHE_WRITE: Final = 11  # a: service
VERIFY: Final = 12  # a: service
MINT: Final = 13  # a: service
TOKEN: Final = 14  # a: target if the user's token is alive
LEAD: Final = 15  # become the one who fills the items, where single flight is on
SETTLE: Final = 16  # the fill is over: wake those who wait for it
FOLLOW: Final = 17  # wait for others' fills of the same items
END: Final = 18
FAIL: Final = 19  # an external system has answered with an error; the last operation of every program
FIND_KEY: Final = 20  # a: service

NAMES_SERVICE = frozenset({ENTER, ENTER_DRAWN, CACHE_READ, CACHE_WRITE, VERIFY, MINT, FIND_KEY})

Code = list[tuple[int, Any, Any]]

UNIFORM_BITS: Final = 32
"""Uniform draws are whole numbers below 2**32."""
UNIFORM_RANGE: Final = 1 << 32


@dataclass(frozen=True)
class Delay:
    """A column of lognormal times in nanoseconds."""

    mean_s: float
    sigma: float


@dataclass(frozen=True)
class Exponential:
    """A column of exponential times in nanoseconds."""

    mean_s: float


@dataclass(frozen=True)
class Uniform:
    """A column of uniform whole numbers below 2**32."""


@dataclass(frozen=True)
class Key:
    """A column of keys drawn by Zipf's law: key k of `population` has weight (k + 1) ** -exponent."""

    population: int
    exponent: float


Column = Uniform | Delay | Exponential | Key


@dataclass(frozen=True)
class EdgeSpec:
    """One call between two services, wherever in a request it happens."""

    index: int
    client: str
    server: str
    operation: Operation
    call: CallTo


@dataclass(frozen=True)
class Program:
    """The compiled endpoint: its operations and the columns of its rows. Column 0 draws the user."""

    code: Code
    columns: tuple[Column, ...]

    def linked(self, edges: Sequence[object], services: Sequence[object], externals: Mapping[str, object]) -> Code:
        """The code with the running edges, services and externals of a cluster in the place of numbers and names."""
        return [
            (
                op,
                edges[a] if op == CALL else services[a] if op in NAMES_SERVICE else a,
                externals[b] if op == WORK and b else b,
            )
            for op, a, b in self.code
        ]

    def rows(self, count: int, generator: np.random.Generator) -> npt.NDArray[np.int64]:
        """Draw `count` rows: uniform columns first, then lognormal and exponential times, then keys."""
        layout = self._layout
        rows = np.empty((count, len(self.columns)), dtype=np.int64)
        rows[:, : layout.delays] = generator.integers(0, UNIFORM_RANGE, (count, layout.delays))
        if layout.mu.size:
            times = np.exp(generator.standard_normal((count, layout.mu.size)) * layout.sigma + layout.mu)
            # Whole nanoseconds: the last bits of exp() may differ between processors, the rounded value does not.
            rows[:, layout.delays : layout.exponentials] = np.rint(times * SECOND)
        if layout.mean.size:
            times = generator.standard_exponential((count, layout.mean.size)) * layout.mean
            rows[:, layout.exponentials : layout.keys] = np.rint(times * SECOND)
        if layout.cumulative is not None:
            uniform = generator.random((count, len(self.columns) - layout.keys))
            rows[:, layout.keys :] = np.searchsorted(layout.cumulative, uniform)
        return rows

    @cached_property
    def _layout(self) -> _Layout:
        delays = [column for column in self.columns if isinstance(column, Delay)]
        exponentials = [column for column in self.columns if isinstance(column, Exponential)]
        keys = [column for column in self.columns if isinstance(column, Key)]
        first_key = len(self.columns) - len(keys)
        first_exponential = first_key - len(exponentials)
        return _Layout(
            delays=first_exponential - len(delays),
            exponentials=first_exponential,
            keys=first_key,
            mu=np.array([np.log(delay.mean_s) - delay.sigma**2 / 2 for delay in delays]),
            sigma=np.array([delay.sigma for delay in delays]),
            mean=np.array([delay.mean_s for delay in exponentials]),
            cumulative=zipf_cumulative(keys[0]) if keys else None,
        )


@dataclass(frozen=True)
class _Layout:
    """Where the kinds of columns begin, and the parameters of their distributions."""

    delays: int
    exponentials: int
    keys: int
    mu: npt.NDArray[np.float64]
    sigma: npt.NDArray[np.float64]
    mean: npt.NDArray[np.float64]
    cumulative: npt.NDArray[np.float64] | None


_ZIPF: dict[Key, npt.NDArray[np.float64]] = {}


def zipf_cumulative(key: Key) -> npt.NDArray[np.float64]:
    """The cumulative distribution of the keys."""
    cumulative = _ZIPF.get(key)
    if cumulative is None:
        weights = np.arange(1, key.population + 1) ** -key.exponent
        cumulative = np.cumsum(weights) / weights.sum()
        cumulative[-1] = 1.0
        _ZIPF[key] = cumulative
    return cumulative


def key_rates(spec: ClusterSpec, programs: Sequence[Program]) -> list[float]:
    """Expected lookups per second of each cache key, healthy."""
    total = sum(endpoint.share for endpoint in spec.endpoints)
    keys = [
        (endpoint, column)
        for endpoint, program in zip(spec.endpoints, programs, strict=True)
        for column in program.columns
        if isinstance(column, Key)
    ]
    rates = np.zeros(max((column.population for _, column in keys), default=0))
    for endpoint, column in keys:
        per_second = spec.arrival_rate_hz * endpoint.share / total
        rates[: column.population] += per_second * np.diff(zipf_cumulative(column), prepend=0.0)
    return rates.tolist()


class Compiler:
    """Compiles the endpoints of a cluster, numbering its calls (edges) on the way."""

    def __init__(self, spec: ClusterSpec) -> None:
        self.spec = spec
        self.service_index = {service.name: i for i, service in enumerate(spec.services)}
        self.edges: list[EdgeSpec] = []
        self._edge_index: dict[tuple[str, str, str], int] = {}
        for client, call in spec.calls():
            self._edge(client, call)
        self.programs = [self._program(endpoint.steps) for endpoint in spec.endpoints]

    def _edge(self, client: str, call: CallTo) -> int:
        key = (client, call.service, call.operation)
        if key not in self._edge_index:
            self._edge_index[key] = len(self.edges)
            operation = self.spec.service(call.service).operation(call.operation)
            self.edges.append(EdgeSpec(len(self.edges), client, call.service, operation, call))
        return self._edge_index[key]

    def _program(self, steps: tuple[Step, ...]) -> Program:
        return _ProgramWriter(self, steps).program

    def edge_of(self, client: str, call: CallTo) -> int:
        """The number of a call."""
        return self._edge_index[(client, call.service, call.operation)]


class _ProgramWriter:
    """Writes one program: the users' own steps first, then the body of every call, each with its own columns."""

    def __init__(self, compiler: Compiler, steps: tuple[Step, ...]) -> None:
        self.compiler = compiler
        self.code: Code = []
        self.columns: list[Column] = [Uniform()]
        self.bodies: list[tuple[int, CallTo]] = []
        self.steps(USERS, steps)
        self.code.append((END, 0, 0))
        while self.bodies:
            at, call = self.bodies.pop(0)
            code, edge, _ = self.code[at]
            self.code[at] = (code, edge, len(self.code))
            self.body(call)
        self.code.append((FAIL, 0, 0))
        self.program = self._sorted()

    def _sorted(self) -> Program:
        """The program with its columns ordered by kind, so that each kind is drawn in one block."""
        kinds = (Uniform, Delay, Exponential, Key)
        order = sorted(range(len(self.columns)), key=lambda i: kinds.index(type(self.columns[i])))
        place = {old: new for new, old in enumerate(order)}
        code: Code = []
        for op, a, b in self.code:
            if op in (WORK, WORK_ITEMS, CHANCE):
                code.append((op, place[a], b))
            elif op == ENTER:
                code.append((op, a, place.get(b, -1)))
            elif op == ENTER_DRAWN:
                code.append((op, a, tuple(place.get(column, -1) for column in b)))
            elif op == PICK:
                code.append((op, place[a], place[a] + b - a))
            else:
                code.append((op, a, b))
        columns = tuple(self.columns[i] for i in order)
        if len({column for column in columns if isinstance(column, Key)}) > 1:
            raise InvalidSpec("one endpoint may draw keys from one population only")
        return Program(code, columns)

    def column(self, column: Column) -> int:
        self.columns.append(column)
        return len(self.columns) - 1

    def emit(self, code: int, a: int = 0, b: object = 0) -> int:
        self.code.append((code, a, b))
        return len(self.code) - 1

    def patch(self, at: int, target: int) -> None:
        code, a, b = self.code[at]
        self.code[at] = (code, a, (b, target)) if code == CHANCE else (code, target, b)

    def body(self, call: CallTo) -> None:
        service = self.compiler.spec.service(call.service)
        operation = service.operation(call.operation)
        index = self.compiler.service_index[service.name]
        if call.pool is not None:
            self.emit(CONNECT, 0, call.pool)
        drawn = service.balance is not Balance.ROUND_ROBIN
        balance = self.column(Uniform()) if drawn else -1
        error = self.column(Uniform()) if operation.may_fail else -1
        if drawn:
            self.emit(ENTER_DRAWN, index, (balance, error))
        else:
            self.emit(ENTER, index, error)
        self.steps(service.name, operation.steps, service)
        self.emit(RETURN, int(call.answers_items))

    def steps(self, client: str, steps: tuple[Step, ...], service: ServiceSpec | None = None) -> None:
        for step in steps:
            self.step(client, step, service)

    def step(self, client: str, step: Step, service: ServiceSpec | None) -> None:
        here = self.compiler.service_index[client] if service is not None else -1
        match step:
            case Work():
                exponential = step.law == "exponential"
                times = Exponential(step.mean_s) if exponential else Delay(step.mean_s, step.sigma)
                self.emit(WORK_ITEMS if step.per_item else WORK, self.column(times), step.external or 0)
            case CallTo():
                self.bodies.append((self.emit(CALL, self.compiler.edge_of(client, step)), step))
            case PickItems():
                columns = [self.column(Key(step.population, step.exponent)) for _ in range(step.count)]
                self.emit(PICK, columns[0], columns[-1] + 1)
            case IfItems():
                skip = self.emit(IF_ITEMS)
                self.emit(LEAD)
                empty = self.emit(IF_ITEMS)
                self.steps(client, step.steps, service)
                self.emit(SETTLE)
                self.patch(empty, len(self.code))
                self.emit(FOLLOW)
                self.patch(skip, len(self.code))
            case Sometimes():
                skip = self.emit(CHANCE, self.column(Uniform()), round(step.probability * UNIFORM_RANGE))
                self.steps(client, step.steps, service)
                self.patch(skip, len(self.code))
            case CacheRead():
                self.emit(CACHE_READ, here)
            case CacheWrite():
                self.emit(CACHE_WRITE, here)
            case MintToken():
                self.emit(MINT, here)
            case VerifyToken():
                self.emit(VERIFY, here)
            case FindKey():
                self.emit(FIND_KEY, here)
            case EnsureToken():
                skip = self.emit(TOKEN)
                self.step(client, step.login, service)
                self.patch(skip, len(self.code))
