"""The published key set (JWKS), and the copies of it that services keep who look up the keys of tokens themselves.

The set lists every key there is, so that a verifier knows whose signature it looks at; whether a token by that key is
still good is the holder's to say. A copy is fetched when a process starts, whenever a key is published, if the service
follows publications, and else when it has become too old.

Fast-forward: events only while a copy lacks a key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..clock import SECOND
from ..specs import FindKey, steps_in
from .state import State

if TYPE_CHECKING:
    from ..cluster import Cluster
    from .replica import Replica

LIFETIME = 24 * 3600 * SECOND
"""Nanoseconds after which a copy is fetched anew in any case (chosen; a day is a usual cache lifetime of a JWKS)."""


class KeySet(State):
    """The copy of one process.

    Attributes:
        kids: the keys in it.
        fetched: nanoseconds, when.
    """

    def __init__(self, directory: KeyDirectory) -> None:
        self.directory = directory
        self.fetch()

    def fetch(self) -> None:
        """Get the set as it is published now."""
        self.kids = frozenset(self.directory.published)
        self.fetched = self.directory.cluster.sim.now

    def has(self, kid: str, now: int) -> bool:
        """Whether the copy has a key."""
        if now - self.fetched >= LIFETIME:
            self.fetch()
        return kid in self.kids


class KeyDirectory(State):
    """The published key set and its readers.

    Attributes:
        published: every key there is, in the order of their publication.
        readers: names of the services that keep copies.
        following: those among them whose copies are fetched again at every publication.
    """

    def __init__(self, cluster: Cluster, first: str) -> None:
        self.cluster = cluster
        self.published: dict[str, None] = {first: None}
        self.readers = [
            service.name
            for service in cluster.spec.services
            if any(isinstance(step, FindKey) for operation in service.operations for step in steps_in(operation.steps))
        ]
        self.following = set(self.readers)

    def started(self, replica: Replica) -> None:
        """A process has started, with a fresh copy if it keeps one."""
        if replica.service.name in self.readers:
            replica.key_set = KeySet(self)

    def publish(self, kid: str) -> None:
        """A key is published."""
        self.published[kid] = None
        for name in self.readers:
            if name in self.following:
                self.refresh(name)

    def refresh(self, service: str) -> None:
        """Every replica of a service fetches the set."""
        for replica in self.cluster.service(service).replicas:
            if replica.key_set is not None:
                replica.key_set.fetch()

    def follow(self) -> None:
        """All readers follow publications, and fetch what they have missed."""
        self.following.update(self.readers)
        for name in self.readers:
            self.refresh(name)

    # ------------------------------------------------------------ its state

    def missing(self) -> int:
        """Keys that running readers lack, each reader's added up."""
        copies = [
            replica.key_set.kids
            for name in self.readers
            for replica in self.cluster.service(name).replicas
            if replica.alive and replica.key_set is not None
        ]
        return sum(kid not in kids for kids in copies for kid in self.published)

    def agrees(self) -> bool:
        """Whether every running reader knows every key."""
        return not self.missing()

    def unfollowed(self) -> int:
        """Readers that do not follow publications."""
        return len(self.readers) - len(self.following)
