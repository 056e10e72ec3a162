"""Starts the server as its own process on a free loopback port, and ends it by its process id."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STARTUP_S = 30.0


@contextlib.contextmanager
def running_server(app: str = "main:app", environ: Mapping[str, str] | None = None) -> Iterator[str]:
    """Yields the base URL of `uvicorn <app>`; what it printed is shown when it does not come up."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", str(port)]
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **(environ or {})}, stdout=output, stderr=output
        )
        try:
            url = f"http://127.0.0.1:{port}"
            if not answers(url, process):
                output.seek(0)
                raise RuntimeError(f"{' '.join(command)} did not come up:\n{output.read()}")
            yield url
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    """Whether the server answers /health before its process ends or the patience does."""
    give_up_s = time.monotonic() + STARTUP_S
    while process.poll() is None and time.monotonic() < give_up_s:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=5) as response:
            return bool(response.status == 200)
        time.sleep(0.02)
    return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
