"""An interrupted sweep goes on to the very bytes of an uninterrupted one."""

from __future__ import annotations

import json

import pytest

from env.sweep import Interrupted, Sweep, SweepRefused, read, run
from env.sweep.partial import partial_path
from tests.sweep.conftest import Instant, made_up


def whole(sweep: Sweep) -> bytes:
    return b"".join(made_up(sweep, number) for number in range(sweep.size))


@pytest.mark.parametrize("name", ["results.jsonl", "results.parquet"])
def test_the_finished_file_is_the_same_after_an_interruption(sweep, tmp_path, instant, name):
    """What was played before is not played again, and only the results stay."""
    undisturbed, out = tmp_path / f"whole-{name}", tmp_path / name
    instant()
    run(sweep, undisturbed)
    instant(fails_at=23)
    with pytest.raises(Interrupted) as ended:
        run(sweep, out)
    assert 0 < ended.value.there <= 23
    assert not out.exists()
    instant(workers=1, disorder=4)
    report = run(sweep, out)
    assert report.resumed == ended.value.there
    assert report.summary.episodes == sweep.size
    assert out.read_bytes() == undisturbed.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {name, undisturbed.name}


def test_a_file_that_breaks_off_anywhere_is_gone_on_from(sweep, out, instant):
    """In the middle of a row, of the first line, or with a row that is not whole."""
    instant(fails_at=6, workers=1)
    with pytest.raises(Interrupted):
        run(sweep, out)
    partial = partial_path(out)
    written = partial.read_bytes()
    head = written.index(b"\n") + 1
    for cut in (0, 1, head - 1, head, head + 1, head + 700, len(written) - 1, len(written)):
        for damage in (b"", b"\0" * 50, b"{}\n" * 3, b"null\n"):
            partial.write_bytes(written[:cut] + (damage if cut >= head else b""))
            instant()
            run(sweep, out, overwrite=True)
            assert out.read_bytes() == whole(sweep)


def test_everything_played_and_nothing_written_needs_no_engine(sweep, out, instant):
    """Killed in the last moment, it has only the file left to write."""
    instant(fails_at=39, workers=1)
    with pytest.raises(Interrupted):
        run(sweep, out)
    partial = partial_path(out)
    head = partial.read_bytes().splitlines(keepends=True)[0]
    partial.write_bytes(head + whole(sweep))
    started = instant()
    assert run(sweep, out).resumed == sweep.size
    assert started == []
    assert out.read_bytes() == whole(sweep)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"seeds": range(11)}, "has other seeds"),
        ({"noises": (2.0,)}, "has other noises"),
        ({"tasks": ("task_hard", "task_easy")}, "has other tasks"),
    ],
)
def test_another_sweep_does_not_go_on_from_it(sweep, out, instant, other, words):
    """It is refused and changes nothing; --overwrite begins anew."""
    instant(fails_at=20)
    with pytest.raises(Interrupted):
        run(sweep, out)
    before = partial_path(out).read_bytes()
    told = {"tasks": sweep.tasks, "policies": sweep.policies, "seeds": sweep.seeds} | other
    instant()
    with pytest.raises(SweepRefused, match=words):
        run(Sweep(**told), out)
    assert partial_path(out).read_bytes() == before
    assert run(Sweep(**told), out, overwrite=True).resumed == 0
    assert out.read_bytes() == whole(Sweep(**told))


def test_other_code_does_not_go_on_from_it(sweep, out, instant, monkeypatch):
    """Half of the rows would be of one version, half of another."""
    instant(fails_at=20)
    with pytest.raises(Interrupted):
        run(sweep, out)
    monkeypatch.setattr("env.sweep.partial.version", lambda: "0.1.0+other")
    with pytest.raises(SweepRefused, match="was played by other code"):
        run(sweep, out)


def test_two_sweeps_do_not_write_one_file(sweep, out, monkeypatch):
    """The second is refused while the first is under way."""
    refused: list[object] = []

    class Nosy(Instant):
        """Begins the same sweep again."""

        def wait(self):
            if not refused:
                with pytest.raises(SweepRefused, match="another sweep is writing") as refusal:
                    run(sweep, out)
                refused.append(refusal)
            return super().wait()

    monkeypatch.setattr("env.sweep.means.Means.start", lambda self, sweep: Nosy(sweep))
    run(sweep, out)
    assert refused
    assert out.read_bytes() == whole(sweep)


def test_a_finished_file_is_not_played_again(sweep, out, instant):
    """It is refused; --overwrite replaces it, and not before the new one is there."""
    instant()
    run(sweep, out)
    before = out.read_bytes()
    with pytest.raises(SweepRefused, match="is there already"):
        run(sweep, out)
    other = Sweep(tasks=("task_easy",), policies=("nothing",), seeds=range(40))
    instant(fails_at=30)
    with pytest.raises(Interrupted):
        run(other, out, overwrite=True)
    assert out.read_bytes() == before
    started = instant()
    assert run(other, out, overwrite=True).resumed > 0
    assert len(started) == 1
    assert out.read_bytes() == whole(other)


def test_a_sweep_that_played_nothing_leaves_nothing(sweep, out, instant):
    """Neither results nor a file to go on from."""
    instant(fails_at=0, workers=1)
    with pytest.raises(Interrupted):
        run(sweep, out)
    assert list(out.parent.iterdir()) == []


def test_the_engine_is_closed_whatever_happens(sweep, out, instant):
    """Nobody goes on playing."""
    for fails_at in (None, 7):
        started = instant(fails_at=fails_at)
        try:
            run(sweep, out, overwrite=True)
        except Interrupted:
            assert fails_at
        assert started[0].closed


@pytest.mark.parametrize("name", ["results.jsonl", "results.parquet"])
def test_both_formats_hold_the_same_rows(sweep, tmp_path, instant, name):
    """Read back, each is what was played."""
    instant()
    run(sweep, tmp_path / name)
    assert list(read(tmp_path / name)) == [json.loads(made_up(sweep, number)) for number in range(sweep.size)]
