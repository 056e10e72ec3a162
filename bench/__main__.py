"""`python -m bench`: prints every figure with its target, writes them as JSON, compares with a baseline."""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from .calibration import calibrated
from .catalogue import catalogue_figures
from .figures import Figure, engine_figures, episode_figures, process_figures
from .grading import grading_figures
from .scale import scale_figures
from .serving import serving_figures
from .snapshots import snapshot_figures
from .telemetry import telemetry_figures

BASELINE = Path(__file__).with_name("baseline.json")


def figures(rates: list[float], *, processes: bool) -> Iterator[Figure]:
    """All figures."""
    parts = [*map(engine_figures, rates), telemetry_figures(), *map(episode_figures, rates), snapshot_figures()]
    parts += [catalogue_figures(), grading_figures(), scale_figures()]
    if processes:
        parts += [process_figures(), serving_figures()]
    return chain(*parts)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rates", type=float, nargs="+", default=[20.0, 50.0, 100.0], help="arrivals per second")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--no-server", action="store_true", help="leave out the figures of the server process")
    options = parser.parse_args()
    from cluster_sim.native import COMPILED

    unit = calibrated()
    engine = "compiled" if COMPILED else "interpreted"
    print(
        f"Python {platform.python_version()}, {engine} engine, calibration loop {unit * 1e6:.3f} µs an event (= 1 unit)"
    )
    baseline = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    print(f"{'figure':58} {'value':>10} {'':5} {'units':>10}  {'baseline':>8}  target")
    measured = {}
    for figure in figures(options.rates, processes=not options.no_server):
        size = figure.units if figure.units is not None else figure.value
        before = baseline.get(figure.name)
        change = f"{size / before - 1:+.0%}" if before else ""
        units = f"{figure.units:10.1f}" if figure.units is not None else " " * 10
        print(
            f"{figure.name:58} {figure.value:10.2f} {figure.unit:5} {units}  {change:>8}  {figure.target}",
            flush=True,
        )
        measured[figure.name] = round(size, 3)
    if options.json:
        options.json.write_text(json.dumps(measured, indent=1) + "\n")


if __name__ == "__main__":
    main()
