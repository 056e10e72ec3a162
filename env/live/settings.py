"""What an operator may set about the live cluster: `LIVE`, `LIVE_SPEED`, …"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from cluster_sim import DEFAULT_ARRIVAL_RATE_HZ

SLOWEST, FASTEST = 0.1, 500.0
"""Simulated seconds per second (chosen: a core simulates some 3000 at the usual load)."""
LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 5.0, 500.0
NOISIEST = 3.0
TRUTHS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}


class Plan(StrEnum):
    """What happens by itself: nothing, faults that somebody has to cure, or faults and their cures."""

    OFF = "off"
    FAULTS = "faults"
    ON = "on"


@dataclass(frozen=True, kw_only=True)
class LiveSettings:
    """The live cluster of one server.

    Attributes:
        live: whether there is one.
        speed: simulated seconds per second.
        rate: user requests per second at the edge.
        noise: level of background trouble; 1 is usual, 0 none.
        schedule: what happens by itself.
        log: file to which every change is appended; empty for none.
        operator_token: opens the operator's routes; empty keeps them shut.
    """

    live: bool = False
    speed: float = 1.0
    seed: int = 0
    rate: float = DEFAULT_ARRIVAL_RATE_HZ
    noise: float = 1.0
    schedule: Plan = Plan.ON
    log: str = ""
    operator_token: str = ""

    def __post_init__(self) -> None:
        if not SLOWEST <= self.speed <= FASTEST:
            raise ValueError(f"LIVE_SPEED must be from {SLOWEST:g} to {FASTEST:g}")
        if not 0 <= self.seed < 2**63:
            raise ValueError("LIVE_SEED must be from 0 to 2^63-1")
        if not LOWEST_RATE_HZ <= self.rate <= HIGHEST_RATE_HZ:
            raise ValueError(f"LIVE_RATE must be from {LOWEST_RATE_HZ:g} to {HIGHEST_RATE_HZ:g}")
        if not 0 <= self.noise <= NOISIEST:
            raise ValueError(f"LIVE_NOISE must be from 0 to {NOISIEST:g}")

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> LiveSettings:
        """The defaults, but for what the environment variables say."""
        if environ.get("LIVE", "").lower() not in TRUTHS:
            raise ValueError("LIVE must be 1 or 0")
        if environ.get("LIVE_SCHEDULE", Plan.ON) not in list(Plan):
            raise ValueError(f"LIVE_SCHEDULE must be {', '.join(Plan)}")
        return cls(
            live=TRUTHS[environ.get("LIVE", "").lower()],
            speed=_number(environ, "LIVE_SPEED", cls.speed),
            seed=int(_number(environ, "LIVE_SEED", cls.seed, int)),
            rate=_number(environ, "LIVE_RATE", cls.rate),
            noise=_number(environ, "LIVE_NOISE", cls.noise),
            schedule=Plan(environ.get("LIVE_SCHEDULE", cls.schedule)),
            log=environ.get("LIVE_LOG", ""),
            operator_token=environ.get("OPERATOR_TOKEN", ""),
        )


def _number(environ: Mapping[str, str], name: str, default: float, kind: type[int] | type[float] = float) -> float:
    try:
        return kind(environ.get(name, default))
    except ValueError:
        raise ValueError(f"{name} must be a number") from None
