"""The command `describe`: a generated incident with its truth, for researchers."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import Any

from ..clock import rfc3339
from ..errors import NoPage
from ..faults import twins_of
from ..telemetry.alerts import Severity
from .address import DIFFICULTIES, SIZE, Address, InvalidAddress, Split
from .build import Generated, build


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument(
        "--split", default=str(Split.TRAIN), metavar="SPLIT", help=f"{', '.join(Split)} (default: train)"
    )
    parser.add_argument("--index", type=int, default=0, help=f"0 to {SIZE - 1} (default: 0)")
    parser.add_argument("--count", type=int, default=1, help="how many, from that index on (default: 1)")
    parser.add_argument(
        "--difficulty", type=int, help=f"{DIFFICULTIES[0]} to {DIFFICULTIES[-1]} (default: that of the index)"
    )
    parser.add_argument("--noise", type=float, default=1.0, help="factor on its noise level, 0 to 3 (default: 1)")
    parser.add_argument("--rate", type=float, default=20.0, help="user requests per second (default: 20)")
    parser.add_argument("--json", action="store_true", help="one JSON object per line")


def run(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Print the incidents asked for; returns the exit status."""
    if options.count < 1:
        parser.error("--count must be at least 1")
    for index in range(options.index, options.index + options.count):
        try:
            address = Address(
                split=options.split,
                index=index,
                difficulty=options.difficulty,
                noise=options.noise,
                rate_hz=options.rate,
            )
            told = truth(build(address))
        except (InvalidAddress, NoPage) as error:
            parser.error(str(error))
        if options.json:
            print(json.dumps(told), flush=True)
        else:
            print("\n".join(lines(told)), flush=True)
    return 0


def truth(generated: Generated) -> dict[str, Any]:
    """All there is to know of an incident, as JSON."""
    blueprint, incident = generated.blueprint, generated.incident
    fault, cluster = incident.fault, incident.cluster
    return {
        "incident": blueprint.address.name,
        "difficulty": blueprint.difficulty,
        "attempt": blueprint.attempt,
        "seed": blueprint.seed,
        "noise": blueprint.noise,
        "arrival_rate_hz": blueprint.rate_hz,
        "topology": blueprint.variant,
        "decoys": [str(decoy) for decoy in blueprint.decoys],
        "fault": fault.name,
        "family": str(fault.family),
        "harmless": fault.harmless,
        "root_cause": fault.service,
        "mechanism": str(fault.mechanism),
        "team": fault.team,
        "parameters": dict(cluster.chosen),
        "story": fault.story,
        "onset": rfc3339(incident.onset, cluster.epoch_s),
        "paged": rfc3339(incident.paged, cluster.epoch_s),
        "pages": [alert.name for alert in cluster.alerts.firing(Severity.PAGE)],
        "evidence": [
            {"service": e.service, "query": e.promql or f"logs: {e.grep}", "shows": e.shows} for e in fault.evidence
        ],
        "twins": [twin.name for twin in twins_of(fault)],
        "repairs": [list(plan) for plan in fault.repairs],
        "masks": [list(plan) for plan in fault.masks],
    }


def lines(told: dict[str, Any]) -> Iterator[str]:
    """The same to be read."""
    yield f"{told['incident']}: {told['fault']} ({told['family']}, difficulty {told['difficulty']})"
    yield f"  {told['story']}"
    yield f"  root cause  {told['root_cause']}, {told['mechanism']}; repaired by {told['team']}"
    yield f"  world       seed {told['seed']}, attempt {told['attempt']}, {told['arrival_rate_hz']:g} requests/s, "
    yield f"              noise {told['noise']:g}, topology {told['topology']}"
    yield f"  parameters  {_pairs(told['parameters'])}"
    yield f"  onset       {told['onset']}, paged {told['paged']} by {', '.join(told['pages'])}"
    yield f"  decoys      {'; '.join(told['decoys']) or '–'}"
    for clue in told["evidence"]:
        yield f"  evidence    {clue['service']}: {' '.join(clue['query'].split())} ({clue['shows']})"
    yield f"  twins       {', '.join(told['twins']) or '–'}"
    yield f"  repairs     {_plans(told['repairs'])}"
    yield f"  masks       {_plans(told['masks'])}"


def _plans(plans: list[list[str]]) -> str:
    return "; ".join(" then ".join(plan) for plan in plans) or "–"


def _pairs(values: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items()) or "–"
