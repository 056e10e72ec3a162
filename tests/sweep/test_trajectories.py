"""A sweep that keeps the trajectories of its episodes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster_sim import WarmUps
from env.__main__ import main
from env.models import Action, EpisodeOptions
from env.sweep import Interrupted, Sweep, SweepRefused, rows, run
from env.sweep.partial import partial_path
from env.trajectory import Trajectory, parse, verify_line
from env.version import version

from .conftest import Instant, made_up

UNFINISHED_EVERY = 7
"""Of the episodes made up here, one in so many did not come to its end."""


def both(sweep: Sweep, number: int) -> bytes:
    """A row and its trajectory as an episode might leave them."""
    row = json.loads(made_up(sweep, number))
    if number % UNFINISHED_EVERY == 3:
        return json.dumps(row | {"done": False}, separators=(",", ":")).encode() + b"\nnull\n"
    record = Trajectory(
        format="incident-trajectory/1",
        version=version(),
        episode_id=f"{row['task']}-{row['seed']}",
        task_id=row["task"],
        seed=row["seed"],
        options=EpisodeOptions(),
        policy=row["policy"],
        actions=tuple(map(Action.model_validate, row["actions"])),
        reads=(),
        observations=("00" * 16,),
        answers=(),
        rewards=tuple(row["rewards"]),
        done=True,
        score=row["score"],
        breakdown={"lines": row["lines"]},
        truth={},
        whole=None,
        checksum="",
    )
    return made_up(sweep, number) + record.json()


def records(sweep: Sweep) -> bytes:
    """What the file of trajectories should hold in the end."""
    lines = (both(sweep, number).split(b"\n")[1] for number in range(sweep.size))
    return b"".join(line + b"\n" for line in lines if line != b"null")


class Recording(Instant):
    """An engine that makes trajectories up, too."""

    def wait(self) -> list[tuple[int, bytes]]:
        return [(number, both(self._sweep, number)) for number, _ in super().wait()]


@pytest.fixture
def kept() -> Sweep:
    """Forty episodes that nobody plays, whose trajectories are kept."""
    return Sweep(tasks=("task_easy", "task_hard"), policies=("nothing", "spam"), seeds=range(10), trajectories="digest")


@pytest.fixture
def recording(monkeypatch) -> Callable[..., None]:
    """Has sweeps played by engines that make rows and trajectories up."""

    def use(**options: int) -> None:
        monkeypatch.setattr("env.sweep.means.Means.start", lambda self, sweep: Recording(sweep, **options))

    return use


@pytest.fixture
def trajectories(tmp_path) -> Path:
    return tmp_path / "trajectories.jsonl"


def test_the_trajectories_are_in_the_sweeps_order(kept, out, trajectories, recording):
    """Those of the episodes that came to their end; the results are what they are without."""
    recording(workers=3, disorder=5)
    run(kept, out, trajectories=trajectories)
    assert trajectories.read_bytes() == records(kept)
    told = [json.loads(both(kept, number).split(b"\n")[0]) for number in range(kept.size)]
    assert [json.loads(line) for line in out.read_bytes().splitlines()] == told
    assert {path.name for path in out.parent.iterdir()} == {out.name, trajectories.name}
    assert list(rows(kept)) == told


@pytest.mark.parametrize("name", ["results.jsonl", "results.parquet"])
def test_both_files_are_the_same_after_an_interruption(kept, tmp_path, trajectories, recording, name):
    """What was played before is not played again."""
    out = tmp_path / name
    recording(fails_at=23)
    with pytest.raises(Interrupted) as ended:
        run(kept, out, trajectories=trajectories)
    assert 0 < ended.value.there <= 23
    assert not trajectories.exists()
    recording(workers=1, disorder=4)
    assert run(kept, out, trajectories=trajectories).resumed == ended.value.there
    assert trajectories.read_bytes() == records(kept)
    assert {path.name for path in tmp_path.iterdir()} == {name, trajectories.name}


def test_a_file_that_breaks_off_anywhere_is_gone_on_from(kept, out, trajectories, recording):
    """Between a row and its trajectory, in the middle of either, or with lines that do not belong together."""
    recording(fails_at=6, workers=1)
    with pytest.raises(Interrupted):
        run(kept, out, trajectories=trajectories)
    partial = partial_path(out)
    written = partial.read_bytes()
    ends = [place + 1 for place, byte in enumerate(written) if byte == ord("\n")]
    for cut in sorted({*ends, *(end - 1 for end in ends), *(end + 50 for end in ends[:-1])}):
        for damage in (b"", b"{}\n", b"null\n", written[ends[0] : ends[1]], b"\0" * 50):
            partial.write_bytes(written[:cut] + (damage if cut >= ends[0] else b""))
            recording()
            run(kept, out, trajectories=trajectories, overwrite=True)
            assert trajectories.read_bytes() == records(kept)


def test_a_sweep_without_trajectories_is_another_one(sweep, kept, out, trajectories, recording, instant):
    """Neither goes on from the other."""
    recording(fails_at=20)
    with pytest.raises(Interrupted):
        run(kept, out, trajectories=trajectories)
    with pytest.raises(SweepRefused, match="has other trajectories"):
        run(sweep, out)
    instant(fails_at=20)
    with pytest.raises(Interrupted):
        run(sweep, out, overwrite=True)
    with pytest.raises(SweepRefused, match="has other trajectories"):
        run(kept, out, trajectories=trajectories)


def test_what_cannot_be_written_is_refused_before_anything_is_played(kept, sweep, out, trajectories, monkeypatch):
    """A file that is there, the results' own, another format, no folder; or no file at all."""
    monkeypatch.setattr("env.sweep.runs.in_order", lambda *_: pytest.fail("work has begun"))
    there = out.with_name("there.jsonl")
    there.write_text("mine")
    for path, words in (
        (there, "is there already"),
        (out, "cannot hold both"),
        (out.parent / "." / out.name, "cannot hold both"),
        (out.with_name("records.parquet"), "should end in .jsonl"),
        (out.with_name("missing") / "records.jsonl", "missing is no directory"),
        (None, "needs a file for them"),
    ):
        with pytest.raises(SweepRefused, match=words):
            run(kept, out, trajectories=path)
    with pytest.raises(SweepRefused, match="needs a file for them, and no other does"):
        run(sweep, out, trajectories=trajectories)
    with pytest.raises(SweepRefused, match="unknown observations 'some'"):
        Sweep(tasks=("task_easy",), policies=("nothing",), seeds=range(1), trajectories="some")
    assert [path.name for path in out.parent.iterdir()] == ["there.jsonl"]


