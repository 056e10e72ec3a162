"""What queueing theory says, and how far one run may be from it."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, sqrt

REFERENCE_ARRIVALS = 50_000


def gate(one_run_sd: float, arrivals: float) -> float:
    """Relative error allowed to a run: four standard deviations.

    Args:
        one_run_sd: relative standard deviation of one run of 50,000 arrivals, measured over 16 runs.
    """
    return 4 * one_run_sd * sqrt(REFERENCE_ARRIVALS / arrivals)


def mm1_wait(arrival_hz: float, service_s: float) -> float:
    """Mean wait in an M/M/1 queue."""
    rho = arrival_hz * service_s
    return rho * service_s / (1 - rho)


def mm1_wait_sd(rho: float, arrivals: float) -> float:
    """Relative standard deviation of the mean wait of an M/M/1 queue over so many arrivals (Daley 1968)."""
    variance = rho * (2 + 5 * rho - 4 * rho**2 + rho**3) / (1 - rho) ** 4
    return sqrt(variance / arrivals) / (rho / (1 - rho))


def pollaczek_khinchine(arrival_hz: float, service_s: float, sigma: float) -> float:
    """Mean wait in an M/G/1 queue with lognormal service."""
    second_moment = service_s**2 * exp(sigma**2)
    return arrival_hz * second_moment / (2 * (1 - arrival_hz * service_s))


def erlang_b(servers: int, offered: float) -> float:
    """Share refused where nobody may wait, whatever the law of service times."""
    blocked = 1.0
    for k in range(1, servers + 1):
        blocked = offered * blocked / (k + offered * blocked)
    return blocked


def erlang_c(servers: int, offered: float) -> float:
    """Share that has to wait in an M/M/c queue."""
    blocked = erlang_b(servers, offered)
    rho = offered / servers
    return blocked / (1 - rho * (1 - blocked))


def erlang_c_wait(servers: int, arrival_hz: float, service_s: float) -> float:
    """Mean wait in an M/M/c queue."""
    return erlang_c(servers, arrival_hz * service_s) / (servers / service_s - arrival_hz)


def full_system(servers: int, places: int, offered: float) -> float:
    """Share refused by an M/M/c/K queue: the birth-death chain's probability of its last state."""
    weights = [1.0]
    for k in range(1, places + 1):
        weights.append(weights[-1] * offered / min(k, servers))
    return weights[-1] / sum(weights)


def che_hit_ratio(weights: Sequence[float], capacity: int) -> float:
    """Hit ratio of an LRU cache by Che's approximation; the weights add up to 1."""
    low, high = 0.0, 1e9
    for _ in range(200):
        age = (low + high) / 2
        held = sum(1 - exp(-weight * age) for weight in weights)
        low, high = (age, high) if held < capacity else (low, age)
    return sum(weight * (1 - exp(-weight * low)) for weight in weights)
