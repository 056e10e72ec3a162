"""The command `sweep`: what it refuses, what it prints, and how it is ended."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from env.__main__ import main
from env.policies import POLICIES
from env.sweep import Sweep, play
from env.sweep.row import COLUMNS
from env.tasks import TASKS

CHEAP = ("--task", "task_easy", "--policy", "first_listed")


@pytest.fixture
def refused(capsys, monkeypatch, tmp_path):
    """Runs the command with options that must be refused; returns the one line that it says."""
    monkeypatch.setattr("env.sweep.runs.in_order", lambda *_: pytest.fail("work has begun"))

    def run(*options: str) -> str:
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(SystemExit) as ended:
            main(["sweep", *options])
        assert ended.value.code == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("python -m env sweep: error: ")
        assert captured.err.count("\n") == 1
        assert sorted(tmp_path.rglob("*")) == before
        return captured.err

    return run


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--seeds", "5:1"], "there is no seed in '5:1'"),
        (["--seeds", "5:5"], "there is no seed in '5:5'"),
        (["--seeds", "a:b"], "'a:b' is neither a seed nor a range"),
        (["--seeds=-1:4"], "neither a seed nor a range"),
        (["--seeds", "1:2:3"], "neither a seed nor a range"),
        (["--seeds", "٣"], "neither a seed nor a range"),
        (["--seeds", ""], "neither a seed nor a range"),
        (["--seeds", f"0:{2**63 + 1}"], "seeds end at 9223372036854775807"),
        (["--seeds", "9" * 5000], "neither a seed nor a range"),
        ([], "--seeds is needed"),
        (["--seeds", "0:4", "--task", "task_impossible"], "unknown task 'task_impossible'"),
        (["--seeds", "0:4", "--task", ","], "no tasks"),
        (["--seeds", "0:4", "--policy", "hope"], "unknown policy 'hope'"),
        (["--seeds", "0:4", "--noise", "4"], "noise 4"),
        (["--seeds", "0:4", "--noise", "nan"], "noise nan"),
        (["--seeds", "0:4", "--noise", "loud"], "'loud' is not a list of numbers"),
        (["--seeds", "0:4", "--arrival-rate", "20,,50"], "is not a list of numbers"),
        (["--seeds", "0:4", "--arrival-rate", "1"], "arrival_rate_hz 1"),
        (["--seeds", "0:4", "--reward-mode", "gold"], "reward_mode gold"),
        (["--seeds", "0:4", "--workers", "0"], "0 workers are not between 1 and"),
        (["--seeds", "0:4", "--workers=-2"], "-2 workers are not between 1 and"),
        (["--seeds", "0:4", "--workers", "many"], "'many' is not a whole number"),
        (["--seeds", "0:4", "--chunk", "49"], "a chunk of 49 is not between 50 and 500"),
        (["--seeds", "0:4", "--chunk", "501"], "a chunk of 501 is not between 50 and 500"),
        (["--seeds", "0:4", "--engine", "steam"], "unknown engine 'steam'"),
        (["--seeds", "0:4", "--ray-address", "127.0.0.1:6379"], "needs the engine ray"),
        (["--seeds", "0:4", "--engine", "ray", "--ray-address", "there"], "is not the address of a Ray cluster"),
        (["--seeds", "0:4", "--engine", "ray", "--ray-address", "ray://a:1"], "is not the address of a Ray cluster"),
        (["--seeds", "0:4", "--engine", "ray", "--ray-address", "a:99999"], "is not the address of a Ray cluster"),
    ],
)
def test_a_wrong_option_is_named(refused, tmp_path, options, words):
    """Status 2, one line, nothing played and nothing written."""
    assert words in refused("--out", str(tmp_path / "results.jsonl"), *options)


def test_a_file_that_cannot_be_written_is_refused(refused, tmp_path):
    """No folder, a folder, no place for files, an unknown format, a file that is there."""
    there = tmp_path / "there.jsonl"
    there.write_text("mine")
    folder = tmp_path / "folder.jsonl"
    folder.mkdir()
    for out, words in (
        (tmp_path / "missing" / "results.jsonl", "missing is no directory"),
        (there / "results.jsonl", "there.jsonl is no directory"),
        (folder, "is a directory"),
        (Path("/proc/results.jsonl"), "cannot be written"),
        (tmp_path / "results.csv", "should end in .jsonl or .parquet"),
        (tmp_path / "results", "should end in .jsonl or .parquet"),
        (there, "is there already"),
    ):
        assert words in refused("--seeds", "0:4", "--out", str(out))
    assert "--out is needed" in refused("--seeds", "0:4")
    assert there.read_text() == "mine"


def test_a_folder_without_permission_is_refused(refused, tmp_path, monkeypatch):
    """As its mode says; a superuser may write everywhere, so the answer is the operating system's."""
    monkeypatch.setattr("os.access", lambda *_: False)
    assert "cannot be written to" in refused("--seeds", "0:4", "--out", str(tmp_path / "results.jsonl"))


def test_a_cluster_that_is_not_there_is_refused(refused, tmp_path, free_port):
    """At once."""
    began = time.monotonic()
    out = str(tmp_path / "results.jsonl")
    for address in (f"127.0.0.1:{free_port()}", "no-such-host.invalid:6379"):
        said = refused("--seeds", "0:4", "--out", out, "--engine", "ray", "--ray-address", address)
        assert f"no Ray cluster can be reached at {address}" in said
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("module", "options", "extra"),
    [("pyarrow", ["--out", "{}.parquet"], "[parquet]"), ("ray", ["--out", "{}.jsonl", "--engine", "ray"], "[ray]")],
)
def test_a_missing_extra_is_named(refused, tmp_path, monkeypatch, module, options, extra):
    """Without the package, before anything is played."""
    monkeypatch.setitem(sys.modules, module, None)
    said = refused("--seeds", "0:4", *(option.format(tmp_path / "results") for option in options))
    assert f"incident-response-env{extra}" in said


