"""The one process of a sweep that knows Ray: it passes chunks on to a cluster, and rows back.

It is a process of its own because Ray takes hold of the one it is imported into: of its environment variables, signal
handlers and logging, and it may end it, or wait for minutes, where a cluster cannot be reached.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ..version import PACKAGES
from .episode import Player
from .plan import Sweep

OBJECT_STORE_BYTES = 100_000_000
"""For the rows on their way; Ray wants 75 MB at least. Chosen."""
RETRIES = 2
"""How often Ray plays a chunk again whose worker died; chosen."""
POLL_S = 0.2
"""How long a new chunk may wait to be seen; chosen, far below what one takes."""

LOCAL = {
    # On Linux too it makes a cluster of its own listen on the loopback address only.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
}


def play_chunk(sweep: Sweep, chunk: range, expected: str) -> list[bytes]:
    """What a worker of the cluster does."""
    player = Player(sweep, expected)
    return [player.play(number).json() for number in chunk]


def drive(sweep: Sweep, expected: str, address: str | None, workers: int | None, pipe: Connection, folder: str) -> None:
    """What the process does: it sends `("ready", workers)`, takes chunks, and sends `("rows", chunk, rows)`.

    `("lost", chunk, reason)` says that a chunk cannot be played, `("failed", reason)` that nothing can.

    Args:
        address: of an existing cluster; without one it starts its own on this machine.
        workers: tasks at a time; the cluster's processors unless told.
        folder: private to this process; removed at the end.
    """
    # Whatever Ray prints, it is not the sweep's to show.
    with (Path(folder) / "driver.log").open("ab", buffering=0) as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    ray = None
    try:
        ray = _connected(address, workers, folder)
        _serve(ray, sweep, expected, workers or _processors(ray), pipe)
    except (EOFError, BrokenPipeError):
        pass  # the sweep is gone
    except Exception as error:
        pipe.send(("failed", _reason(error)))
    finally:
        if ray is not None:
            ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


def _connected(address: str | None, workers: int | None, folder: str) -> Any:
    told: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        # A cluster's processes inherit the variables of the one that starts it.
        path = os.pathsep.join(folder or os.getcwd() for folder in sys.path)
        os.environ.update(LOCAL, RAY_AUTH_TOKEN=secrets.token_hex(32), PYTHONPATH=path)
        import ray

        ray.init(
            address="local",
            num_cpus=workers,
            num_gpus=0,
            include_dashboard=False,
            object_store_memory=OBJECT_STORE_BYTES,
            _temp_dir=folder,
            **told,
        )
        return ray
    import ray

    # A cluster's nodes need the libraries; the project's own code comes with the sweep.
    code = {"py_modules": [str(package) for package in PACKAGES.values()], "excludes": ["**/__pycache__"]}
    ray.init(address=address, runtime_env=code, **told)
    return ray


def _processors(ray: Any) -> int:
    return max(1, int(ray.cluster_resources().get("CPU", 1)))


def _serve(ray: Any, sweep: Sweep, expected: str, workers: int, pipe: Connection) -> None:
    play = ray.remote(num_cpus=1, max_retries=RETRIES)(play_chunk)
    running: dict[Any, range] = {}
    pipe.send(("ready", workers))
    while True:
        while pipe.poll(0 if running else None):
            chunk: range | None = pipe.recv()
            if chunk is None:
                return
            running[play.remote(sweep, chunk, expected)] = chunk
        done, _ = ray.wait(list(running), timeout=POLL_S)
        for reference in done:
            chunk = running.pop(reference)
            try:
                pipe.send(("rows", chunk, ray.get(reference)))
            except ray.exceptions.RayTaskError as error:
                pipe.send(("failed", _reason(error.cause or error)))
            except ray.exceptions.RayError as error:
                pipe.send(("lost", chunk, type(error).__name__))


def _reason(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
