"""What all tests share: the Hypothesis profile, free ports and outside tools."""

import os
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("NATIVE", "0")  # tests look into the engine; tests/native compares it with the compiled one
IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}
ROOT = Path(__file__).resolve().parent.parent

settings.register_profile("project", deadline=None, derandomize=IN_CI, print_blob=True)
settings.load_profile("project")


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's top folder."""
    return ROOT


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Picks a loopback port that nothing listens on."""

    def pick() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    return pick


@pytest.fixture(scope="session")
def tool() -> Callable[[str], str]:
    """Finds a program by name; where it is not installed the test is skipped, in CI it fails."""

    def find(name: str) -> str:
        search = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        found = shutil.which(name, path=search)
        if found is None:
            missing = f"{name} is not installed"
            if IN_CI:
                pytest.fail(missing)
            pytest.skip(missing)
        return found

    return find
