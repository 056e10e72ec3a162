"""The command `evaluate`: what it plays, what it refuses, and what it writes."""

from __future__ import annotations

import argparse
import json
import re
import sys

import pytest

from env.__main__ import main
from env.evaluate import command
from env.policies import POLICIES, PRIVILEGED
from env.sweep import Sweep, run
from env.tasks import TASKS

CHEAP = ("--policy", "first_listed", "--task", "task_easy")


def asked(*options: str) -> Sweep:
    """What the command would play."""
    parser = argparse.ArgumentParser()
    command.add_options(parser)
    return command.sweep_of(parser.parse_args(options))


@pytest.fixture
def refused(capsys, monkeypatch, tmp_path):
    """Runs the command with options that must be refused; returns the one line that it says."""
    monkeypatch.setattr("env.sweep.runs.in_order", lambda *_: pytest.fail("work has begun"))

    def attempt(*options: str) -> str:
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(SystemExit) as ended:
            main(["evaluate", *options])
        assert ended.value.code == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count("\n") == 1
        assert sorted(tmp_path.rglob("*")) == before
        return captured.err

    return attempt


def test_without_options_the_fixed_tasks_are_played_by_every_policy_that_observes():
    """Twenty seeds of each; nobody who knows the truth."""
    sweep = asked()
    assert (sweep.tasks, sweep.policies, sweep.seeds) == (tuple(TASKS), tuple(POLICIES), range(20))
    assert not set(PRIVILEGED) & set(sweep.policies)


def test_seeds_are_a_number_or_a_range_and_episodes_a_number():
    """`--seeds 20` means 0 to 19, as it always did."""
    assert asked("--seeds", "5").seeds == asked("--episodes", "5").seeds == range(5)
    assert asked("--seeds", "5:8").seeds == range(5, 8)


