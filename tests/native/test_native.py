"""The compiled engine: the same worlds to the byte, and never one of other sources."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cluster_sim import FAULTS, native
from cluster_sim.native import build as building

WORLDS = Path(__file__).with_name("worlds.py")


def run(root: Path, where: str, *command: str) -> str:
    """The output of a program whose engine is compiled, or not."""
    environment = os.environ | {"NATIVE": where, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, *command], cwd=root, env=environment, capture_output=True, text=True, timeout=1500, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_compiled_worlds_are_those_of_the_sources(root, tmp_path):
    """Every fault, its repair, a snapshot and the examination; then whole episodes of a policy that reads logs."""
    compiled = str(tmp_path / "native")
    run(root, compiled, "-m", "cluster_sim.native")

    def worlds(where: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in run(root, where, str(WORLDS), *FAULTS).splitlines()]

    def rows(where: str, *task: str) -> bytes:
        out = tmp_path / "rows.jsonl"
        play = ("sweep", *task, "--policy", "rule_based", "--workers", "1", "--out", str(out), "--overwrite")
        run(root, where, "-m", "env", *play)
        return out.read_bytes()

    (interpreted, *expected), (native_said, *found) = worlds(native.OFF), worlds(compiled)
    assert (interpreted, native_said) == ({"compiled": False}, {"compiled": True})
    assert len(found) == len(FAULTS)
    assert found == expected
    for task in (("--seeds", "0:2"), ("--task", "generated", "--split", "test", "--seeds", "0:5")):
        assert rows(compiled, *task) == rows(native.OFF, *task)


def test_what_was_compiled_of_other_sources_is_not_used(monkeypatch, tmp_path):
    monkeypatch.setenv("NATIVE", str(tmp_path / "compiled"))
    monkeypatch.setattr(native, "ROOT", tmp_path)
    # The clock is not compiled, but its constants become part of what is.
    sources = [native.source(module) for module in (*native.MODULES, "cluster_sim.clock", "cluster_sim.engine.program")]
    for file in sources:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text('"""As it was."""\n')
    found = {native.directory()}
    assert found == {native.directory()}
    for file in sources:
        file.write_text('"""As it is now."""\n')
        found.add(native.directory())
    assert len(found) == 1 + len(sources)


def test_only_what_is_listed_is_taken_from_there(tmp_path):
    finder = native.Finder(tmp_path)
    listed = finder.find_spec("cluster_sim.engine.call")
    assert listed is not None
    assert listed.origin is not None
    assert Path(listed.origin).is_relative_to(tmp_path)
    assert finder.find_spec("cluster_sim.engine.log") is None
    assert finder.find_spec("json") is None


def test_without_a_compiler_it_says_so_and_nothing_is_left(monkeypatch, tmp_path, capsys):
    from setuptools.errors import CompileError

    from cluster_sim.native.__main__ import main

    def fails(scratch: Path) -> None:
        raise CompileError("command 'gcc' failed: No such file or directory")

    monkeypatch.setenv("NATIVE", str(tmp_path))
    monkeypatch.setattr(building, "_compile", fails)
    assert main() == 1
    assert "stays interpreted" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("module", native.MODULES)
def test_every_listed_module_exists(module):
    assert native.source(module).is_file()
