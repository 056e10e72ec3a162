"""Amounts that add up, per replica and kind, as of the instants at which somebody looks at them."""

from __future__ import annotations

import numpy as np

from .lanes import Ints


class Ledger:
    """Running totals as of the instants of a grid, which may be another for every replica.

    Args:
        first: per replica, the first instant of its grid in the stretch.
        interval: between two of its instants.
        start, until: of the stretch; what happens from `until` on is left out.
        width: kinds of amounts.
    """

    def __init__(self, first: Ints, interval: int, start: int, until: int, width: int) -> None:
        self.first = first
        self.interval = interval
        self.until = until
        self.width = width
        self.bins = (until - start) // interval + 2
        self._places: list[Ints] = []
        self._amounts: list[Ints] = []
        self.totals: Ints

    def place(self, replica: Ints, at: Ints) -> Ints:
        """Where what happens at a replica and an instant is entered; -1 if it is left out."""
        bins = (at - self.first[replica] + self.interval) // self.interval
        return np.where(at < self.until, (replica * self.bins + bins) * self.width, -1)

    def enter(self, places: Ints, kind: Ints | int, amount: Ints | int) -> None:
        """Enter amounts of a kind."""
        # What is left out goes to a place after all others.
        beyond = len(self.first) * self.bins * self.width
        self._places.append(np.where(places < 0, beyond, places + kind))
        self._amounts.append(np.broadcast_to(amount, places.shape))

    def close(self, before: Ints) -> None:
        """Add everything up, on what there was before the stretch."""
        size = len(self.first) * self.bins * self.width
        # Whole numbers below 2**53, so that sums of floats are exact.
        weights = np.concatenate(self._amounts).astype(np.float64)
        sums = np.bincount(np.concatenate(self._places), weights, size + 1)[:size]
        totals = sums.astype(np.int64).reshape(len(self.first), self.bins, self.width)
        self.totals = np.cumsum(totals, axis=1) + before[:, None, :]

    def as_of(self, replica: int, now: int) -> list[int]:
        """The totals at one of the replica's instants, or at the end of the stretch."""
        bins = self.bins - 1 if now >= self.until else (now - int(self.first[replica])) // self.interval
        row: list[int] = self.totals[replica, bins].tolist()
        return row
