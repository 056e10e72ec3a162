"""The requests that meet nothing unusual, side by side: a lane each, one operation for all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from .tree import Ask, Chance, IfItems, Mint, Node, Pick, Read, SignIn, Tree, Verify, Work, Write

if TYPE_CHECKING:
    from ..service import Service
    from .stretch import Stretch

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
NEVER = 1 << 62
"""An instant after every other."""

ABSENT = -1
"""In the place of an instant: it does not happen in this lane."""

NONE = np.zeros(0, dtype=np.int64)


def ints(values: list[int]) -> Ints:
    """Whole numbers as an array."""
    return np.array(values, dtype=np.int64)


class Items(NamedTuple):
    """The keys that calls are about, and which of them are still items: a row per key, a column per lane."""

    keys: Ints
    live: Flags


class Moment(NamedTuple):
    """One operation of some lanes.

    Attributes:
        at: nanoseconds.
        ask: number of the call in which it happens; -1 at the users.
        number: of a look-up or a sign-in among those of the program.
        service: the store that is looked up or written.
        node: which operation of the program it is, as a number that only tells it from others.
    """

    lanes: Ints
    at: Ints
    ask: int
    number: int = -1
    items: Items | None = None
    service: Service | None = None
    node: int = 0

    @property
    def what(self) -> tuple[int, int]:
        """The operation, whichever lanes it is about."""
        return self.ask, self.node


class Moments:
    """What the lanes of an endpoint do, by kind."""

    __slots__ = ("checks", "mints", "reads", "sign_ins", "writes")

    def __init__(self) -> None:
        self.reads: list[Moment] = []
        self.writes: list[Moment] = []
        self.mints: list[Moment] = []
        self.sign_ins: list[Moment] = []
        self.checks: list[Moment] = []

    def replace(self, lanes: Flags, other: Moments) -> None:
        """Let some lanes do something else than they did."""
        for kind in self.__slots__:
            mine: list[Moment] = getattr(self, kind)
            others = {moment.what: moment for moment in getattr(other, kind)}
            for place, moment in enumerate(mine):
                keep = ~lanes[moment.lanes]
                parts = [(moment.lanes[keep], moment.at[keep])]
                new = others.pop(moment.what, None)
                if new is not None:
                    parts.append((new.lanes, new.at))
                joined, at = (np.concatenate(part) for part in zip(*parts, strict=True))
                mine[place] = moment._replace(lanes=joined, at=at)
            mine.extend(others.values())


class Batch:
    """The lanes of a stretch.

    Attributes:
        numbers, arrivals, endpoints, users: of the requests.
        usual: which of them are lanes: the others are traced; `lanes`: those of each endpoint.
        columns: their draws, a row per column.
        choices, waits: a row per call: the index of the replica among the ready ones, and the wait for a worker.
        waiting: calls for which somebody waits.
        stale: lanes that are guessed otherwise than they were followed.
        expires: by look-up, when each key expires that is there before the stretch.
        missing: by look-up, which keys the store lacks. signs_in: by sign-in, who has to.
        enter, begin, end: a row per call: when it reached its server, got a worker, was answered.
        start, counted, stop: a row per piece of work: when it began, the time it is counted with, when it ended.
        left: by call, its items at its end.
        done: when the user has the answer.
    """

    def __init__(
        self,
        stretch: Stretch,
        tree: Tree,
        numbers: Ints,
        arrivals: Ints,
        endpoints: Ints,
        columns: Ints,
        users: Ints,
        usual: Flags,
    ) -> None:
        self.stretch = stretch
        self.tree = tree
        self.numbers = numbers
        self.arrivals = arrivals
        self.endpoints = endpoints
        self.usual = usual
        self.lanes = [np.nonzero((endpoints == number) & usual)[0] for number in range(len(tree.endpoints))]
        self.columns = columns
        self.users = users
        calls, lanes = len(tree.asks), len(arrivals)
        self.choices = np.zeros((calls, lanes), dtype=np.int64)
        self.waits = np.zeros((calls, lanes), dtype=np.int64)
        self.waiting: set[int] = set()
        self.missing: list[Flags | None] = [None] * len(tree.stores)
        self.signs_in: list[Flags | None] = [None] * tree.sign_ins
        self.enter = np.empty((calls, lanes), dtype=np.int64)
        self.begin, self.end = np.empty_like(self.enter), np.empty_like(self.enter)
        self.start = np.empty((len(tree.works), lanes), dtype=np.int64)
        self.counted, self.stop = np.empty_like(self.start), np.empty_like(self.start)
        self.stale = usual.copy()
        self._live: dict[int, Flags] = {}
        self._found = [Moments() for _ in tree.endpoints]
        self._moments = Moments()
        self.left: dict[int, Items] = {}
        self.done = np.full_like(arrivals, NEVER)
        self.expires: dict[int, Ints] = {}
        self._chances: dict[int, Flags] = {}
        self.enter.fill(ABSENT)
        self.start.fill(ABSENT)
        for ask in tree.asks:
            if ask.balance >= 0:
                self.choices[ask.number] = columns[ask.balance] * len(ask.service.ready) >> 32

    def __len__(self) -> int:
        return len(self.arrivals)

    def first(self, lanes: Flags) -> int:
        """When the first of some requests arrives."""
        return int(self.arrivals[lanes].min(initial=NEVER))

    def follow(self) -> None:
        """Compute the lanes that are guessed otherwise than they were followed."""
        for endpoint, lanes in enumerate(self.lanes):
            lanes = lanes[self.stale[lanes]]
            if lanes.size:
                self.enter[:, lanes] = ABSENT
                self.start[:, lanes] = ABSENT
                self._moments = Moments()
                self.done[lanes], _ = self._run(self.tree.endpoints[endpoint], lanes, self.arrivals[lanes], -1, None)
                self._found[endpoint].replace(self.stale, self._moments)
        self.stale.fill(False)

    @property
    def reads(self) -> list[Moment]:
        """All look-ups."""
        return [moment for moments in self._found for moment in moments.reads]

    @property
    def writes(self) -> list[Moment]:
        """All writes."""
        return [moment for moments in self._found for moment in moments.writes]

    @property
    def mints(self) -> list[Moment]:
        """All tokens signed."""
        return [moment for moments in self._found for moment in moments.mints]

    @property
    def sign_ins(self) -> list[Moment]:
        """All instants at which it shows who has to sign in."""
        return [moment for moments in self._found for moment in moments.sign_ins]

    @property
    def checks(self) -> list[Moment]:
        """All tokens checked."""
        return [moment for moments in self._found for moment in moments.checks]

    def reads_of(self, store: Service) -> list[Moment]:
        """The look-ups in a store."""
        return [moment for moment in self.reads if moment.service is store]

    def _run(
        self, nodes: list[Node], lanes: Ints, at: Ints, ask: int, items: Items | None
    ) -> tuple[Ints, Items | None]:
        for node in nodes:
            match node:
                case Work():
                    at = self._work(node, lanes, at, ask, items)
                case Ask():
                    at, items = self._ask(node, lanes, at, items)
                case Chance():
                    taken = self._chances.get(node.column)
                    if taken is None:
                        taken = self._chances[node.column] = self.columns[node.column] < node.threshold
                    at, items = self._branch(node.steps, taken, lanes, at, ask, items)
                case SignIn():
                    self._moments.sign_ins.append(Moment(lanes, at, ask, node.number, node=id(node)))
                    needed = self.signs_in[node.number]
                    if needed is not None:
                        at, items = self._branch(node.steps, needed, lanes, at, ask, items)
                case Pick():
                    keys = self.columns[node.first : node.last]
                    items = Items(keys, np.ones(keys.shape, dtype=bool))
                case Read():
                    if items is not None:
                        self._moments.reads.append(Moment(lanes, at, ask, node.number, items, node.service, id(node)))
                        items = self._lacking(node, lanes, items)
                case IfItems():
                    if items is not None:
                        left: Flags = np.any(items.live, axis=0)
                        at, items = self._branch(node.steps, left, lanes, at, ask, items)
                case Write():
                    if items is not None:
                        self._moments.writes.append(Moment(lanes, at, ask, -1, items, node.service, id(node)))
                case Mint():
                    self._moments.mints.append(Moment(lanes, at, ask, node=id(node)))
                case Verify():
                    self._moments.checks.append(Moment(lanes, at, ask, node=id(node)))
        return at, items

    def _branch(
        self, nodes: list[Node], taken: Flags, lanes: Ints, at: Ints, ask: int, items: Items | None
    ) -> tuple[Ints, Items | None]:
        chosen = np.nonzero(taken[lanes])[0]
        if not chosen.size:
            return at, items
        inner, items = self._run(nodes, lanes[chosen], at[chosen], ask, items)
        at = at.copy()
        at[chosen] = inner
        return at, items

    def _ask(self, ask: Ask, lanes: Ints, at: Ints, items: Items | None) -> tuple[Ints, Items | None]:
        number = ask.number
        where = (number, lanes)
        self.enter[where] = at
        if number in self.waiting:
            at = at + self.waits[where]
        self.begin[where] = at
        at, left = self._run(ask.body, lanes, at, number, items)
        self.end[where] = at
        if left is not None:
            self.left[number] = left
        return at, left if ask.answers else items

    def _work(self, work: Work, lanes: Ints, at: Ints, ask: int, items: Items | None) -> Ints:
        delay = self.columns[work.column, lanes]
        if work.per_item:
            delay = delay * (items.live[:, lanes].sum(0) if items is not None else 0)
        self.start[work.number, lanes] = at
        disturbed = self.stretch.disturbed[self.tree.asks[ask].service]
        end: Ints = at + delay
        if disturbed:
            delay = delay.copy()
            choices = self.choices[ask, lanes]
            for index, pace in disturbed:
                chosen = np.nonzero(choices == index)[0]
                if chosen.size:
                    end[chosen], delay[chosen] = pace.works(at[chosen], delay[chosen])
        self.counted[work.number, lanes] = delay
        self.stop[work.number, lanes] = end
        return end

    def _lacking(self, node: Read, lanes: Ints, items: Items) -> Items:
        missing = self.missing[node.number]
        live = self._live.get(node.number)
        if live is None:
            live = self._live[node.number] = np.zeros_like(items.live)
        live[:, lanes] = False if missing is None else items.live[:, lanes] & missing[:, lanes]
        return Items(items.keys, live)
