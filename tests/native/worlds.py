"""Prints what faults, repairs and snapshots leave behind, one world a line. Run by test_native.py, compiled and not."""

from __future__ import annotations

import json
import sys
from hashlib import sha256

from cluster_sim import (
    FAULTS,
    REMEDIATIONS,
    Cluster,
    Fault,
    begin,
    examine,
    exposition,
    native,
    recent_logs,
    seven_services,
)

SEED = 4


def main(names: list[str]) -> None:
    """Tell whether the engine is compiled, and what becomes of each fault."""
    print(json.dumps({"compiled": native.COMPILED}))
    for name in names:
        print(json.dumps({"fault": name} | world(FAULTS[name])), flush=True)


def world(fault: Fault) -> dict[str, object]:
    """An incident, at its page; two minutes later, in a copy; repaired; and as the examination finds it."""
    incident = begin(fault.spec(seven_services()), fault, SEED)
    found: dict[str, object] = {"paged": incident.paged, "page": digest(incident.cluster)}
    cluster = Cluster.restore(incident.cluster.branch().snapshot())
    cluster.run_for(120)
    found["later"] = digest(cluster)
    for name in next(iter(fault.repairs), ()):
        REMEDIATIONS[name].carry_out(cluster)
    cluster.run_for(120)
    found["repaired"] = digest(cluster)
    found["examined"] = repr(examine(cluster, fault))
    return found


def digest(cluster: Cluster) -> str:
    """All that can be read of a cluster: metrics, outcomes, spans and log lines."""
    lines = [recent_logs(cluster, name, limit=400) for name in cluster.services]
    outcomes = (cluster.recorder.outcomes, cluster.recorder.failures, cluster.workload.arrived)
    told = sha256(exposition(cluster))
    for part in (outcomes, lines, cluster.alerts.history):
        told.update(repr(part).encode())
    told.update(cluster.recorder.spans.packed())
    return told.hexdigest()


if __name__ == "__main__":
    main(sys.argv[1:])