def test_a_split_means_generated_incidents():
    """As does a difficulty, or a number of episodes; names are separated by blanks or commas."""
    sweep = asked("--split", "test", "--difficulty", "4", "--policy", "spam,nothing", "oracle", "--grading", "full")
    assert sweep.tasks == asked("--episodes", "1").tasks == ("generated",)
    assert sweep.policies == ("spam", "nothing", "oracle")
    assert (sweep.split, sweep.difficulty, sweep.grading, sweep.trials) == ("test", 4, "full", 1)
    assert asked("--task", "task_easy,task_hard", "--trials", "3").trials == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--seeds", "0"], "there is no seed in 0:0"),
        (["--seeds", "4:2"], "there is no seed in '4:2'"),
        (["--seeds", "many"], "'many' is neither a seed nor a range"),
        (["--seeds", "2", "--episodes", "2"], "not allowed with argument --seeds"),
        (["--episodes", "0"], "there is no seed in 0:0"),
        (["--episodes", "many"], "'many' is not a whole number"),
        (["--workers", "0"], "0 workers are not between"),
        (["--trials", "0"], "0 trials are not between"),
        (["--policy", "hope"], "unknown policy 'hope'"),
        (["--task", "task_impossible"], "unknown task 'task_impossible'"),
        (["--split", "exam"], "split exam"),
        (["--split", "test", "--task", "task_easy"], "only task generated has a split"),
        (["--difficulty", "6"], "difficulty 6"),
        (["--grading", "harsh"], "grading harsh"),
        (["--plot", "{}/scores.pdf"], "should end in .svg or .png"),
        (["--plot", "{}/none/scores.svg"], "none is no directory"),
        (["--json", "{}"], "is a directory"),
        (["--markdown", "/proc/report.md"], "cannot be written"),
        (["--json", "{}/a", "--markdown", "{}/a"], "should be different files"),
        (["--from", "{}/none.jsonl"], "none.jsonl does not exist"),
        (["--from", "{}/rows.csv"], "should end in .jsonl or .parquet"),
        (["--from", "{}/none.jsonl", "--seeds", "3"], "--seeds says nothing there"),
        (["--from", "{}/none.jsonl", "--policy", "spam"], "--policy says nothing there"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_played(refused, tmp_path, options, words):
    """Status 2, one line, nothing written."""
    assert words in refused(*(option.format(tmp_path) for option in options))


def test_a_png_without_pillow_is_refused(refused, tmp_path, monkeypatch):
    """The line names the extra, and what needs none."""
    monkeypatch.setitem(sys.modules, "PIL", None)
    said = refused("--plot", str(tmp_path / "scores.png"))
    assert "incident-response-env[plot]" in said
    assert ".svg needs nothing" in said


def test_a_model_without_a_key_is_refused(refused, monkeypatch):
    """Before anybody has played."""
    for name in ("OPENAI_API_KEY", "HF_TOKEN", "API_KEY"):
        monkeypatch.delenv(name, raising=False)
    assert "needs a key" in refused("--policy", "model:gpt-4o-mini")


def test_a_finished_sweep_is_reported_on_without_playing(tmp_path, capsys, instant, sweep):
    """Both formats, to the same report, whichever of several files a row is in."""
    instant()
    whole, half, rest = tmp_path / "whole.parquet", tmp_path / "half.jsonl", tmp_path / "rest.jsonl"
    run(sweep, whole)
    run(Sweep(tasks=sweep.tasks, policies=sweep.policies, seeds=range(5)), half)
    run(Sweep(tasks=sweep.tasks, policies=sweep.policies, seeds=range(5, 10)), rest)
    for files, name in (([whole], "one.json"), ([half, rest], "other.json")):
        options = ["evaluate", "--from", *map(str, files), "--json", str(tmp_path / name)]
        assert main(options) == 0
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "other.json").read_bytes()
    told = json.loads((tmp_path / "one.json").read_text())
    assert (told["episodes"], [it["policy"] for it in told["policies"]]) == (40, ["nothing", "spam"])
    assert "| spam | 0." in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["evaluate", "--from", str(half), str(half)])
    assert "plays the same episode twice" in capsys.readouterr().err


def test_what_is_played_is_reported_in_every_form(tmp_path, capsys):
    """The table of the fixed tasks first, as the README shows it."""
    files = {name: tmp_path / f"report.{name}" for name in ("json", "md", "svg")}
    options = ["--json", str(files["json"]), "--markdown", str(files["md"]), "--plot", str(files["svg"])]
    assert main(["evaluate", *CHEAP, "--seeds", "2", "--workers", "1", *options]) == 0
    printed = capsys.readouterr().out
    told = json.loads(files["json"].read_text())
    (policy,) = told["policies"]
    mean = policy["overall"]["score"]["mean"]
    assert (policy["overall"]["episodes"], policy["overall"]["faults"]) == (2, 1)
    assert printed.startswith("Mean (lowest to highest) over 2 seeds:")
    assert re.search(rf"^\| first_listed \| {mean:.3f} \(.*\) \| {mean:.3f} \|$", printed, re.MULTILINE)
    assert re.search(rf"^first_listed +2 +{mean:.3f} ", printed, re.MULTILINE)
    assert f"| first_listed | 2 | {mean:.3f} |" in files["md"].read_text(encoding="utf-8")
    assert files["svg"].read_bytes().startswith(b"<?xml")


def test_the_how_to_names_every_option_and_policy(root, capsys):
    """The document keeps up with the code."""
    with pytest.raises(SystemExit):
        main(["evaluate", "--help"])
    printed = capsys.readouterr().out
    text = (root / "docs" / "how-to" / "evaluate.md").read_text(encoding="utf-8")
    for option in set(re.findall(r"--[a-z-]+", printed)) - {"--help"}:
        assert f"`{option}" in text, option
    for name in (*POLICIES, *PRIVILEGED):
        assert f"`{name}`" in text, name
        assert name in printed
