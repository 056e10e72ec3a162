"""The users: open-loop arrivals, whom they are, what they ask for, and the row of draws each request brings."""

from __future__ import annotations

from math import pi, sin
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from simpy.events import Event

from .clock import WINDOW, WINDOW_S
from .engine.call import NUMBER_BITS, Call, Flow, flow_of
from .engine.program import UNIFORM_BITS, Code, Program
from .engine.state import State
from .engine.timer import WindowTimer

if TYPE_CHECKING:
    from .engine.executor import Executor
    from .specs import ClusterSpec

_SPARE_ROWS: Final = 256
_NO_ITEMS: list[int] = []

NEVER: Final = (1 << 62) - 1
"""An instant after every other."""

SAMPLED_EVERY: Final = 8
"""One request in eight keeps its access log lines (chosen: 2.5 traces a second at the default load)."""

_DIURNAL_AMPLITUDE = 0.08
_DIURNAL_PERIOD_S = 3600.0
_BURST_WINDOWS: Final = 3
_BURST_PROBABILITY = 0.12
_BURST_HEIGHT = 0.35
"""Traffic shape (chosen): an hourly swing of ±8 %, and 45-second bursts of up to +35 %, one in two minutes or so."""


_KEPT = (
    "arrived", "codes", "cumulative_shares", "cursor", "endpoints", "executor", "expected", "next_at", "programs",
    "rate_factor", "rate_hz", "spread", "timer", "times", "users", "window",
)  # fmt: skip
"""What of a workload is kept in a snapshot."""


class Draws(NamedTuple):
    """The arrivals of one window, in their order.

    Attributes:
        times: their instants in nanoseconds.
        endpoints: index of the endpoint of each.
        places: per endpoint, which arrivals go there.
        rows: per endpoint, the draws of these, a row each.
    """

    times: npt.NDArray[np.int64]
    endpoints: npt.NDArray[np.int64]
    places: list[npt.NDArray[np.int64]]
    rows: list[npt.NDArray[np.int64]]


