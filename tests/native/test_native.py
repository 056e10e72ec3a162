"""The compiled engine: the same worlds to the byte, and never one of other sources."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from cluster_sim import FAULTS
from cluster_sim.native import MODULES, build, finder
from cluster_sim.native.__main__ import main

IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}
WORLDS = Path(__file__).with_name("worlds.py")


def run(root: Path, where: str, *command: str) -> str:
    """The output of a program whose engine is compiled, or not."""
    environment = os.environ | {"NATIVE": where, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, *command], cwd=root, env=environment, capture_output=True, text=True, timeout=1500, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_compiled_worlds_are_those_of_the_sources(root, tool, tmp_path):
    """Every fault, its repair, a snapshot and the examination; then whole episodes of a policy that reads logs."""
    tool("gcc")
    if not IN_CI and not Path(sysconfig.get_path("include"), "Python.h").is_file():
        pytest.skip("Python's headers are not installed")
    compiled = str(tmp_path / "native")
    run(root, compiled, "-m", "cluster_sim.native")

    def worlds(where: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in run(root, where, str(WORLDS), *FAULTS).splitlines()]

    def rows(where: str, *task: str) -> bytes:
        out = tmp_path / "rows.jsonl"
        play = ("sweep", *task, "--policy", "rule_based", "--workers", "1", "--out", str(out), "--overwrite")
        run(root, where, "-m", "env", *play)
        return out.read_bytes()

    (interpreted, *expected), (native_said, *found) = worlds(finder.OFF), worlds(compiled)
    assert (interpreted, native_said) == ({"compiled": False}, {"compiled": True})
    assert len(found) == len(FAULTS)
    assert found == expected
    for task in (("--seeds", "0:2"), ("--task", "generated", "--split", "test", "--seeds", "0:5")):
        assert rows(compiled, *task) == rows(finder.OFF, *task)


@pytest.fixture
def sources(monkeypatch, tmp_path) -> list[Path]:
    """The files of the engine, or rather of something that looks like it."""
    monkeypatch.setattr(finder, "ROOT", tmp_path)
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.delenv("NATIVE")
    # The clock is not compiled, but its constants become part of what is.
    files = [finder.source(module) for module in (*MODULES, "cluster_sim.clock", "cluster_sim.engine.program")]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text('"""As it was."""\n')
    return files


def compile_nothing(scratch: Path) -> None:
    """Stands for the compiler, which takes half a minute."""
    (scratch / "lib").mkdir()


def test_what_was_compiled_of_other_sources_is_not_used(sources):
    found = {finder.directory()}
    assert found == {finder.directory()}
    for file in sources:
        file.write_text('"""As it is now."""\n')
        found.add(finder.directory())
    assert len(found) == 1 + len(sources)


def test_only_what_was_compiled_last_is_kept(sources, monkeypatch):
    monkeypatch.setattr(build, "_compile", compile_nothing)
    first = build.build()
    assert first == build.build()
    sources[0].write_text('"""As it is now."""\n')
    second = build.build()
    assert [*finder.folder().iterdir()] == [second]


def test_what_was_edited_while_it_was_compiled_is_not_kept(sources, monkeypatch):
    def edited_meanwhile(scratch: Path) -> None:
        compile_nothing(scratch)
        sources[0].write_text('"""As it is now."""\n')

    monkeypatch.setattr(build, "_compile", edited_meanwhile)
    with pytest.raises(build.NotCompiled, match="edited"):
        build.build()
    assert [*finder.folder().iterdir()] == []


def test_without_a_compiler_it_says_so_and_nothing_is_left(sources, monkeypatch, capsys):
    def fails(scratch: Path) -> None:
        raise build.NotCompiled("no C compiler")

    monkeypatch.setattr(build, "_compile", fails)
    assert main() == 1
    assert "It stays interpreted: no C compiler." in capsys.readouterr().err
    assert [*finder.folder().iterdir()] == []


def test_who_switches_it_off_compiles_nothing(monkeypatch, capsys):
    monkeypatch.setenv("NATIVE", finder.OFF)
    assert main() == 1
    assert "nothing is to be compiled" in capsys.readouterr().err


def test_only_what_is_listed_is_taken_from_there(tmp_path):
    found = finder.Finder(tmp_path)
    listed = found.find_spec("cluster_sim.engine.call")
    assert listed is not None
    assert listed.origin is not None
    assert Path(listed.origin).is_relative_to(tmp_path)
    assert found.find_spec("cluster_sim.engine.log") is None
    assert found.find_spec("json") is None


@pytest.mark.parametrize("module", MODULES)
def test_every_listed_module_exists(module):
    assert finder.source(module).is_file()
