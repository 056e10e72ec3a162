"""What the faults of the catalogue, and incidents generated from it, cost."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from time import process_time

from .calibration import calibrated
from .figures import STEP_S, Figure

INCIDENTS = 24


def catalogue_figures() -> Iterator[Figure]:
    """CPU per simulated second of every fault, from its onset to a step after its page, and of generated resets."""
    from cluster_sim import FAULTS, Address, Split, build

    calibration = calibrated()
    costs = {name: _cost_per_second(name) for name in FAULTS}
    middle = median(costs.values())
    yield Figure("simulated second under a fault, median", middle * 1e3, "ms", middle / calibration)
    for name, cost in sorted(costs.items(), key=lambda item: -item[1]):
        yield Figure(f"simulated second of {name} / median", cost / middle, "", target="3")
    resets = []
    for index in range(INCIDENTS):
        began = process_time()
        build(Address(split=Split.TRAIN, index=index))
        resets.append(process_time() - began)
    yield Figure("reset of a generated incident, median", median(resets) * 1e3, "ms", median(resets) / calibration)
    yield Figure("reset of a generated incident, worst", max(resets) * 1e3, "ms", max(resets) / calibration)


def _cost_per_second(name: str) -> float:
    """Seconds of CPU per simulated second, the best of three seeds that page; the healthy history is not counted."""
    from cluster_sim import FAULTS, Cluster, NoPage, begin, seven_services

    fault = FAULTS[name]
    best = float("inf")
    for seed in range(3):
        spec = fault.spec(seven_services())
        try:
            incident = begin(spec, fault, seed)
        except NoPage:
            continue
        history = Cluster(spec, seed)
        history.run_for(incident.onset / 1e9)
        fault.inject(history)
        began = process_time()
        history.run_for((incident.paged - incident.onset) / 1e9 + STEP_S)
        spent = process_time() - began
        best = min(best, spent / ((history.now - incident.onset) / 1e9))
    return best
