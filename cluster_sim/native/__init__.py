"""The engine's hottest modules, compiled to C from the very sources that run without it.

`make native` compiles the modules named here with mypyc and keeps them under `.native/`, in a directory named after
the interpreter and a digest of the sources. Where that directory exists, those modules are imported from it; where it
does not, or the engine has been edited since, they are interpreted. What an episode shows is the same to the byte.

In the environment, `NATIVE=0` has them interpreted anyway, and `NATIVE=folder` looks there instead of in `.native/`.
"""

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


def source(module: str) -> Path:
    """The file that a module is written in."""
    return ROOT.joinpath(*module.split(".")).with_suffix(".py")


def directory() -> Path:
    """Where the modules are, if these very sources have been compiled for this interpreter.

    Constants of other modules become part of the compiled ones, so whatever the engine consists of or imports counts.
    """
    digest = sha256()
    package = ROOT / "cluster_sim"
    for file in sorted([*package.glob("*.py"), *package.glob("engine/*.py")]):
        digest.update(file.read_bytes())
    folder = os.environ.get("NATIVE") or ROOT / ".native"
    return Path(folder, f"{sys.implementation.cache_tag}-{sys.platform}-{digest.hexdigest()[:16]}")


class Finder(MetaPathFinder):
    """Finds the compiled modules of a directory."""

    def __init__(self, where: Path) -> None:
        suffix = EXTENSION_SUFFIXES[0]
        self.files = {name: f"{where.joinpath(*name.split('.'))}{suffix}" for name in (*MODULES, LIBRARY)}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where a module is, if it is one of them."""
        file = self.files.get(fullname)
        if file is None:
            return None
        return spec_from_file_location(fullname, file, loader=ExtensionFileLoader(fullname, file))


def in_use() -> bool:
    """Whether the modules are compiled ones."""
    return any(isinstance(finder, Finder) for finder in sys.meta_path)


def _use() -> None:
    if os.environ.get("NATIVE") != OFF and not in_use():
        where = directory()
        if where.is_dir():
            sys.meta_path.insert(0, Finder(where))


_use()  # once, before any of the modules is imported
