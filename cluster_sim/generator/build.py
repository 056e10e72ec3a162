"""Generated incidents brought to life: drawn again until users are really hurt, or really not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..clock import SECOND, WINDOW, nanoseconds
from ..cluster import Cluster
from ..errors import NoPage
from ..incident import Incident, begin
from ..recovery import MINUTE, MINUTE_TARGET, good_share
from ..warmup import WarmUps
from .address import Address
from .blueprint import Blueprint, draw

MOST_ATTEMPTS = 24
WATCH_S = 120.0
"""Seconds after the page by which users are hurt, or for which they are not (chosen)."""
ENDPOINT_HURT = 0.9
"""Share of good answers of one endpoint over two minutes below which its users are hurt (chosen)."""
_ANSWERED = 9 * SECOND
"""Nanoseconds after which nearly every user has an answer or has given up."""


@dataclass(frozen=True, kw_only=True)
class Generated:
    """A generated incident as of its page."""

    blueprint: Blueprint
    incident: Incident


def build(address: Address, warm_ups: WarmUps | None = None) -> Generated:
    """The incident of an address.

    Args:
        warm_ups: incidents begun before, if any are kept.

    Raises:
        NoPage: no draw gives an incident.
    """
    for blueprint in attempts(address):
        incident = _incident(blueprint, warm_ups)
        if incident is not None:
            return Generated(blueprint=blueprint, incident=incident)
    raise NoPage(f"no draw of {address.name} is an incident")


def attempts(address: Address) -> Iterator[Blueprint]:
    """The draws of an address, one after another."""
    return (draw(address, attempt) for attempt in range(MOST_ATTEMPTS))


def _incident(blueprint: Blueprint, warm_ups: WarmUps | None) -> Incident | None:
    """The incident of a blueprint, if it is one."""
    begin_incident = begin if warm_ups is None else warm_ups.begin
    try:
        incident = begin_incident(
            blueprint.spec(), blueprint.root, blueprint.seed, noise=blueprint.noise, decoys=blueprint.decoys
        )
    except NoPage:
        return None
    return incident if hurts(incident) is not blueprint.root.harmless else None


def hurts(incident: Incident) -> bool:
    """Whether users are badly served between the onset and some time after the page, if nobody acts."""
    if _hurt_until(incident.cluster, incident.onset, incident.paged - _ANSWERED):
        return True
    branch = incident.cluster.branch()
    branch.scrapes.stop()
    end = branch.now + nanoseconds(WATCH_S)
    while branch.now < end:  # who is hurt early need not be watched for long
        branch.run_until(min(branch.now + WINDOW, end))
        until = (branch.now - _ANSWERED) // WINDOW * WINDOW
        if _hurt_until(branch, incident.onset, until):
            return True
    endpoints = branch.recorder.outcome(until - 2 * MINUTE, until)
    return any(good < ENDPOINT_HURT * answered for answered, good in endpoints)


def _hurt_until(cluster: Cluster, since: int, until: int) -> bool:
    """Whether there was a minute with too few good answers."""
    first = -(-since // WINDOW) * WINDOW
    starts = range(first, until - MINUTE + 1, WINDOW)
    return any(good_share(cluster.recorder.outcome(start, start + MINUTE)) < MINUTE_TARGET for start in starts)
