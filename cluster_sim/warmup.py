"""Incidents kept as of their page, so that the same one begins again at once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from .faults import Fault
from .incident import HISTORY_S, Happening, Incident, begin
from .saved import Saved
from .specs import ClusterSpec

DEFAULT_LIMIT_BYTES = 64_000_000
"""Chosen: at the default load some hundred incidents."""

Key = tuple[float, int, float, int, float, Fault, tuple[Happening, ...]]
"""Arrival rate, number of services, noise, seed, history, fault and decoys; the spec is compared, it has no hash."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """An incident as of its page."""

    spec: ClusterSpec
    fault: Fault
    onset: int
    paged: int
    saved: Saved

    def incident(self) -> Incident:
        """The incident, to be lived through once more."""
        return Incident(cluster=self.saved.restore(), fault=self.fault, onset=self.onset, paged=self.paged)


class WarmUps:
    """The incidents that one process has begun, as far as they fit; the longest unused goes first.

    An incident is known by all that shapes it until its page: the spec (topology, traffic, rules, scrape), seed, noise,
    length of the history, the decoys and the fault itself. The code is that of the process. It may be used from several
    threads.

    Attributes:
        limit_bytes: how much is kept; 0 keeps nothing.
        size_bytes: what is kept takes.
        hits, misses: how many incidents were restored, and how many simulated.
    """

    def __init__(self, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        if limit_bytes < 0:
            raise ValueError("limit_bytes must not be negative")
        self.limit_bytes = limit_bytes
        self.size_bytes = 0
        self.hits = 0
        self.misses = 0
        self._kept: OrderedDict[Key, Kept] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def begin(
        self,
        spec: ClusterSpec,
        fault: Fault,
        seed: int,
        *,
        noise: float = 1.0,
        history_s: float = HISTORY_S,
        decoys: Sequence[Happening] = (),
    ) -> Incident:
        """The same as `begin`, restored where it was begun before.

        Raises:
            NoPage: nothing pages.
        """
        key = (spec.arrival_rate_hz, len(spec.services), noise, seed, history_s, fault, tuple(decoys))
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and kept.spec == spec:
                self._kept.move_to_end(key)
                self.hits += 1
            else:
                kept = None
                self.misses += 1
        if kept is not None:
            return kept.incident()
        incident = begin(spec, fault, seed, noise=noise, history_s=history_s, decoys=decoys)
        if self.limit_bytes:
            saved = Saved(incident.cluster)
            self._keep(key, Kept(spec=spec, fault=fault, onset=incident.onset, paged=incident.paged, saved=saved))
        return incident

    def clear(self) -> None:
        """Keep nothing of what there is."""
        with self._lock:
            self._kept.clear()
            self.size_bytes = 0

    def _keep(self, key: Key, kept: Kept) -> None:
        with self._lock:
            self._drop(self._kept.pop(key, None))
            self._kept[key] = kept
            self.size_bytes += kept.saved.size_bytes
            while self.size_bytes > self.limit_bytes:
                self._drop(self._kept.popitem(last=False)[1])

    def _drop(self, kept: Kept | None) -> None:
        if kept is not None:
            self.size_bytes -= kept.saved.size_bytes
