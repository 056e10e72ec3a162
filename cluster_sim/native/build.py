"""Compiles the modules. Needs what development needs, a C compiler and Python's headers."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from . import LIBRARY, MODULES, ROOT, directory, source


def build() -> Path:
    """Compile the sources as they are, unless that has been done; returns the directory of the result.

    What was compiled of earlier sources is removed.

    Raises:
        ImportError: mypy or setuptools is missing.
        SystemExit: mypy finds an error in the sources.
        setuptools.errors.CompileError: the C compiler is missing or fails.
    """
    where = directory()
    if where.is_dir():
        return where
    folder = where.parent
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix="new-") as scratch:
        _compile(Path(scratch))
        for stale in folder.glob(f"{where.name.rpartition('-')[0]}-*"):
            shutil.rmtree(stale)
        Path(scratch, "lib").rename(where)
    return where


def _compile(scratch: Path) -> None:
    from mypyc.build import mypycify
    from setuptools import Distribution

    before = Path.cwd()
    os.chdir(ROOT)  # mypyc names modules after their paths from here
    try:
        extensions = mypycify(
            [str(source(module).relative_to(ROOT)) for module in MODULES],
            opt_level="2",
            debug_level="0",
            group_name=LIBRARY.removesuffix("__mypyc"),
            target_dir=str(scratch / "c"),
        )
        command = Distribution({"name": LIBRARY, "ext_modules": extensions}).get_command_obj("build_ext")
        command.build_lib = str(scratch / "lib")
        command.build_temp = str(scratch / "objects")
        command.ensure_finalized()
        command.run()
    finally:
        os.chdir(before)
