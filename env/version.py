"""What decides the bytes of an episode: the project's code and the libraries that its draws and events come from."""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from importlib.metadata import version as library_version
from pathlib import Path

import cluster_sim

VERSION = "0.1.0"
"""The project's."""
LIBRARIES = ("numpy", "pydantic", "simpy")
PACKAGES = {"cluster_sim": Path(cluster_sim.__file__).parent, "env": Path(__file__).parent}
"""The folders that hold the code of an episode."""
_NOT_IN_AN_EPISODE = {"server", "live", "evaluate"}


@cache
def version() -> str:
    """The project's version, then a digest of the code and libraries: what equal versions played can be compared."""
    digest = blake2b(digest_size=6)
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            inside = path.relative_to(folder)
            if package != "env" or inside.parts[0] not in _NOT_IN_AN_EPISODE:
                digest.update(f"{package}/{inside.as_posix()}\n".encode())
                digest.update(path.read_bytes())
    for name in LIBRARIES:
        digest.update(f"{name} {library_version(name)}\n".encode())
    return f"{VERSION}+{digest.hexdigest()}"
