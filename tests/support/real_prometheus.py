"""A real Prometheus on loopback, over samples that were made elsewhere."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

STARTUP_S = 60.0
BACKFILL_S = 120.0

_CONFIG = "global:\n  scrape_interval: 15s\n  evaluation_interval: 15s\n"


def program(name: str) -> str:
    """The path of a program that the tests need; that it is missing is a failure."""
    path = shutil.which(name)
    assert path is not None, f"{name} is not installed"
    return path


def backfill(openmetrics: str | bytes | Path, folder: Path) -> None:
    """Make TSDB blocks of an OpenMetrics page with timestamps, or of a file with one."""
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(openmetrics, Path):
        page = openmetrics
    else:
        page = folder.with_name(f"{folder.name}.om")
        page.write_bytes(openmetrics.encode() if isinstance(openmetrics, str) else openmetrics)
    command = [program("promtool"), "tsdb", "create-blocks-from", "openmetrics", str(page), str(folder)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=BACKFILL_S)
    if run.returncode:
        raise AssertionError(f"promtool refuses the page:\n{run.stdout}{run.stderr}")


@contextlib.contextmanager
def serving(
    openmetrics: str | bytes | Path | None = None,
    *,
    blocks: Path | None = None,
    flags: Sequence[str] = (),
    config: str = _CONFIG,
) -> Iterator[str]:
    """Yields the base URL of a Prometheus; it is ended by its process id and its data are removed.

    Args:
        openmetrics: a page with timestamps that it is filled with first: the text, or a file's path.
        blocks: a folder of TSDB blocks to serve instead, which is copied. With neither, the database is empty.
        flags: more arguments, as `--web.enable-remote-write-receiver`.
        config: the text of prometheus.yml.
    """
    with tempfile.TemporaryDirectory(prefix="prometheus-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        data = folder / "data"
        if blocks is not None:
            shutil.copytree(blocks, data)
        elif openmetrics is not None:
            backfill(openmetrics, data)
        (folder / "prometheus.yml").write_text(config, encoding="utf-8")
        address = f"127.0.0.1:{_free_port()}"
        command = [
            program("prometheus"),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={data}",
            # Simulated time lies years back: no retention may take the samples away.
            "--storage.tsdb.retention.time=100y",
            f"--web.listen-address={address}",
            "--log.level=warn",
            *flags,
        ]
        with (folder / "output").open("w+") as output:
            process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, env=_environment())
            try:
                if not _is_ready(f"http://{address}", process):
                    output.seek(0)
                    raise AssertionError(f"{' '.join(command)} did not come up:\n{output.read()}")
                yield f"http://{address}"
            finally:
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def _is_ready(base: str, process: subprocess.Popen[bytes]) -> bool:
    give_up_s = time.monotonic() + STARTUP_S
    while process.poll() is None and time.monotonic() < give_up_s:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{base}/-/ready", timeout=5) as response:
            return bool(response.status == 200)
        time.sleep(0.05)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
