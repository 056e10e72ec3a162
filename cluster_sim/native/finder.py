"""Finds what was compiled of these very sources, before any of the modules is imported."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from hashlib import sha256
from importlib.abc import MetaPathFinder
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
"""The directory that `cluster_sim` is in."""

MODULES = tuple(
    f"cluster_sim.{name}"
    for name in (
        "engine.attack",
        "engine.call",
        "engine.edge",
        "engine.executor",
        "engine.jwks",
        "engine.keyring",
        "engine.keyspace",
        "engine.pool",
        "engine.recorder",
        "engine.replica",
        "engine.service",
        "engine.simulation",
        "engine.spans",
        "engine.state",
        "workload",
    )
)
"""What is compiled: where most of the time goes, and the kinds that are derived from those."""

LIBRARY = "cluster_sim__mypyc"
"""What all of them share."""

OFF = "0"

_SUFFIX = EXTENSION_SUFFIXES[0]
"""How extensions of this interpreter on this platform end."""


def source(module: str) -> Path:
    """The file that a module is written in."""
    return ROOT.joinpath(*module.split(".")).with_suffix(".py")


def folder() -> Path:
    """Where compiled modules are kept."""
    return ROOT / (os.environ.get("NATIVE") or ".native")


def directory() -> Path:
    """Where the modules are, if these very sources have been compiled for this interpreter.

    Constants of other modules become part of the compiled ones, so whatever the engine consists of or imports counts.
    """
    digest = sha256()
    package = ROOT / "cluster_sim"
    for file in sorted(file for pattern in ("*.py", "engine/*.py", "native/*.py") for file in package.glob(pattern)):
        digest.update(file.name.encode() + file.read_bytes())
    return folder() / f"{digest.hexdigest()[:16]}{_SUFFIX}"


class Finder(MetaPathFinder):
    """Finds the compiled modules of a directory."""

    def __init__(self, where: Path) -> None:
        self.files = {name: f"{where.joinpath(*name.split('.'))}{_SUFFIX}" for name in (*MODULES, LIBRARY)}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where a module is, if it is one of them."""
        file = self.files.get(fullname)
        if file is None:
            return None
        return spec_from_file_location(fullname, file, loader=ExtensionFileLoader(fullname, file))


def _use() -> bool:
    if os.environ.get("NATIVE") == OFF or not folder().is_dir():
        return False
    where = directory()
    if where.is_dir():
        sys.meta_path.insert(0, Finder(where))
        return True
    return False


COMPILED = _use()
"""Whether the modules are the compiled ones."""
