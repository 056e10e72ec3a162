"""Somebody who tries stolen passwords: logins beside those of the users, and what is kept of failed ones.

An account is locked for a while when too many logins to it have failed; its owner cannot log in meanwhile either.

Fast-forward: events only while failed logins are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from simpy.events import Event

from ..clock import SECOND, WINDOW, WINDOW_S
from ..specs import EndpointSpec
from .call import NUMBER_BITS, Call, Flow
from .failures import Failure
from .profile import Profile
from .state import State
from .timer import Timer

if TYPE_CHECKING:
    from ..cluster import Cluster
    from .recorder import Recorder

FAILURES = 3
FAILURES_WITHIN = 120 * SECOND
LOCKED = 60 * SECOND
"""Failed logins to an account, and within how long, after which it is locked, and for how long (chosen, after OWASP's
Authentication Cheat Sheet: a low threshold and a short lock)."""

_FIRST_NUMBER = 1 << (NUMBER_BITS - 1)
"""Attempts of a window are numbered from here, users' requests from 0."""


class Attempt(Flow):
    """A login that no user makes.

    Attributes:
        account: the user whose name is tried, or a number beyond all users.
        address: where it comes from.
    """

    __slots__ = ("account", "address")

    counted: ClassVar[bool] = False

    account: int
    address: str


def address_of(flow: Flow) -> str:
    """The address that a request comes from; every user has one of their own."""
    if isinstance(flow, Attempt):
        return flow.address
    return f"91.{64 + flow.user // 62_500}.{flow.user // 250 % 250}.{1 + flow.user % 250}"


class Accounts(State):
    """Failed logins, and the accounts that are locked for them.

    Attributes:
        failures: account → instants of its latest failed logins.
        locked: account → until when.
        by_window: 15-second window → attempts that were judged.
        by_address: address → failed logins from it.
    """

    def __init__(self, users: int, recorder: Recorder) -> None:
        self.users = users
        self.recorder = recorder
        self.failures: dict[int, list[int]] = {}
        self.locked: dict[int, int] = {}
        self.by_window: dict[int, int] = {}
        self.by_address: dict[str, int] = {}

    def judge(self, call: Call, now: int) -> Failure | None:
        """Whether a login is refused."""
        flow = call.flow
        if isinstance(flow, Attempt):
            self._count(flow, now)
            account = flow.account
        else:
            account = flow.user
            if self.locked.get(account, 0) <= now:
                return None
        reason = "account_locked" if self.locked.get(account, 0) > now else "bad_password"
        replica = call.replica
        assert replica is not None
        address = address_of(flow)
        self.recorder.log(replica.service.name, replica.name, "login_failed", account, address, reason, flow.number)
        return Failure.BAD_CREDENTIALS

    def _count(self, attempt: Attempt, now: int) -> None:
        window = now // WINDOW
        self.by_window[window] = self.by_window.get(window, 0) + 1
        self.by_address[attempt.address] = self.by_address.get(attempt.address, 0) + 1
        account = attempt.account
        if account >= self.users or self.locked.get(account, 0) > now:
            return
        failures = [at for at in self.failures.get(account, ()) if at > now - FAILURES_WITHIN]
        self.failures[account] = [*failures, now]
        if len(failures) + 1 >= FAILURES:
            del self.failures[account]
            self.locked[account] = now + LOCKED

    def attempts_hz(self, now: int, windows: int = 4) -> float:
        """Attempts a second that were judged in the last full windows."""
        window = now // WINDOW
        return sum(self.by_window.get(w, 0) for w in range(window - windows, window)) / (windows * WINDOW_S)


class Attack(State):
    """A stream of attempts, drawn window by window.

    Attributes:
        rate_hz: attempts a second, as strongly as `profile` says.
        factor: on that rate.
        known: share of the attempts that are made on accounts which exist.
        addresses: where they come from.
        accounts: what is kept of them.
    """

    def __init__(
        self, cluster: Cluster, login: EndpointSpec, *, rate_hz: float, known: float, addresses: int, profile: Profile
    ) -> None:
        self.cluster = cluster
        self.endpoint = cluster.spec.endpoints.index(login)
        self.rate_hz = rate_hz
        self.factor = 1.0
        self.known = known
        self.profile = profile
        bits = cluster.streams.bits
        network = f"185.{100 + bits('attack/network') % 120}.{bits('attack/subnet') % 250}"
        self.addresses = [f"{network}.{11 + 7 * place}" for place in range(addresses)]
        self.over = False
        self.accounts = cluster.executor.accounts = Accounts(cluster.spec.users, cluster.recorder)
        self._timer = Timer(cluster.sim, self, self._turn)
        self._arm(cluster.sim.now // WINDOW + 1)

    def calm(self) -> None:
        """As many attempts as before a wave."""
        self.factor = 1.0

    def stop(self) -> None:
        """They give up."""
        self.over = True
        self.cluster.attack = None
        self.cluster.executor.accounts = None

    def _arm(self, window: int) -> None:
        self._timer.set(window * WINDOW)

    def _turn(self, _: Event) -> None:
        if self.over:
            return
        sim = self.cluster.sim
        window = sim.now // WINDOW
        self._arm(window + 1)
        workload = self.cluster.workload
        generator = self.cluster.streams.window("attack", window)
        # The level at the middle of the window stands for all of it.
        level = self.profile.level(sim.now + WINDOW // 2)
        count = int(generator.poisson(self.rate_hz * self.factor * level * WINDOW_S))
        times = generator.integers(0, WINDOW, count).tolist()
        users = self.cluster.spec.users
        accounts = generator.integers(0, int(users / self.known), count).tolist()
        addresses = generator.integers(0, len(self.addresses), count).tolist()
        rows = workload.programs[self.endpoint].rows(count, generator).tolist()
        code = workload.codes[self.endpoint]
        drawn = zip(times, accounts, addresses, rows, strict=True)
        for number, (at, account, address, row) in enumerate(drawn, (window << NUMBER_BITS) + _FIRST_NUMBER):
            start = sim.now + at
            flow = Attempt()
            flow.number, flow.start = number, start
            flow.user, flow.endpoint, flow.sampled = -1 - account, self.endpoint, 0
            flow.account, flow.address = account, self.addresses[address]
            call = Call()
            call.flow, call.code, call.row = flow, code, row
            call.parent = call.replica = call.pool = None
            call.pc = call.attempt = call.retry = 0
            call.start = start
            call.items = []
            sim.push(start, call)
