"""Lines that anybody may have written: each is refused with a reason, and nothing that is no episode is played."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from env.environment import IncidentEnvironment
from env.errors import BadRequest
from env.trajectory import Unreadable, parse, parsing

from .conftest import judged, line, recorded, sealed

NO_OP = {"action_type": "no_op", "target": None, "details": None}
READ = {"after_step": 0, "tool": "runbook", "arguments": {}}


@pytest.fixture
def unplayed(monkeypatch):
    """Nothing may be simulated, once the record is there."""
    recorded()
    monkeypatch.setattr(IncidentEnvironment, "reset", lambda *_: pytest.fail("it was played"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"\n", "not JSON"),
        (b"{", "not JSON"),
        (b"null", "not a JSON object"),
        (b'"incident-trajectory/1"', "not a JSON object"),
        (b"{}", "format: should be"),
        (b'{"format": ["incident-trajectory/1"]}', "format: should be"),
        (b'{"format": "incident-trajectory/1"}', "version: Field required; and 16 more"),
        (b'{"format": "incident-trajectory/1", "format": "incident-trajectory/1"}', "a key occurs twice"),
        (b'{"a": {"b": 1, "c": [{"d": 1, "d": 2}]}}', "a key occurs twice"),
        (b"[" * 1_000_000, "not JSON"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "not JSON"),
        (b'{"a": NaN}', "not JSON"),
        (b'{"a": -Infinity}', "not JSON"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": ' + b"9" * 4000 + b"}", "a whole number of more than 64 bits"),
        (b'{"a": ' + b"9" * 400_000 + b"}", "not JSON"),
        (b'{"a": "\\ud800"}', "not JSON"),
        (b'{"a": "\xff"}', "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        ('{"a": 1}'.encode("utf-16"), "not JSON"),
        (b"\0" * 1000, "not JSON"),
    ],
)
def test_what_is_no_record_is_refused_in_one_line(text, reason, unplayed):
    """It says what is wrong, and quotes nothing."""
    verdict = judged(text)
    assert verdict.outcome == "unreadable"
    assert verdict.reason is not None
    assert reason in verdict.reason
    assert verdict.reason.isprintable()
    assert len(verdict.reason) < 200
    with pytest.raises(Unreadable, match=r"\w"):
        parse(text)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"actions": [NO_OP] * 21}, "actions: Tuple should have at most 20 items"),
        ({"actions": [NO_OP] * 5000}, "actions: Tuple should have at most 20 items"),
        ({"reads": [READ] * 121}, "reads: Tuple should have at most 120 items"),
        ({"actions": [{"action_type": "delete"}]}, "actions.0.action_type"),
        ({"actions": [NO_OP | {"sudo": True}]}, "actions.0.sudo: no such field"),
        ({"actions": [NO_OP | {"details": "x" * 20_000}]}, "actions.0.details: should have at most 16384"),
        ({"actions": [NO_OP | {"details": {"a": list(range(2000))}}]}, "actions.0.details: should hold at most 1000"),
        ({"actions": "no_op"}, "actions: Input should be"),
        ({"seed": "1"}, "seed: Input should be a valid integer"),
        ({"seed": -1}, "seed: Input should be greater than or equal to 0"),
        ({"seed": True}, "seed: Input should be a valid integer"),
        ({"seed": 2**63}, "seed: Input should be less than or equal to"),
        ({"task_id": "x" * 129}, "task_id: String should have at most 128"),
        ({"policy": "x" * 256}, "policy: String should have at most 255"),
        ({"score": "0.99"}, "score: Input should be a valid number"),
        ({"score": None}, "score: Input should be a valid number"),
        ({"done": 1}, "done: Input should be a valid boolean"),
        ({"rewards": [0.1] * 21}, "rewards: Tuple should have at most 20"),
        ({"observations": ["0" * 32] * 22}, "observations: Tuple should have at most 21"),
        ({"observations": ["\u0660" * 32]}, "observations.0: String should match"),
        ({"breakdown": []}, "breakdown: Input should be"),
        ({"options": {"warp": 9}}, "options.warp: no such field"),
        ({"options": {"arrival_rate_hz": 1e6}}, "options.arrival_rate_hz: Input should be less than or equal to 500"),
        ({"\u001b[2J" + "x" * 500: 1}, "no such field"),
        ({"whole": {"observations": [{}] * 22, "answers": []}}, "whole.observations: Tuple should have at most 21"),
    ],
)
def test_a_record_of_another_shape_is_refused_with_the_fields_name(changes, reason, unplayed):
    """Before anything is played."""
    verdict = judged(sealed(recorded().plain() | changes))
    assert verdict.outcome == "unreadable"
    assert verdict.reason is not None
    assert reason in verdict.reason
    assert verdict.reason.isascii()
    assert verdict.reason.isprintable()
    assert len(verdict.reason) < 200


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"task_id": "task_impossible"}, "task_id: no such task"),
        ({"actions": [NO_OP] * 11}, "this task has at most 10 steps"),
        (
            {"actions": [{"action_type": "apply_fix", "target": "x", "details": None}], "reads": []},
            "target: no such fix",
        ),
        ({"reads": [READ | {"after_step": 5}]}, "after_step should be a step"),
        ({"reads": [READ | {"after_step": -1}]}, "after_step should be a step"),
        ({"reads": [READ | {"after_step": 2**60}]}, "after_step should be a step"),
        ({"options": {"attach": "live"}}, "cannot be played again"),
    ],
)
def test_what_was_never_an_episode_is_not_played(changes, reason, unplayed):
    """The limits are those of the task."""
    verdict = judged(sealed(recorded().plain() | changes))
    assert verdict.outcome == "differs"
    assert verdict.reason is not None
    assert reason in verdict.reason


@pytest.mark.parametrize(
    "read",
    [
        {"tool": "shell", "arguments": {}},
        {"tool": "search_logs", "arguments": {"service": "payment-service", "limit": 10**9}},
        {"tool": "query_metrics", "arguments": {"promql": "("}},
        {"tool": "query_metrics", "arguments": {"promql": "(" * 300}},
        {"tool": "search_logs", "arguments": {"a": {"b": [[[[1]]]]}}},
    ],
)
def test_reads_that_no_tool_takes_are_refused(read):
    """And those that it takes have other answers."""
    plain = recorded().plain()
    plain["reads"][0].update(read)
    verdict = judged(sealed(plain))
    assert verdict.outcome == "differs"
    assert verdict.differences


def test_a_line_that_is_too_long_is_refused(monkeypatch, unplayed):
    """Unread."""
    monkeypatch.setattr(parsing, "LONGEST_LINE", 1000)
    assert judged(recorded().json()).reason == "longer than 1000 bytes"


def test_the_order_of_keys_and_blanks_say_nothing():
    """Another writer of JSON may have had the record in hands."""
    text = json.dumps(recorded().plain(), sort_keys=True, indent=1, ensure_ascii=False).encode()
    assert judged(text).outcome == "verified"
    assert judged(line(recorded().plain())).outcome == "verified"


def test_no_damage_brings_the_verifier_down(monkeypatch):
    """A thousand lines with some bytes changed, cut or doubled: none is verified, and each has its reason."""

    def reset(*_: Any) -> None:
        raise BadRequest("it would be played")

    whole = recorded().json()
    monkeypatch.setattr(IncidentEnvironment, "reset", reset)
    draws = random.Random(7)
    for _ in range(1000):
        text = bytearray(whole)
        for _ in range(draws.randint(1, 4)):
            place, length = draws.randrange(len(text)), draws.randint(0, 8)
            new = draws.choice([bytes(draws.choices(range(256), k=length)), text[place : place + 30], b'"', b"0", b"}"])
            text[place : place + length] = new
        verdict = judged(bytes(text))
        assert verdict.outcome in ("unreadable", "differs", "other_version")
        assert verdict.reason
        assert verdict.reason.isprintable()


def test_a_defect_of_ours_is_one_lines_trouble(monkeypatch):
    """The others are verified all the same."""

    def broken(*_: Any) -> None:
        raise ZeroDivisionError("secret of the house")

    whole = recorded().json()
    monkeypatch.setattr(IncidentEnvironment, "step", broken)
    verdict = judged(whole)
    assert (verdict.outcome, verdict.reason) == ("unreadable", "it cannot be played: ZeroDivisionError")
    monkeypatch.undo()
    assert judged(whole).outcome == "verified"
