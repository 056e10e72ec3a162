"""The configuration service's content: revisions of the token-signing secret, and which replica holds which."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .keyring import KeyRing

if TYPE_CHECKING:
    from ..cluster import Cluster
    from .replica import Replica
    from .service import Service

PUSH_TIMEOUT_S = 5.0
"""Seconds the push waits for a replica to acknowledge (chosen)."""


@dataclass(frozen=True, kw_only=True)
class SecretRevision:
    """One revision of the signing secret.

    Attributes:
        kid: key that signs.
        accepts: further keys that still verify, each with the instant it stops (None: no end).
        reason: why it was published.
    """

    revision: int
    kid: str
    accepts: dict[str, int | None] = field(default_factory=dict)
    reason: str = ""


class ConfigStore:
    """What the config service holds and has handed out.

    Attributes:
        current: the published revision.
        previous: the one before it.
        revoked: keys that must not be used any more.
        unreachable: replicas (by ordinal) whose watch is broken: pushes do not reach them, and when they start
            they fall back to the last revision on their disk.
        deaf: replicas (by ordinal) whose agent has lost its watch while the proxy between keeps the stream open:
            pushes are acknowledged there and go no further; otherwise as the unreachable ones.
        leeway: nanoseconds by which verifiers let the instants in a token be off.
    """

    def __init__(self, cluster: Cluster, holder: str, owner: str, first: SecretRevision) -> None:
        self.cluster = cluster
        self.holder = holder
        self.owner = owner
        self.current = first
        self.previous: SecretRevision | None = None
        self.revoked: set[str] = set()
        self.unreachable: set[int] = set()
        self.deaf: set[int] = set()
        self.leeway = 0
        self.on_disk: dict[int, SecretRevision] = {}

    @property
    def service(self) -> Service:
        """The service that holds the keys."""
        return self.cluster.service(self.holder)

    def load(self, replica: Replica) -> None:
        """A replica starts: it fetches the published revision, or takes what is on its disk."""
        if replica.ordinal not in self.unreachable | self.deaf:
            self.on_disk[replica.ordinal] = self.current
        self._apply(replica, self.on_disk.get(replica.ordinal, self.current))

    def publish(self, revision: SecretRevision) -> int:
        """Make a revision current and push it; returns how many replicas took it."""
        self.previous, self.current = self.current, revision
        self.cluster.directory.publish(revision.kid)
        return self.push()

    def push(self) -> int:
        """Push the current revision to every replica; returns how many acknowledged it."""
        acknowledged = 0
        replicas = [replica for replica in self.service.replicas if replica.alive]
        for replica in replicas:
            if replica.ordinal in self.unreachable:
                self._log("push_timeout", replica.name, PUSH_TIMEOUT_S)
                continue
            acknowledged += 1
            if replica.ordinal not in self.deaf:
                self.on_disk[replica.ordinal] = self.current
                self._apply(replica, self.current)
        self._log("rolled_out", self.current.reason, acknowledged, len(replicas))
        return acknowledged

    def lose_watch(self, replica: Replica) -> None:
        """The watch of a replica's agent ends, and does not come back; nobody else notices."""
        self.deaf.add(replica.ordinal)
        self.cluster.recorder.log(self.holder, replica.name, "watch_closed", replica.revision)

    def set_leeway(self, leeway: int) -> None:
        """Let the instants in tokens be off by so much, at every replica."""
        self.leeway = leeway
        for replica in self.service.replicas:
            if replica.keys is not None:
                replica.keys.leeway = leeway

    def reconnect(self) -> None:
        """Repair the broken watches; the replicas catch up."""
        for replica in self.service.replicas:
            if replica.ordinal in self.unreachable | self.deaf:
                self._log("watch_restored", replica.name)
        self.unreachable.clear()
        self.deaf.clear()
        for replica in self.service.replicas:
            if replica.alive and self.on_disk.get(replica.ordinal) is not self.current:
                self.on_disk[replica.ordinal] = self.current
                self._apply(replica, self.current)

    def _apply(self, replica: Replica, revision: SecretRevision) -> None:
        ring = KeyRing(revision.kid)
        ring.verifying.update(revision.accepts)
        ring.leeway = self.leeway
        if replica.keys is not None:
            ring.verify_signatures = replica.keys.verify_signatures
        replica.keys = ring
        replica.revision = revision.revision
        replica.revision_at = self.cluster.sim.now
        self.cluster.recorder.log(self.holder, replica.name, "secret_loaded", revision.revision, revision.kid)

    def _log(self, event: str, *data: object) -> None:
        owner = self.cluster.service(self.owner)
        source = owner.replicas[0].name if owner.replicas else owner.name
        self.cluster.recorder.log(self.owner, source, event, self.current.revision, self.current.kid, *data)

    # ------------------------------------------------------------ state of the keys

    def mismatched_pairs(self) -> int:
        """Pairs (signer, verifier) of running replicas whose tokens are refused."""
        now = self.cluster.sim.now
        rings = [replica.keys for replica in self.service.replicas if replica.alive and replica.keys is not None]
        return sum(not verifier.accepts(signer.signing, now) for signer in rings for verifier in rings)

    def behind(self) -> int:
        """Running replicas that do not hold the published revision."""
        return sum(replica.revision != self.current.revision for replica in self.service.replicas if replica.alive)
