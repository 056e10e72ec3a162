"""What a sample of incidents says of a policy, where incidents of one fault are much alike."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import comb

import numpy as np

RESAMPLES = 2000
"""Chosen: the ends of an interval settle to about a thirtieth of its width."""
SEED = 0
CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean.

    Attributes:
        low, high: its interval of 95 %; None of a sample with a single cluster, which says nothing of the others.
    """

    mean: float
    low: float | None = None
    high: float | None = None


def clustered(values: Sequence[float], clusters: Sequence[Hashable]) -> Estimate:
    """The mean of a sample, and its bootstrap percentile interval if whole clusters are drawn again.

    Faults are drawn with replacement, each with all its episodes, and the mean is that of all episodes drawn. So the
    interval is one for other faults of the same kind, not for more episodes of the same faults. The generator is
    seeded: the same sample has the same interval.

    Args:
        values: of the episodes, at least one.
        clusters: the fault of each.
    """
    order = {cluster: number for number, cluster in enumerate(dict.fromkeys(clusters))}
    sums, counts = np.zeros(len(order)), np.zeros(len(order))
    for value, cluster in zip(values, clusters, strict=True):
        sums[order[cluster]] += value
        counts[order[cluster]] += 1
    mean = float(sums.sum() / counts.sum())
    if len(order) == 1:
        return Estimate(mean=mean)
    often = np.random.default_rng(SEED).multinomial(len(order), np.full(len(order), 1 / len(order)), size=RESAMPLES)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile((often @ sums) / (often @ counts), (tail, 1 - tail))
    return Estimate(mean=mean, low=float(low), high=float(high))


def all_pass(trials: int, passed: int, k: int) -> float:
    """The unbiased estimate of the probability that k independent trials of an incident all pass.

    Of all ways to choose k of its trials, the share that holds passed ones only: C(passed, k) / C(trials, k).
    """
    return comb(passed, k) / comb(trials, k)


def pass_hat(incidents: Iterable[Sequence[bool]]) -> tuple[float, ...]:
    """pass^1, pass^2, …: the mean of `all_pass` over incidents, for as many trials as each of them has.

    Args:
        incidents: of each, which of its trials passed.
    """
    counted = [(len(trials), sum(trials)) for trials in incidents]
    most = min(trials for trials, _ in counted)
    return tuple(sum(all_pass(n, c, k) for n, c in counted) / len(counted) for k in range(1, most + 1))