def test_a_sweeps_trajectories_are_verified_and_agree_with_its_rows(out, trajectories, capsys):
    """Played by processes with whole observations; an episode whose policy failed has a row only."""
    played = ["--task", "task_easy", "--seeds", "1:3", "--policy", "rule_based,tests.sweep.deadly:Clumsy"]
    files = ["--out", str(out), "--trajectories", str(trajectories), "--observations", "full"]
    assert main(["sweep", *played, *files, "--arrival-rate", "10", "--workers", "2"]) == 0
    told = [row for row in map(json.loads, out.read_bytes().splitlines()) if row["done"]]
    lines = trajectories.read_bytes().splitlines(keepends=True)
    assert len(told) == len(lines) == 2
    warm_ups = WarmUps()
    for row, line in zip(told, lines, strict=True):
        record = parse(line)
        assert verify_line(line, warm_ups).outcome == "verified"
        assert (record.task_id, record.seed, record.policy) == (row["task"], row["seed"], row["policy"])
        assert (record.score, list(record.rewards)) == (row["score"], row["rewards"])
        assert (record.breakdown["lines"], record.breakdown["deductions"]) == (row["lines"], row["deductions"])
        assert record.whole is not None
        assert len(record.whole.observations) == row["steps"] + 1
    capsys.readouterr()
    assert main(["verify", str(trajectories), "--workers", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 records: 2 verified"


def test_how_observations_are_kept_needs_trajectories(out, capsys):
    """Said at once."""
    with pytest.raises(SystemExit) as ended:
        main(["sweep", "--seeds", "1", "--out", str(out), "--observations", "full"])
    assert ended.value.code == 2
    assert "--observations needs --trajectories" in capsys.readouterr().err
