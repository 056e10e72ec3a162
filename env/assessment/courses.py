"""Courses of action in one incident: the same users come in all of them, whatever is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cluster_sim import REMEDIATIONS, Cluster, Outcomes, Saved, bad_minutes, nanoseconds, patience_s


@dataclass(frozen=True, kw_only=True)
class Order:
    """A remediation ordered at an instant; later, if the one before has not settled by then.

    Attributes:
        began: nanoseconds.
    """

    fix: str
    began: int


def carry_out(cluster: Cluster, order: Order) -> None:
    """Let time pass until an order is given, and on until the change has settled."""
    cluster.run_until(max(cluster.now, order.began))
    REMEDIATIONS[order.fix].carry_out(cluster)


def follow(cluster: Cluster, orders: Sequence[Order], until: int) -> Outcomes:
    """What users have under a course of action, those at least who come before an instant, in nanoseconds.

    The cluster is taken on to when the last of them has an answer.
    """
    for order in orders:
        carry_out(cluster, order)
    cluster.run_until(max(cluster.now, until + nanoseconds(patience_s(cluster.spec))))
    return cluster.recorder.outcomes


class Course:
    """An incident under one course of action, simulated as far as it was asked for."""

    def __init__(self, cluster: Cluster, orders: Sequence[Order] = ()) -> None:
        """
        Args:
            cluster: as of the page or later; it is this course's own from now on.
        """
        cluster.scrapes.stop()
        self._orders = list(orders)
        self._patience = nanoseconds(patience_s(cluster.spec))
        self._kept = [(cluster.now, Saved(cluster))]
        self._outcomes: Outcomes = {}

    def bad_minutes(self, since: int, until: int) -> float:
        """Minutes of complete outage that would have hurt users of a span as much.

        Args:
            since, until: nanoseconds.
        """
        return bad_minutes(self.outcomes(until), since, until)

    def outcomes(self, until: int) -> Outcomes:
        """What users had who came before an instant, in nanoseconds, at least."""
        reached, _ = self._kept[-1]
        if self._orders or reached < until + self._patience:
            cluster = self.cluster
            self._outcomes = follow(cluster, self._orders, until)
            self._orders.clear()
            self._kept.append((cluster.now, Saved(cluster)))
        return self._outcomes

    @property
    def cluster(self) -> Cluster:
        """A copy of the world as far as it was simulated."""
        _, last = self._kept[-1]
        return last.restore()

    def as_of(self, instant: int) -> Cluster:
        """A copy of the world as it was the last time, up to an instant in nanoseconds, that it was asked for."""
        return [saved for at, saved in self._kept if at <= instant][-1].restore()