class Workload(State):
    """The arrivals of one cluster, drawn window by window.

    The windows are those of simulated time, so what arrives does not depend on how the simulation is stepped,
    nor on anything that happens in the cluster.

    Attributes:
        next_at: instant of the next arrival of this window, or `NEVER`.
        timer: the next window.
        rate_factor: factor on the declared arrival rate from the next window on.
        spread: noise level; 0 gives a plain Poisson process.
    """

    def __init__(
        self, spec: ClusterSpec, programs: list[Program], codes: list[Code], executor: Executor, spread: float
    ) -> None:
        self.rate_hz = spec.arrival_rate_hz
        self.rate_factor = 1.0
        self.spread = spread
        self.users = spec.users
        self.programs = programs
        self.codes = codes
        self.executor = executor
        self.arrived = 0
        shares = np.array([endpoint.share for endpoint in spec.endpoints])
        self.cumulative_shares = np.cumsum(shares) / shares.sum()
        self.window = executor.sim.now // WINDOW - 1
        self.expected = 0.0
        self.timer = WindowTimer(executor.sim, self, self._turn_window)
        self._next_window()

    # ------------------------------------------------------------ draws

    def expected_arrivals(self, window: int) -> float:
        """The mean number of arrivals in a window, as it stands now."""
        streams = self.executor.streams
        phase = 2 * pi * (window * WINDOW_S / _DIURNAL_PERIOD_S + streams.uniform("diurnal"))
        factor = 1.0 + self.spread * _DIURNAL_AMPLITUDE * sin(phase)
        burst = window // _BURST_WINDOWS
        if streams.uniform("burst", burst) < _BURST_PROBABILITY:
            factor *= 1.0 + self.spread * _BURST_HEIGHT * streams.uniform("burst-height", burst)
        return self.rate_hz * self.rate_factor * WINDOW_S * max(factor, 0.0)

    def _next_window(self) -> None:
        self.window += 1
        self.expected = self.expected_arrivals(self.window)
        self.begin(self.draw(self.window, self.expected))
        self._arm()

    def draw(self, window: int, expected: float) -> Draws:
        """The arrivals of a window in which that many are expected."""
        generator = self.executor.streams.window("arrivals", window)
        count = int(generator.poisson(expected))
        times = np.sort(generator.integers(0, WINDOW, count)) + window * WINDOW
        endpoints = np.searchsorted(self.cumulative_shares, generator.random(count), side="right")
        places = [np.nonzero(endpoints == number)[0] for number in range(len(self.programs))]
        drawn = zip(self.programs, places, strict=True)
        return Draws(times, endpoints, places, [program.rows(len(chosen), generator) for program, chosen in drawn])

    def begin(self, draws: Draws) -> None:
        """Begin the present window, with its first arrival."""
        self.cursor = 0
        self._draws: Draws | None = draws
        self.times: list[int] = [*draws.times.tolist(), NEVER]
        self.endpoints: list[int] = draws.endpoints.tolist()
        self.rows: list[list[int]] = []
        self._spare: dict[tuple[int, int], list[list[int]]] = {}
        self.next_at = self.times[0]

    def draws(self) -> Draws:
        """The arrivals of the present window."""
        if self._draws is None:
            self._draws = self.draw(self.window, self.expected)
        return self._draws

    def unpack(self) -> None:
        """Have the rows of the present window at hand, one by one."""
        draws = self.draws()
        self.rows = [[]] * len(draws.times)
        for places, rows in zip(draws.places, draws.rows, strict=True):
            for at, row in zip(places.tolist(), rows.tolist(), strict=True):
                self.rows[at] = row

    def spare_row(self, flow: Flow, *keys: int) -> list[int]:
        """The draws of a retry: those of the request would repeat its fate."""
        window = flow.number >> NUMBER_BITS
        bank = self._spare.get((window, flow.endpoint))
        if bank is None:
            generator = self.executor.streams.window(f"retries/{flow.endpoint}", window)
            bank = self.programs[flow.endpoint].rows(_SPARE_ROWS, generator).tolist()
            self._spare[(window, flow.endpoint)] = bank
        return bank[self.executor.streams.bits("retry", flow.number, *keys) % _SPARE_ROWS]

    # ------------------------------------------------------------ arrivals

    def _arm(self) -> None:
        self.timer.set((self.window + 1) * WINDOW)

    def _turn_window(self, _: Event) -> None:
        self._next_window()

    def next_call(self) -> Call:
        """The request that arrives at `next_at`; afterwards `next_at` is the arrival after it."""
        place = self.cursor
        self.cursor = place + 1
        self.arrived += 1
        if not self.rows:
            self.unpack()
        row = self.rows[place]
        endpoint = self.endpoints[place]
        start = self.times[place]
        call = Call()
        call.flow = flow_of(
            (self.window << NUMBER_BITS) + place,
            row[0] * self.users >> UNIFORM_BITS,
            endpoint,
            place % SAMPLED_EVERY == 0,
            start,
        )
        call.parent = call.replica = call.pool = None
        call.code = self.codes[endpoint]
        call.pc = 0
        call.row = row
        call.start = start
        call.attempt = call.retry = 0
        call.items = _NO_ITEMS
        self.next_at = self.times[place + 1]
        return call

    def skip(self, count: int) -> None:
        """Requests have arrived without being made."""
        self.cursor += count
        self.arrived += count
        self.next_at = self.times[self.cursor]

    def __getstate__(self) -> dict[str, Any]:
        # Draws are a function of the seed and the window: they are made again where the copy needs them.
        return {name: getattr(self, name) for name in _KEPT}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name in _KEPT:
            setattr(self, name, state[name])
        self.rows = []
        self._spare = {}
        self._draws = None
