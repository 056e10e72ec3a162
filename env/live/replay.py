"""Plays a live run again from its log."""

from __future__ import annotations

import sys
from hashlib import sha256
from pathlib import Path

from cluster_sim import exposition, nanoseconds, rfc3339, seconds

from .log import UnreadableLog, read_log
from .world import World, replay


def play(path: Path, until_s: float | None) -> World:
    """The world of a log file, as of so many simulated seconds, or of its last entry.

    Raises:
        UnreadableLog: the file is no log, or was written by other versions.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableLog("the log cannot be read") from error
    header, entries = read_log(text.splitlines())
    return replay(header, entries, None if until_s is None else nanoseconds(until_s))


def report(path: Path, until_s: float | None, *, metrics: bool) -> int:
    """Print where the replay ends, or its metrics; the exit status."""
    try:
        world = play(path, until_s)
    except (UnreadableLog, KeyError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 1
    cluster = world.cluster
    page = exposition(cluster)
    if metrics:
        sys.stdout.write(page.decode())
        return 0
    print(f"replayed {len(world.log)} changes to {seconds(world.now):.3f} s ({rfc3339(world.now, cluster.epoch_s)})")
    for entry in world.log:
        print(f"  {rfc3339(entry.at, cluster.epoch_s)}  {entry.source:9} {entry.kind:8} {entry.value}")
    for alert in cluster.alerts.firing():
        print(f"  firing: {alert.name}")
    print(f"metrics sha256 {sha256(page).hexdigest()}")
    return 0
