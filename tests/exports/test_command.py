"""The command `export`: wrong options are refused before any work; an export is complete or says what is missing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from cluster_sim.__main__ import main
from cluster_sim.exports import FORMATS
from cluster_sim.exports.table import INDICATORS
from cluster_sim.reference import MEASURED, PAGES, page

FAULT = "redis_maxmemory_orphan_keys"


@pytest.fixture
def refused(capsys, monkeypatch):
    """Runs the command with options that must be refused; returns what it said."""
    monkeypatch.setattr("cluster_sim.exports.run.play", lambda *_: pytest.fail("work has begun"))

    def run(*options: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["export", *options])
        assert ended.value.code == 2
        said = capsys.readouterr().err
        assert "Traceback" not in said
        return said.splitlines()[-1]

    return run


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--fault", "gremlins"], "invalid choice: 'gremlins'"),
        (["--seeds", "5:5"], "there is no seed in '5:5'"),
        (["--seeds", "9:3"], "there is no seed in '9:3'"),
        (["--seeds", "-3:3"], "--seeds"),
        (["--seeds", "1:2:3"], "'1:2:3' is neither a seed nor a range"),
        (["--seeds", "٣"], "is neither a seed nor a range"),
        (["--seeds", "0:1000000"], "more than 100000 seeds"),
        (["--seeds", str(2**63)], "seeds end at"),
        (["--duration", "0"], "0 is not between"),
        (["--duration", "nan"], "nan is not between"),
        (["--duration", "soon"], "'soon' is not a number"),
        (["--rate", "4"], "4 is not between 5 and 500"),
        (["--noise", "inf"], "inf is not between 0 and 3"),
        (["--jobs", "0"], "'0' is not a number of processes"),
        (["--format", "openmetrics,parrot"], "unknown format 'parrot'"),
        (["--remediation", "hope"], "invalid choice: 'hope'"),
        (["--remote-write", "ftp://host/x"], "is not an http or https URL"),
        (["--remote-write", "http://host:99999/x"], "is not an http or https URL"),
        (["--external-label", "__name__=x"], "is not a label"),
        (["--external-label", "seed={seed}"], "--external-label needs --remote-write"),
    ],
)
def test_a_wrong_option_is_named(refused, tmp_path, options, words):
    """Status 2, one line, no traceback."""
    assert words in refused("--fault", FAULT, "--out", str(tmp_path), *options)


def test_options_that_do_not_go_together_are_refused(refused, tmp_path):
    """Nowhere to write to; a remediation without a page; many episodes on top of each other."""
    assert "nowhere to write to" in refused("--fault", FAULT)
    assert "--remediation needs a fault" in refused(
        "--fault", "none", "--out", str(tmp_path), "--remediation", "restart_redis"
    )
    many = ("--fault", FAULT, "--seeds", "0:3", "--remote-write", "http://127.0.0.1:9/api/v1/write")
    assert "--external-label seed={seed}" in refused(*many)
    assert "--format needs --out" in refused(*many, "--format", "logs")


def test_a_folder_that_cannot_be_written_is_refused(refused, tmp_path):
    """A file in its place, and a folder below a file."""
    taken = tmp_path / "taken"
    taken.write_text("mine")
    assert "cannot write to" in refused("--fault", FAULT, "--out", str(taken))
    assert "cannot write to" in refused("--fault", FAULT, "--out", str(taken / "below"))
    assert taken.read_text() == "mine"


def test_a_receiver_that_is_not_there_is_refused(refused, free_port):
    """Before any episode is played."""
    url = f"http://127.0.0.1:{free_port()}/api/v1/write"
    assert f"{url} cannot be reached" in refused("--fault", FAULT, "--remote-write", url)


def test_help_names_every_fault_and_format(capsys):
    """What can be chosen is on the page of help."""
    with pytest.raises(SystemExit):
        main(["export", "--help"])
    printed = capsys.readouterr().out
    for word in (FAULT, "none", "openmetrics", "logs", "otlp", "jaeger", "rca"):
        assert word in printed


def test_the_how_to_names_every_format_and_indicator(root):
    """The document keeps up with the code."""
    text = (root / "docs" / "how-to" / "export.md").read_text(encoding="utf-8")
    for name in (*FORMATS, *(indicator.name for indicator in INDICATORS)):
        assert f"`{name}`" in text


def test_the_other_commands_are_still_there(tmp_path):
    """`reference` writes its pages, and those that are measured."""
    assert main(["reference", str(tmp_path)]) == 0
    written = {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*.md")}
    assert set(written) == {*PAGES, *MEASURED}
    assert {name: written[name] for name in PAGES} == {name: page(name) for name in PAGES}


@pytest.mark.slow
def test_an_interrupted_export_leaves_complete_files_only(root, tmp_path):
    """Ctrl-C ends it with status 130; no file is begun and not finished, and every episode with a truth is whole."""
    command = [sys.executable, "-m", "cluster_sim", "export", "--fault", "none", "--seeds", "0:500", "--jobs", "2"]
    command += ["--duration", "1", "--out", str(tmp_path), "--format", "openmetrics,logs"]
    export = subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        limit = time.monotonic() + 120
        while not list(tmp_path.glob("healthy/*/truth.json")):
            assert export.poll() is None
            assert time.monotonic() < limit
            time.sleep(0.05)
        # The terminal sends it to every process of the group.
        os.killpg(export.pid, signal.SIGINT)
        _, said = export.communicate(timeout=120)
    finally:
        if export.poll() is None:
            os.killpg(export.pid, signal.SIGKILL)
            export.wait()
    assert export.returncode == 130
    assert said.strip() == "interrupted; every file written is complete"
    written = list(tmp_path.glob("healthy/*/*"))
    assert {path.name for path in written} == {"metrics.om", "logs.jsonl", "truth.json"}
    assert all(path.read_text().endswith("# EOF\n") for path in written if path.suffix == ".om")


@pytest.mark.slow
def test_a_terminal_sees_the_progress(root, tmp_path):
    """Episodes done of episodes wanted."""
    here, there = os.openpty()
    try:
        command = [sys.executable, "-m", "cluster_sim", "export", "--fault", "none", "--seeds", "0:2", "--jobs", "1"]
        command += ["--duration", "0.25", "--out", str(tmp_path)]
        run = subprocess.run(command, cwd=root, stderr=there, stdout=subprocess.PIPE, timeout=120)
        seen = os.read(here, 65536).decode()
    finally:
        os.close(here)
        os.close(there)
    assert (run.returncode, run.stdout) == (0, b"")
    assert "2/2" in seen
