"""The commands a newcomer types, and the one that continuous integration types."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path


def test_make_help_lists_every_command(root: Path, tool: Callable[[str], str]) -> None:
    """`make` alone prints each command with what it does."""
    commands = re.findall(r"^\.PHONY: (\w+)$", (root / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    printed = subprocess.run([tool("make"), "-C", str(root), "--no-print-directory"], capture_output=True, text=True)
    assert re.findall(r"^  make (\w+) +\S", printed.stdout, flags=re.MULTILINE) == commands
    assert {"run", "test", "lint", "bench", "table"} <= set(commands)


def test_without_a_supported_python_make_says_what_is_needed(
    root: Path, tmp_path: Path, tool: Callable[[str], str]
) -> None:
    """The error names the versions, and no half-made environment stays behind."""
    shutil.copy(root / "Makefile", tmp_path)
    shutil.copy(root / "requirements.txt", tmp_path)
    bare = tmp_path / "bin"
    bare.mkdir()
    (bare / "bash").symlink_to(tool("bash"))
    run = subprocess.run(
        [tool("make"), "-C", str(tmp_path), "run"], capture_output=True, text=True, env={"PATH": str(bare)}
    )
    assert run.returncode != 0
    assert "needs Python 3.11, 3.12 or 3.13" in run.stderr
    assert not (tmp_path / ".venv").exists()


def test_ci_script_is_executable_and_runs_the_documented_command(root: Path) -> None:
    """CI proves what the README promises, nothing else."""
    script = root / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").splitlines()[-1] == "make test"


def test_the_package_env_is_not_ignored(root: Path) -> None:
    """An ignored `env/` would silently drop the package from git, lint and build."""
    for name in (".gitignore", ".dockerignore"):
        patterns = (root / name).read_text(encoding="utf-8").splitlines()
        assert not {"env", "env/", "/env", "/env/"} & set(patterns), name
