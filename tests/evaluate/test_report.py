"""The figures of a report, equal to those computed by hand, in all its forms."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from env.evaluate import report
from env.evaluate.drawing import Circle
from env.evaluate.outputs import Outputs, markdown, text
from env.evaluate.plot import picture
from env.evaluate.report import SameTwice
from env.sweep import SweepRefused
from tests.evaluate.conftest import harmed, row

ROWS = [
    row(0.9, fault="leak", seed=1, steps=4, **harmed(0.1, 3.0, 0.0)),
    row(0.3, fault="limit", seed=2, steps=8, **harmed(0.7, 9.0, 2.5), difficulty_played=5),
    row(0.6, fault="skew", seed=3, steps=6, **harmed(0.4, 6.0, 0.5), family="intermittent_401"),
    row(0.6, fault="skew", seed=4, steps=6, resolved=False, **harmed(0.8, 10.0, 1.0), family="intermittent_401"),
    row(None, seed=5, fault=None, family=None),
    row(0.01, fault="leak", seed=1, policy="nothing", outcome="failed", resolved=False),
    row(0.01, fault="leak", seed=6, policy="nothing", resolved=False),
]


def test_the_figures_are_those_computed_by_hand():
    """Means over the episodes with a score; a pass is resolved and scores at least .5."""
    told = report(ROWS)
    assert (told.episodes, told.incidents, told.faults) == (6, 5, 3)
    spam, nothing = told.policies
    assert (spam.policy, spam.nobody_paged, spam.without_score) == ("spam", 1, 0)
    one = spam.overall
    assert (one.episodes, one.incidents, one.faults, one.failed) == (4, 4, 3, 0)
    assert one.score.mean == pytest.approx((0.9 + 0.3 + 0.6 + 0.6) / 4)
    assert one.resolved.mean == pytest.approx(2 / 4)
    assert one.passes == (0.5,)
    assert one.steps == 6.0
    assert one.harm is not None
    assert one.harm.excess.mean == pytest.approx(0.5)
    assert (one.harm.bad_minutes, one.harm.collateral_minutes) == (7.0, 1.0)
    assert (one.harm.bad_minutes_nothing, one.harm.bad_minutes_reference) == (12.0, 2.0)
    assert one.score.low is not None
    assert one.score.high is not None
    assert one.score.low < one.score.mean < one.score.high
    assert (nothing.overall.failed, nothing.overall.harm, nothing.overall.score.low) == (1, None, None)


def test_groups_hold_the_episodes_of_their_kind():
    """By confusable set and by the difficulty played."""
    spam = report(ROWS).policies[0]
    assert {name: told.episodes for name, told in spam.by_set.items()} == {
        "intermittent_401": 2,
        "too_many_clients": 2,
    }
    assert spam.by_set["intermittent_401"].score.mean == pytest.approx(0.6)
    harm = spam.by_set["too_many_clients"].harm
    assert harm is not None
    assert harm.collateral_minutes == pytest.approx(1.25)
    assert {level: told.score.mean for level, told in spam.by_difficulty.items()} == pytest.approx({3: 0.7, 5: 0.3})
    assert list(spam.by_task) == ["generated"]


def test_trials_of_one_incident_are_counted_together():
    """Two of three trials pass on the first incident, all on the second."""
    scores = {1: (0.9, 0.2, 0.8), 2: (0.9, 0.9, 0.9)}
    rows = [row(score, seed=seed, trial=t) for seed, trials in scores.items() for t, score in enumerate(trials)]
    told = report(rows).policies[0].overall
    assert (told.episodes, told.incidents, told.trials) == (6, 2, 3)
    assert told.passes == pytest.approx(((2 / 3 + 1) / 2, (1 / 3 + 1) / 2, (0 + 1) / 2))


def test_an_episode_that_is_there_twice_is_refused():
    """As when a file is given twice."""
    with pytest.raises(SameTwice, match="spam plays the same episode twice"):
        report([*ROWS, ROWS[0]])
    assert report([]).policies == ()


def test_the_tables_show_the_figures():
    """Of the terminal and in Markdown, the same cells; a dash where nothing was measured."""
    told = report(ROWS)
    lines = list(text(told))
    first = lines[2].split()
    assert (first[0], first[1], first[2]) == ("spam", "4", "0.600")
    assert first[-3:] == ["7.00", "1.00", "6.0"]
    assert lines[3].split()[-4:] == ["–", "–", "–", "10.0"]
    assert len({len(line) for line in lines[1:4]}) == 1
    written = "\n".join(markdown(told))
    one = told.policies[0].overall
    assert one.harm is not None
    score = f"0.600 ({one.score.low:.3f} to {one.score.high:.3f})"
    harm = f"0.500 ({one.harm.excess.low:.3f} to {one.harm.excess.high:.3f})"
    resolved = f"50% ({one.resolved.low:.0%} to {one.resolved.high:.0%})"
    assert f"| spam | 4 | {score} | {resolved} | 0.500 | {harm} | 7.00 | 1.00 | 6.0 |" in written
    assert "| spam | too_many_clients | 2 | 0.600 (" in written
    assert "| spam | 5 | 1 | 0.300 |" in written
    assert "spam: 1 nobody paged." in written
    assert "nothing: 1 failed." in written
    assert "6 episodes of 5 incidents with 3 faults, graded in full." in written


def test_rows_of_different_code_are_said_not_to_compare():
    """The report names the versions."""
    told = report([row(0.5, seed=1), row(0.5, seed=2, version="0.1.0+b")])
    assert "Played by different code, so not to be compared: 0.1.0+a, 0.1.0+b." in list(text(told))


def test_the_json_holds_the_same_figures(tmp_path):
    """Under keys that stay."""
    told = report(ROWS)
    Outputs(json=tmp_path / "report.json").write(told)
    read = json.loads((tmp_path / "report.json").read_text())
    assert list(read) == [
        *("format", "versions", "confidence", "resamples", "clustered_by", "pass_score", "tasks", "splits"),
        *("gradings", "episodes", "incidents", "faults", "policies"),
    ]
    spam = read["policies"][0]
    assert list(spam) == ["policy", "overall", "by_task", "by_set", "by_difficulty", "nobody_paged", "without_score"]
    assert list(spam["overall"]) == [
        *("episodes", "incidents", "faults", "failed", "score", "resolved", "trials", "steps", "harm", "pass_hat"),
    ]
    assert spam["overall"]["score"]["mean"] == 0.6
    assert spam["overall"]["pass_hat"] == {"1": 0.5}
    assert spam["overall"]["harm"]["collateral_minutes"] == 1.0
    assert spam["by_difficulty"]["5"]["score"] == {"mean": 0.3, "low": None, "high": None}


def test_the_how_to_names_every_key(root):
    """Of the JSON, and what the table's columns are called."""
    text = (root / "docs" / "how-to" / "evaluate.md").read_text(encoding="utf-8")

    def keys(value):
        if isinstance(value, dict):
            for key, inner in value.items():
                yield from (() if key[0].isdigit() else (key,))
                yield from keys(inner)
        for inner in value if isinstance(value, list) else ():
            yield from keys(inner)

    ours = {"generated", "intermittent_401", "too_many_clients"}
    for key in set(keys(report(ROWS).json())) - ours:
        assert f"`{key}`" in text, key


