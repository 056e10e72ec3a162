"""What a sample says of a mean and of a share."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt

import numpy as np

Z = 1.959964
"""The normal distribution's 97.5 % quantile."""
RESAMPLES = 2000
"""Chosen: the ends of the interval settle to about a thirtieth of its width."""
SEED = 0


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share after Wilson: it holds near 0 and 1 and for few trials, too."""
    share = hits / of
    spread = Z * sqrt(share * (1 - share) / of + Z**2 / (4 * of**2))
    middle = share + Z**2 / (2 * of)
    scale = 1 + Z**2 / of
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def bootstrap(counts: Mapping[float, int]) -> tuple[float, float]:
    """The 95 % percentile interval of the mean of a sample, resampled by a generator of fixed seed.

    Args:
        counts: how often each value occurs.
    """
    values = np.array(sorted(counts))
    often = np.array([counts[value] for value in values.tolist()])
    n = int(often.sum())
    means = np.random.default_rng(SEED).multinomial(n, often / n, size=RESAMPLES) @ values / n
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def quantile(counts: Mapping[float, int], share: float) -> float:
    """The smallest value that at least this share of a sample does not pass."""
    wanted = share * sum(counts.values())
    seen = 0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= wanted:
            return value
    raise ValueError("an empty sample has no quantiles")