def test_without_the_extras_the_command_works(root, tmp_path):
    """Neither package is imported where it is not asked for."""
    program = (
        "import sys; sys.modules['ray'] = sys.modules['pyarrow'] = None\n"
        "from env.__main__ import main\n"
        f"raise SystemExit(main(['sweep', '--summary-only', {str(tmp_path / 'none.jsonl')!r}]))"
    )
    said = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True)
    assert (said.returncode, said.stderr.count("\n")) == (2, 1)
    assert "none.jsonl does not exist" in said.stderr


def test_what_is_no_result_of_a_sweep_has_no_summary(refused, tmp_path):
    """Garbage, half a line, other rows, in both formats."""
    for name in ("results.jsonl", "results.parquet"):
        for content in (b"{", b"[1]\n", b'{"score": 1}\n', b"\xff\xfe\n", b"null\n"):
            path = tmp_path / name
            path.write_bytes(content)
            assert "is no result of a sweep" in refused("--summary-only", str(path))


def test_the_summary_can_be_had_again(tmp_path, capsys):
    """From the finished file, the same table."""
    out = str(tmp_path / "results.parquet")
    assert main(["sweep", *CHEAP, "--seeds", "3", "--workers", "1", "--out", out]) == 0
    printed = capsys.readouterr()
    table, speed = printed.out.split("\n\n")
    assert "| first_listed | task_easy | 1 | " in table
    assert re.fullmatch(r"1 episodes? in \d+\.\d s on 1 worker: \d+\.\d\d episodes/s\.\n", speed)
    assert printed.err == ""
    assert main(["sweep", "--summary-only", out]) == 0
    assert capsys.readouterr().out == f"{table}\n"


def test_evaluate_sums_the_same_engine_up(capsys):
    """Its table is the one of the README."""
    assert main(["evaluate", "--policy", "nothing", "--task", "task_easy", "--seeds", "2", "--workers", "1"]) == 0
    assert "| nothing | 0.010 (0.01 to 0.01) | 0.010 |" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["evaluate", "--seeds", "0"])
    with pytest.raises(SystemExit):
        main(["evaluate", "--workers", "0"])
    assert capsys.readouterr().err.count("\n") == 2


def test_the_how_to_names_every_option_and_column(root, capsys):
    """The document keeps up with the code."""
    with pytest.raises(SystemExit):
        main(["sweep", "--help"])
    printed = capsys.readouterr().out
    text = (root / "docs" / "how-to" / "sweep.md").read_text(encoding="utf-8")
    for option in set(re.findall(r"--[a-z-]+", printed)) - {"--help"}:
        assert option in text, option
    for column in COLUMNS:
        assert f"`{column}`" in text, column
    for name in (*POLICIES, *TASKS):
        assert name in printed


# ---------------------------------------------------------------- being ended


@pytest.fixture(scope="module")
def undisturbed() -> bytes:
    """What the command below writes if nobody ends it."""
    sweep = Sweep(tasks=("task_easy",), policies=("first_listed",), seeds=range(5))
    return b"".join(play(sweep.episode(number)).json() for number in range(sweep.size))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)], ids=lambda it: str(it)
)
def test_the_same_command_goes_on_where_it_was_ended(root, tmp_path, undisturbed, number, status):
    """By Ctrl-C (which reaches all its processes), SIGTERM or SIGKILL: to the bytes of an undisturbed run."""
    command = [sys.executable, "-m", "env", "sweep", *CHEAP, "--seeds", "0:5", "--workers", "2", "--out"]
    out, partial = tmp_path / "results.jsonl", tmp_path / "results.jsonl.partial"
    sweep = subprocess.Popen(
        [*command, str(out)],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        limit = time.monotonic() + 120
        while not partial.exists() or partial.read_bytes().count(b"\n") < 2:
            assert sweep.poll() is None
            assert time.monotonic() < limit
            time.sleep(0.005)
        if number is signal.SIGINT:
            os.killpg(sweep.pid, number)
        else:
            sweep.send_signal(number)
        printed, said = sweep.communicate(timeout=60)
    finally:
        if sweep.poll() is None:
            os.killpg(sweep.pid, signal.SIGKILL)
            sweep.wait()
    assert (sweep.returncode, printed) == (status, "")
    if number is not signal.SIGKILL:
        assert re.fullmatch(r"interrupted: \d of 5 episodes are played; the same command goes on from there\n", said)
    assert not out.exists()
    there = partial.read_bytes().count(b"\n") - 1
    assert 0 < there < 5
    again = subprocess.run([*command, str(out)], cwd=root, capture_output=True, text=True, check=True)
    assert f"{there} were there already" in again.stdout or there + 1 == 5
    assert out.read_bytes() == undisturbed
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.slow
def test_a_terminal_sees_the_progress(root, tmp_path):
    """Episodes done of episodes wanted, on stderr."""
    here, there = os.openpty()
    try:
        command = [sys.executable, "-m", "env", "sweep", *CHEAP, "--seeds", "0:2", "--workers", "1"]
        run = subprocess.run(
            [*command, "--out", str(tmp_path / "results.jsonl")], cwd=root, stderr=there, stdout=subprocess.PIPE
        )
        seen = os.read(here, 65536).decode()
    finally:
        os.close(here)
        os.close(there)
    assert run.returncode == 0
    assert "2/2" in seen
