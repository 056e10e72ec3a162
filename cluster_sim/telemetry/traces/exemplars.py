"""Exemplars: for a bucket of a request histogram, the trace of a request that was counted in it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...clock import SECOND
from ...engine.failures import STATUS, Failure
from ...engine.recorder import GOOD
from ...engine.replica import BUCKETS, Replica
from ...engine.spans import SERVED
from ...rng import Streams
from ..identity import NAMESPACE, trace_id
from ..metrics.application import REQUESTS
from ..metrics.spec import BOUNDS
from .naming import DATASTORES
from .records import Record, Records

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...cluster import Cluster

BUCKET = f"{REQUESTS.name}_bucket"
"""The series that have exemplars."""


class Exemplar(NamedTuple):
    """One request that a bucket has counted.

    Attributes:
        labels: of the bucket's series, without its name.
        value_s: how long it took.
        at_ns: when it was counted, simulated nanoseconds.
    """

    labels: Mapping[str, str]
    trace_id: str
    value_s: float
    at_ns: int


def exemplars(cluster: Cluster, *, start_ns: int = 0, end_ns: int | None = None) -> list[Exemplar]:
    """What the pods that there still are have counted in a span of time, oldest first."""
    records = Records(cluster)
    ends = records.column("end")
    chosen = (records.column("kind") == SERVED) & (ends >= start_ns)
    if end_ns is not None:
        chosen &= ends <= end_ns
    return list(_told(cluster, records, np.flatnonzero(chosen)))


def latest_exemplars(cluster: Cluster) -> list[Exemplar]:
    """For each bucket of the histograms as they stand now, the last request counted in it."""
    records = Records(cluster)
    rows = np.flatnonzero(records.column("kind") == SERVED)[::-1]
    lengths = (records.column("end") - records.column("start"))[rows]
    bucket = np.searchsorted(BUCKETS, lengths)
    for name, bits in (("pod", 16), ("edge", 16), ("failure", 8)):
        bucket = bucket << bits | records.column(name)[rows]
    _, newest = np.unique(bucket, return_index=True)
    started = {replica.name: replica.started for service in cluster.services.values() for replica in service.replicas}
    found: dict[tuple[str, ...], Exemplar] = {}
    for exemplar in _told(cluster, records, np.sort(rows[newest])):
        if exemplar.at_ns >= started[exemplar.labels["pod"]]:
            found[tuple(exemplar.labels.values())] = exemplar
    return list(found.values())


def _told(cluster: Cluster, records: Records, rows: NDArray[np.intp]) -> Iterator[Exemplar]:
    streams = Streams(cluster.seed)
    pods = {
        replica.uid: replica
        for service in cluster.services.values()
        if service.spec.language not in DATASTORES  # their exporters have no such histograms
        for replica in service.replicas
    }
    for record in records.at(rows):
        replica = pods.get(record.pod)
        if replica is not None:
            duration = record.end - record.start
            labels = _labels(cluster, replica, record, duration)
            yield Exemplar(labels, trace_id(streams, record.number), duration / SECOND, record.end)


def _labels(cluster: Cluster, replica: Replica, record: Record, duration: int) -> dict[str, str]:
    edge = cluster.edges[record.edge]
    spec = replica.service.spec
    status = STATUS[Failure(record.failure)] if record.failure else GOOD
    labels = {
        "job": spec.name,
        "instance": f"{replica.ip}:{spec.port}",
        "namespace": NAMESPACE,
        "pod": replica.name,
        "container": spec.name.removesuffix("-service"),
        "service": spec.name,
        "node": replica.node,
        "http_request_method": edge.method,
        "http_route": edge.route,
        "http_response_status_code": str(status),
        "url_scheme": "http",
    }
    if status >= 500:
        labels["error_type"] = str(status)
    labels["le"] = BOUNDS[bisect_left(BUCKETS, duration)]
    return labels
