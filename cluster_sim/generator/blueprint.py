"""What is drawn for a generated incident before anything is simulated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

from ..faults import FAULTS, Fault
from ..incident import HISTORY_S
from ..rng import Streams
from ..services import seven_services
from ..specs import ClusterSpec
from . import decoys
from .address import DIFFICULTIES, RATES_HZ, VERSION, Address
from .decoys import Decoy
from .splits import faults_of, variants_of
from .variants import VARIANTS

Option = TypeVar("Option")

NO_FAULT_SHARE = 0.18
"""Share of incidents in which there is nothing to repair (chosen, within 15 to 20 %)."""

NOISE: Mapping[int, float] = MappingProxyType({1: 0.5, 2: 0.8, 3: 1.0, 4: 1.3, 5: 1.6})
DECOYS: Mapping[int, tuple[int, int]] = MappingProxyType({1: (0, 0), 2: (0, 1), 3: (1, 2), 4: (2, 3), 5: (3, 4)})
"""What difficulty means: the noise level, and from how many to how many decoys there are (chosen)."""

RATE = (0.8, 1.4)
"""The traffic of an incident, as a factor on that of its address (chosen)."""

DECOY_S = (-300.0, 40.0)
"""When decoys happen, in seconds after the end of the history, about when a fault begins (chosen)."""

FAULT_ATTEMPTS = 8
"""Attempts for which the same fault is drawn."""

PLAIN_AFTER = 6
"""Attempts at a fault after which it is drawn in the usual topology and without decoys."""


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """An incident as it was drawn.

    Attributes:
        attempt: how many earlier draws of the address gave no incident.
        seed: of the world.
        fault: its name.
        service: which of its places it strikes.
        noise: level of background trouble.
        rate_hz: user requests per second.
        variant: the name of the topology.
    """

    address: Address
    attempt: int
    seed: int
    difficulty: int
    fault: str
    service: str
    noise: float
    rate_hz: float
    variant: str
    decoys: tuple[Decoy, ...]

    @property
    def root(self) -> Fault:
        """The fault itself."""
        return FAULTS[self.fault].at(self.service)

    def spec(self) -> ClusterSpec:
        """The topology with its traffic."""
        return self.root.spec(VARIANTS[self.variant](seven_services(self.rate_hz)))


def draw(address: Address, attempt: int = 0) -> Blueprint:
    """The draw of an address; whether it is an incident shows when it is simulated."""
    streams = Streams(VERSION)
    place = f"generated/{address.split}/{address.noise:g}/{address.rate_hz:g}/{address.difficulty or 0}"

    def uniform(what: str, *keys: int) -> float:
        return streams.uniform(f"{place}/{what}", address.index, *keys)

    def one_of(what: str, options: Sequence[Option], *keys: int) -> Option:
        return options[int(uniform(what, *keys) * len(options))]

    # How hard it is, and whether there is anything to repair, is the same at every attempt; fault and place at several.
    difficulty = address.difficulty or one_of("difficulty", DIFFICULTIES)
    harmless = uniform("harmless") < NO_FAULT_SHARE and bool(faults_of(address.split, harmless=True))
    fault = one_of("fault", faults_of(address.split, harmless=harmless), attempt // FAULT_ATTEMPTS)
    service = one_of("service", fault.places, attempt // FAULT_ATTEMPTS)
    plain = attempt % FAULT_ATTEMPTS >= PLAIN_AFTER
    low, high = DECOYS[difficulty]
    count = 0 if plain else low + int(uniform("decoys", attempt) * (high - low + 1))
    elsewhere = [name for name in decoys.SERVICES if name != service]
    return Blueprint(
        address=address,
        attempt=attempt,
        seed=streams.bits(f"{place}/seed", address.index, attempt) >> 1,
        difficulty=difficulty,
        fault=fault.name,
        service=service,
        noise=round(min(NOISE[difficulty] * address.noise, 3.0), 3),
        rate_hz=address.rate_hz if plain else _rate_hz(address.rate_hz * _between(RATE, uniform("rate", attempt))),
        variant="usual" if plain else one_of("variant", variants_of(address.split), attempt),
        decoys=tuple(
            Decoy(
                kind=one_of("decoy-kind", tuple(decoys.KINDS), attempt, number),
                service=one_of("decoy-service", elsewhere, attempt, number),
                at_s=round(HISTORY_S + _between(DECOY_S, uniform("decoy-at", attempt, number)), 1),
                draw=round(uniform("decoy-draw", attempt, number), 6),
            )
            for number in range(count)
        ),
    )


def _between(bounds: tuple[float, float], draw: float) -> float:
    low, high = bounds
    return low + (high - low) * draw


def _rate_hz(rate_hz: float) -> float:
    return round(min(max(rate_hz, RATES_HZ[0]), RATES_HZ[1]), 1)
