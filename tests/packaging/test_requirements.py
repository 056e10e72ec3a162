"""The locks: every declared dependency is pinned inside its range, and says why it is there."""

import re
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKS = ("requirements.txt", "requirements-dev.txt")


@pytest.fixture(scope="module")
def project(root: Path) -> dict[str, Any]:
    """The parsed pyproject.toml."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


def lock_lines(root: Path, lock: str) -> list[str]:
    """The requirement lines of one lock."""
    lines = (root / lock).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith(("#", "-r "))]


def pins(root: Path, *locks: str) -> dict[str, str]:
    """The version that the locks pin, by package."""
    pinned = [Requirement(line) for lock in locks for line in lock_lines(root, lock)]
    return {canonicalize_name(it.name): str(it.specifier).removeprefix("==") for it in pinned}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_exact_pins_and_no_address(root: Path, lock: str) -> None:
    """No ranges, no index, no links: the lock reads the same for every mirror."""
    pin = re.compile(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+( ; python_version >= \"3\.1[23]\")?")
    assert [line for line in lock_lines(root, lock) if not pin.fullmatch(line)] == []
    assert "://" not in (root / lock).read_text(encoding="utf-8")


def test_runtime_lock_meets_the_declared_ranges(root: Path, project: dict[str, Any]) -> None:
    """What users install is what pyproject.toml admits."""
    pinned = pins(root, "requirements.txt")
    for declared in map(Requirement, project["project"]["dependencies"]):
        assert declared.specifier.contains(pinned[canonicalize_name(declared.name)]), declared


def test_development_lock_meets_the_declared_ranges(root: Path, project: dict[str, Any]) -> None:
    """Development tools come on top of the runtime lock, which they leave as it is."""
    pinned = pins(root, *LOCKS)
    for declared in map(Requirement, project["dependency-groups"]["dev"]):
        assert declared.specifier.contains(pinned[canonicalize_name(declared.name)]), declared
    assert pins(root, "requirements.txt").keys().isdisjoint(pins(root, "requirements-dev.txt"))


def test_the_openenv_package_stays_out_of_the_runtime(root: Path) -> None:
    """The server speaks the protocol itself; the package and its Gradio are for the tests."""
    assert pins(root, "requirements.txt").keys().isdisjoint({"openenv", "openenv-core", "gradio"})
    assert "openenv-core" not in pins(root, *LOCKS)


def test_every_dependency_carries_its_reason(root: Path, project: dict[str, Any]) -> None:
    """A comment stands above each declared dependency."""
    lines = (root / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    explained = {line.strip() for above, line in pairwise(lines) if above.strip().startswith("# ")}
    declared = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    assert [it for it in declared if f'"{it}",' not in explained] == []