def test_the_picture_has_a_dot_for_every_policy_and_set(tmp_path):
    """In order of the score, at its place on the axis; the interval as a line."""
    told = report(ROWS)
    Outputs(plot=tmp_path / "scores.svg").write(told)
    root = ElementTree.fromstring((tmp_path / "scores.svg").read_bytes())
    space = "{http://www.w3.org/2000/svg}"
    words = [element.text for element in root.iter(f"{space}text")]
    assert [word for word in words if word in ("spam", "nothing")] == ["spam", "nothing"]
    assert {"intermittent_401", "too_many_clients"} <= set(words)
    black = [float(it.get("cx", "nan")) for it in root.iter(f"{space}circle") if it.get("r") == "5"]
    ticks = [float(it.get("x1", "nan")) for it in root.iter(f"{space}line") if it.get("stroke-width") == "1"]
    shares = [(x - ticks[0]) / (ticks[-1] - ticks[0]) for x in black]
    assert shares == pytest.approx([0.6, 0.01], abs=1e-4)
    assert sum(it.get("r") == "3" for it in root.iter(f"{space}circle")) == 3


def test_a_png_shows_the_same_picture(tmp_path):
    """A file that is one, dark where the dot of the mean is."""
    image = pytest.importorskip("PIL.Image")
    told = report(ROWS)
    Outputs(plot=tmp_path / "scores.png").write(told)
    drawing = picture(told)
    dot = next(shape for shape in drawing.shapes if isinstance(shape, Circle) and shape.radius == 5)
    with image.open(tmp_path / "scores.png") as shown:
        assert shown.size == (2 * drawing.width, 2 * drawing.height)
        assert max(shown.getpixel((round(2 * dot.x), round(2 * dot.y)))) < 64
        assert shown.getpixel((2, 2)) == (255, 255, 255)


def test_two_reports_do_not_go_into_one_file(tmp_path):
    """One would be lost."""
    with pytest.raises(SweepRefused, match="should be different files"):
        Outputs(json=tmp_path / "report", markdown=tmp_path / "report")
