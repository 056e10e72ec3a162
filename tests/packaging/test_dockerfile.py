"""The image: its Dockerfile is clean, and its install and start lines work for a user without rights."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

IMAGE_UID = 1000
START_PATIENCE_S = 60.0
IS_SUPPORTED = "import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))"


class Instruction(NamedTuple):
    """One instruction of a Dockerfile, its continuation lines joined."""

    keyword: str
    value: str

    @property
    def argv(self) -> list[str]:
        """The command of an exec form, also behind HEALTHCHECK's options."""
        command: list[str] = json.loads(self.value[self.value.index("[") :])
        return command


class Image(NamedTuple):
    """What an image holds, unpacked on disk: the application folder and the programs on its PATH."""

    app: Path
    path: str

    def environment(self) -> dict[str, str]:
        """The variables a container would start with."""
        return {"PATH": self.path, "HOME": str(self.app), "PYTHONUNBUFFERED": "1"}


def as_image_user(command: list[str]) -> list[str]:
    """The command with root dropped for the image's user, where there is a root to drop."""
    if os.geteuid() != 0:
        return command
    return ["setpriv", f"--reuid={IMAGE_UID}", f"--regid={IMAGE_UID}", "--clear-groups", *command]


def image_python() -> str:
    """A supported interpreter that the image's user may execute (root's own often is not)."""
    own = getattr(sys, "_base_executable", sys.executable)
    for python in (own, *sorted(map(str, Path("/usr/bin").glob("python3*")))):
        if subprocess.run(as_image_user([python, "-c", IS_SUPPORTED]), cwd="/", capture_output=True).returncode == 0:
            return python
    pytest.fail("no supported Python that the image's user may execute")


@pytest.fixture(scope="module")
def instructions(root: Path) -> list[Instruction]:
    """The Dockerfile's instructions, in order."""
    text = re.sub(r"^#.*\n", "", (root / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [Instruction(*line.split(maxsplit=1)) for line in lines if line.strip()]


@pytest.fixture
def only(instructions: list[Instruction]) -> Callable[[str, str], Instruction]:
    """Finds the one instruction of a kind whose value begins in a certain way."""

    def find(keyword: str, beginning: str = "") -> Instruction:
        [found] = [it for it in instructions if it.keyword == keyword and it.value.startswith(beginning)]
        return found

    return find


@pytest.fixture
def image(root: Path, only: Callable[..., Instruction]) -> Iterator[Image]:
    """The files that .dockerignore admits, and a fresh environment made by the Dockerfile's install line."""
    with tempfile.TemporaryDirectory(prefix="image-") as made:
        top = Path(made)
        top.chmod(0o755)  # the image's user reads it
        app, venv = top / "app", top / "venv"
        app.mkdir()
        for line in (root / ".dockerignore").read_text(encoding="utf-8").splitlines():
            admitted = root / line.removeprefix("!")
            if line.startswith("!") and admitted.is_dir():
                shutil.copytree(admitted, app / admitted.name, ignore=shutil.ignore_patterns("__pycache__"))
            elif line.startswith("!") and admitted.exists():
                shutil.copy(admitted, app)

        subprocess.run([image_python(), "-m", "venv", str(venv)], check=True)
        image = Image(app=app, path=os.pathsep.join([str(venv / "bin"), "/usr/bin", "/bin"]))
        install = only("RUN", "pip install").value
        subprocess.run(install, shell=True, check=True, cwd=app, env=os.environ | {"PATH": image.path})
        yield image


@contextlib.contextmanager
def started(image: Image, command: list[str], health: str) -> Iterator[None]:
    """Runs the command as the image's user from when its health page answers 200 until the block ends."""
    log = image.app.parent / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            as_image_user(command), cwd=image.app, env=image.environment(), stdout=output, stderr=output
        )
    try:
        give_up = time.monotonic() + START_PATIENCE_S
        while not answers_ok(health):
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(timeout=0.1)
            if server.poll() is not None or time.monotonic() > give_up:
                pytest.fail(f"the server did not come up:\n{log.read_text(encoding='utf-8')}")
        yield
    finally:
        server.terminate()
        server.wait(timeout=START_PATIENCE_S)


def answers_ok(url: str) -> bool:
    """Whether a GET of the address is answered with 200."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


@pytest.mark.slow
def test_install_and_start_lines_serve_health_to_a_user_without_rights(
    image: Image, only: Callable[..., Instruction], free_port: Callable[[], int]
) -> None:
    """The health check passes while the start line's server is up and fails once it is gone."""
    port = str(free_port())

    def on_loopback(command: list[str]) -> list[str]:
        return [word.replace("0.0.0.0", "127.0.0.1").replace("7860", port) for word in command]

    check = as_image_user(on_loopback(only("HEALTHCHECK").argv))
    with started(image, on_loopback(only("CMD").argv), f"http://127.0.0.1:{port}/health"):
        up = subprocess.run(check, cwd=image.app, env=image.environment(), capture_output=True, text=True)
    down = subprocess.run(check, cwd=image.app, env=image.environment(), capture_output=True, text=True)

    assert (up.returncode, up.stderr) == (0, "")
    assert down.returncode != 0


def test_image_starts_as_uid_1000_on_port_7860(
    only: Callable[..., Instruction], instructions: list[Instruction]
) -> None:
    """The start line is the documented one, and it comes after the change of user."""
    assert only("FROM").value == "python:3.11-slim"
    assert only("EXPOSE").value == "7860"
    assert " ".join(only("CMD").argv) == "uvicorn main:app --host 0.0.0.0 --port 7860"
    user = only("USER")
    assert user.value == str(IMAGE_UID)
    assert instructions.index(user) < instructions.index(only("CMD"))


def test_hadolint_finds_nothing_in_the_dockerfile(root: Path, tool: Callable[[str], str]) -> None:
    """Every rule of the Dockerfile linter holds."""
    findings = subprocess.run([tool("hadolint"), str(root / "Dockerfile")], capture_output=True, text=True)
    assert (findings.returncode, findings.stdout) == (0, "")
