"""The examples of the page on branches do what the page says."""

from __future__ import annotations

import re
from typing import Any

import pytest

PAGE = "docs/how-to/branch.md"


@pytest.fixture
def examples(root) -> list[str]:
    """Its Python code."""
    return re.findall(r"^```python\n(.*?)^```", (root / PAGE).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def test_the_repair_is_the_best_member_of_the_group(examples, capsys):
    """And every member is rewarded for what it did."""
    exec(compile(examples[0], PAGE, "exec"), {})
    rewards = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert list(rewards) == ["increase_db_connections", "restart_postgres", "flush_redis_cache"]
    assert max(rewards, key=lambda fix: float(rewards[fix])) == "increase_db_connections"


def test_the_restart_cost_users_more_than_it_was_worth_and_the_repair_spared_them(examples, capsys):
    """By bad requests, by minutes, and against nobody's coming."""
    names: dict[str, Any] = {}
    exec(compile(examples[1], PAGE, "exec"), names)
    printed = capsys.readouterr().out
    assert names["without"].spared > 0
    assert names["case"].without(2).spared_minutes < 0
    assert len(printed.splitlines()) == 3 + len(names["better"].fact.endpoints)
