"""The command `verify`."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from env.__main__ import main
from env.trajectory import lines, parsing, verify_lines

from .conftest import line, recorded, sealed


@pytest.fixture
def file(tmp_path) -> Path:
    """A true record, a forged score, half a line, a blank one, and a record of another version that differs."""
    path = tmp_path / "records.jsonl"
    plain = recorded().plain()
    other = plain | {"score": 0.5, "version": "0.0.9+0123456789ab"}
    path.write_bytes(
        recorded().json() + line(plain | {"score": 0.5}) + line(plain)[:200] + b"\n\n" + sealed(other),
    )
    return path


def test_a_line_per_record_and_a_summary(file, capsys):
    """Status 1, as not all are verified; lines are counted as editors do."""
    assert main(["verify", str(file), "--workers", "1"]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "line 1: verified: task_easy-1 by engineer, score 0.99"
    assert said[1].startswith("line 2: differs: score: recorded 0.5, recomputed 0.99; checksum: recorded ")
    assert said[2] == "line 3: cannot be read: not JSON"
    assert said[3] == (
        "line 5: cannot be judged by this version: score: recorded 0.5, recomputed 0.99"
        " (recorded by 0.0.9+0123456789ab)"
    )
    assert said[4] == "4 records: 1 verified, 1 differs, 1 cannot be judged by this version, 1 cannot be read"
    assert len(said) == 5


def test_the_status_is_0_only_if_all_are_verified(tmp_path, capsys):
    """And if there are any."""
    file = tmp_path / "records.jsonl"
    file.write_bytes(recorded().json() * 2)
    assert main(["verify", str(file), "--workers", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 records: 2 verified"
    file.write_bytes(b"\n\n")
    assert main(["verify", str(file), "--workers", "1"]) == 1
    assert capsys.readouterr().out == "no records\n"


def test_json_says_the_same_and_more(file, capsys):
    """An object per record, and one in the end."""
    assert main(["verify", str(file), "--workers", "1", "--json"]) == 1
    *told, summary = map(json.loads, capsys.readouterr().out.splitlines())
    assert [(each["line"], each["verdict"]) for each in told] == [
        (1, "verified"),
        (2, "differs"),
        (3, "unreadable"),
        (5, "other_version"),
    ]
    assert told[1]["differences"][0] == {
        "place": "score",
        "recorded": "0.5",
        "recomputed": "0.99",
        "reason": None,
    }
    assert (told[0]["policy"], told[0]["score"], told[2]["reason"]) == ("engineer", 0.99, "not JSON")
    assert summary == {"records": 4, "verified": 1, "differs": 1, "other_version": 1, "unreadable": 1}


def test_processes_say_what_one_process_says(file, tmp_path):
    """In the same order."""
    with file.open("rb") as records:
        alone = list(verify_lines(lines(records)))
    many = tmp_path / "many.jsonl"
    many.write_bytes(file.read_bytes() * 3)
    with many.open("rb") as records:
        both = list(verify_lines(lines(records), workers=2))
    assert [checked.verdict for checked in both] == [checked.verdict for checked in alone] * 3
    assert [checked.number for checked in both] == [1, 2, 3, 5, 6, 7, 8, 10, 11, 12, 13, 15]


def test_standard_input_is_read(root):
    """As `curl … /trajectory | python -m env verify -` does."""
    said = subprocess.run(
        [sys.executable, "-m", "env", "verify", "-", "--workers", "1"],
        input=recorded().json(),
        capture_output=True,
        cwd=root,
        timeout=120,
        check=True,
    )
    assert said.stdout.decode().splitlines()[-1] == "1 record: 1 verified"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["missing.jsonl"], "missing.jsonl cannot be read: No such file"),
        (["."], ". cannot be read: Is a directory"),
        (["records.jsonl", "--workers", "0"], "--workers must be between 1 and 1024"),
        (["records.jsonl", "--workers=-1"], "--workers must be between 1 and 1024"),
        ([], "the following arguments are required: file"),
    ],
)
def test_what_cannot_be_done_is_said(options, words, file, capsys, monkeypatch):
    """In one line, with status 2."""
    monkeypatch.chdir(file.parent)
    with pytest.raises(SystemExit) as ended:
        main(["verify", *options])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


def test_what_a_record_says_does_nothing_to_a_terminal(tmp_path, capsys):
    """Control characters in a name or a key are shown as JSON has them."""
    plain = recorded().plain()
    file = tmp_path / "records.jsonl"
    forged = plain | {"breakdown": {"\u001b[2J\r": 1}, "policy": "\u001b]0;me\u0007\n", "version": "\u202e\u001b"}
    file.write_bytes(sealed(forged) + sealed(plain | {"policy": "line 2: verified\u001b[1A"}))
    main(["verify", str(file), "--workers", "1"])
    said = capsys.readouterr().out
    assert said.isascii()
    assert said.replace("\n", "").isprintable()
    assert len(said.splitlines()) == 3


def test_lines_are_cut_where_they_are_too_long(monkeypatch):
    """And the next one is read from its beginning."""
    monkeypatch.setattr("env.trajectory.files.LONGEST_LINE", 100)
    monkeypatch.setattr(parsing, "LONGEST_LINE", 100)
    file = io.BytesIO(b"x" * 5000 + b"\nshort\n" + b"y" * 99 + b"\n" + b"z" * 1000)
    read = list(lines(file))
    assert [(each.number, len(each.text) > 100) for each in read] == [(1, True), (2, False), (3, False), (4, True)]
    assert [checked.verdict.reason for checked in verify_lines(read)] == [
        "longer than 100 bytes",
        "not JSON",
        "not JSON",
        "longer than 100 bytes",
    ]


def test_its_processes_end_when_it_is_killed(tmp_path, root):
    """Nobody is left that verifies for nobody."""
    file = tmp_path / "records.jsonl"
    file.write_bytes(recorded().json() * 400)
    command = [sys.executable, "-m", "env", "verify", str(file), "--workers", "2"]
    verifying = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE)
    assert verifying.stdout is not None
    verifying.stdout.readline()
    children = Path(f"/proc/{verifying.pid}/task/{verifying.pid}/children").read_text().split()
    assert len(children) >= 2
    verifying.kill()
    verifying.wait()
    verifying.stdout.close()
    patience_s = time.monotonic() + 20
    while any(_runs(int(child)) for child in children):
        assert time.monotonic() < patience_s
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return not Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].startswith(" Z")
    except (ProcessLookupError, FileNotFoundError):
        return False
