"""Compiles the modules. Needs what development needs, a C compiler and Python's headers."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from .finder import LIBRARY, MODULES, OFF, ROOT, directory, folder, source


class NotCompiled(Exception):
    """Why the modules were not compiled."""


def build() -> Path:
    """Compile the sources as they are, unless that has been done; returns the directory of the result.

    What was compiled of earlier sources is removed from `.native/`.

    Raises:
        NotCompiled: something that it takes is missing or fails, or the sources were edited meanwhile.
        SystemExit: mypy finds an error in the sources.
    """
    if os.environ.get("NATIVE") == OFF:
        raise NotCompiled(f"NATIVE={OFF} says that nothing is to be compiled")
    where = directory()
    if where.is_dir():
        return where
    folder().mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder(), prefix="new-") as scratch:
        _compile(Path(scratch))
        if directory() != where:
            raise NotCompiled("the sources were edited meanwhile")
        earlier = [*folder().glob(f"*{where.suffix}")] if folder() == ROOT / ".native" else []
        if not where.is_dir():  # another process may have been quicker
            Path(scratch, "lib").rename(where)
        for stale in earlier:
            if stale != where:
                shutil.rmtree(stale, ignore_errors=True)
    return where


def _compile(scratch: Path) -> None:
    try:
        from mypyc.build import mypycify
        from setuptools import Distribution
        from setuptools.errors import CompileError, LinkError
    except ImportError as error:
        raise NotCompiled(f"what development needs is not installed ({error})") from None
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
    except (CompileError, LinkError) as error:
        raise NotCompiled(f"no C compiler or no Python headers ({error})") from None
    finally:
        os.chdir(before)
