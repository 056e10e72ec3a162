"""What a fault is: a change of the cluster's parameters, and the set of states in which it is repaired."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from ..errors import UnknownName

if TYPE_CHECKING:
    from ..cluster import Cluster
    from ..specs import ClusterSpec

Plan = tuple[str, ...]
"""Names of remediations, carried out one after another."""


class Mechanism(StrEnum):
    """How a root cause does its damage: the closed list that diagnoses choose from, the same for every task."""

    CONNECTION_LIMIT = "connection_limit"
    CONNECTION_LEAK = "connection_leak"
    POOL_MISCONFIGURATION = "pool_misconfiguration"
    MEMORY_EXHAUSTION = "memory_exhaustion"
    MEMORY_LEAK = "memory_leak"
    CACHE_STAMPEDE = "cache_stampede"
    CACHE_MISCONFIGURATION = "cache_misconfiguration"
    SLOW_QUERY = "slow_query"
    LOCK_CONTENTION = "lock_contention"
    CPU_THROTTLING = "cpu_throttling"
    GC_PRESSURE = "gc_pressure"
    RETRY_STORM = "retry_storm"
    PARTIAL_ROLLOUT = "partial_rollout"
    BAD_DEPLOY = "bad_deploy"
    BAD_CONFIG = "bad_config"
    EXPIRED_CREDENTIAL = "expired_credential"
    CLOCK_SKEW = "clock_skew"
    NETWORK_FAULT = "network_fault"
    DNS_FAILURE = "dns_failure"
    DISK_FULL = "disk_full"
    CREDENTIAL_ATTACK = "credential_attack"
    DEPENDENCY_FAILURE = "dependency_failure"
    NO_INCIDENT = "no_incident"


class _Defined(StrEnum):
    """Ids that diagnoses choose from, each with the sentence that defines it.

    Attributes:
        meaning: that sentence, without a full stop.
    """

    meaning: str

    def __new__(cls, name: str, meaning: str) -> Self:
        member = str.__new__(cls, name)
        member._value_ = name
        member.meaning = meaning
        return member


class Trigger(_Defined):
    """What set an incident off: the last event without which it would not have begun.

    A defect that was there already and did no harm until something else happened is not the trigger; what then happened
    is. Where something broke while there were more users as well, what broke is the trigger.
    """

    DEPLOY = "deploy", "a new version of a service was rolled out, or the schema migration of one was run"
    CONFIG_CHANGE = "config_change", "a setting or manifest was changed without a new version"
    SCALING = "scaling", "pods were added or taken away"
    TRAFFIC = "traffic", "more users than usual came, and nothing had broken"
    DATA_GROWTH = (
        "data_growth",
        "what is stored grew until it had no room, and no job or release is known that wrote it",
    )
    SCHEDULED_JOB = (
        "scheduled_job",
        "a job, script or tool beside the services was started or run, on schedule or by hand",
    )
    CREDENTIAL_CHANGE = "credential_change", "a key, secret or password was rotated or replaced"
    INFRASTRUCTURE = (
        "infrastructure",
        "a node, disk, clock, link, store or monitoring agent failed, was restarted or was moved",
    )
    ATTACK = "attack", "somebody began to do harm on purpose"
    THIRD_PARTY = "third_party", "a system of another company got worse"
    NONE = "none", "nothing happened: what is seen was there before"


class Sustained(_Defined):
    """What keeps an incident going once it has been set off, and has to end or be put right for it to be over."""

    STANDING_STATE = (
        "standing_state",
        "a setting, version or part is wrong and stays so, and whatever meets it suffers at once",
    )
    ACCUMULATION = (
        "accumulation",
        "what is not given back, or too late, piles up until there is no room: connections, memory, keys, files",
    )
    FEEDBACK = "feedback", "trouble makes the load that keeps it up, although what set it off is over"
    ONGOING_EVENT = (
        "ongoing_event",
        "something goes on acting, or comes again and again: an attack, a job, a long statement, a provider in trouble",
    )
    NOTHING = "nothing", "it passes by itself, or harms no user"


class Family(StrEnum):
    """Sets of faults that look alike at first and need different, often opposite, repairs."""

    TOO_MANY_CLIENTS = "too_many_clients"
    CACHE_MEMORY = "redis_at_maxmemory"
    UNAUTHORIZED = "intermittent_401"
    CHECKOUT_SLOW = "checkout_slow"
    EXPORTER_DOWN = "exporter_says_down"
    CRASH_LOOPING = "crash_looping"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What an engineer can find that tells a fault from its twins.

    Attributes:
        service: whose telemetry it is in.
        shows: what is seen, in words.
        promql: an expression that yields something under this fault and nothing under its twins; or
        grep: text that the service's log holds since the onset of this fault, and not since that of a twin; `|`
            separates alternatives.
    """

    service: str
    shows: str
    promql: str = ""
    grep: str = ""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A root cause, or something that looks like one and needs no repair.

    Attributes:
        name: the id of the fault catalogue.
        service: where the root parameter is.
        triggered_by: what set it off.
        sustained_by: what keeps it going.
        team: who owns the repair.
        inject: begins the fault; from then on everything follows.
        distance: how far the root parameters are from their safe set; 0 within it. It reads the state of the
            cluster and never what was done to it.
        hold_s: seconds for which a repair must hold, longer than the relapse time of every mask that ships.
        family: the set of its twins, the faults that it is mistaken for.
        story: what happens, in a few sentences, for the reader of the catalogue.
        evidence: what tells it from its twins, one for each way of finding out.
        alerts: names of alerts that fire under it, pages and tickets, at the page or within five minutes of it.
        repairs: plans that repair it, the one of the runbook first. Any other that does so is as good.
        masks: plausible plans that do not repair it, or not for long, or do harm.
        relapse_s: seconds after which a mask's effect is over, from the parameters of this incident; where there is
            none, `hold_s` is long enough.
        trigger: what set it off comes again; a repaired cluster takes it without lasting trouble.
        setting: the topology in which it can happen, made of the usual one.
        harmless: there is nothing to repair, and touching the system is wrong.
        elsewhere: the same fault at the other services that it may strike.
    """

    name: str
    service: str
    mechanism: Mechanism
    triggered_by: Trigger
    sustained_by: Sustained
    team: str
    inject: Callable[[Cluster], None]
    distance: Callable[[Cluster], float]
    hold_s: float
    family: Family
    story: str
    evidence: tuple[Evidence, ...] = ()
    alerts: tuple[str, ...] = ()
    repairs: tuple[Plan, ...] = ()
    masks: tuple[Plan, ...] = ()
    relapse_s: Callable[[Cluster], float] | None = None
    trigger: Callable[[Cluster], None] | None = None
    setting: Callable[[ClusterSpec], ClusterSpec] | None = None
    harmless: bool = False
    elsewhere: tuple[Fault, ...] = ()

    def __hash__(self) -> int:
        return hash(self.name)  # a setting may hold what has no hash

    @property
    def portable(self) -> bool:
        """Whether it can happen in the usual topology, whoever is paged for it there."""
        return self.setting is None or bool(getattr(self.setting, "portable", False))

    @property
    def places(self) -> tuple[str, ...]:
        """The services that it may strike, the usual one first."""
        return (self.service, *(fault.service for fault in self.elsewhere))

    def at(self, service: str) -> Fault:
        """The fault as it strikes one of its places.

        Raises:
            UnknownName: it does not strike there.
        """
        for fault in (self, *self.elsewhere):
            if fault.service == service:
                return fault
        raise UnknownName("service", service)

    def spec(self, usual: ClusterSpec) -> ClusterSpec:
        """The topology in which it happens."""
        return usual if self.setting is None else self.setting(usual)


def wherever(fault: Callable[[str], Fault], places: Sequence[str]) -> Fault:
    """A fault that may strike any of several services, the usual one first."""
    usual, *others = map(fault, places)
    return replace(usual, elsewhere=tuple(others))
