"""How well the faults of a confusable set can be told apart by their first pages: what the command `twins` measures."""

from __future__ import annotations

import numpy as np
import pytest

from cluster_sim import FAULTS, Family
from env.twins import FirstPage, told_apart

FAMILY = Family.CRASH_LOOPING
MEMBERS = [fault.name for fault in FAULTS.values() if fault.family is FAMILY]
EACH = 20


def first_page(fault: str, lines: list[float], panels: list[float]) -> FirstPage:
    return FirstPage(fault=fault, lines=np.array(lines), panels=np.array(panels))


def test_faults_with_pages_of_their_own_are_told_apart():
    found = [first_page(fault, [float(n)], [0.0]) for n, fault in enumerate(MEMBERS) for _ in range(EACH)]
    told = told_apart(FAMILY, found)
    assert (told.faults, told.by_page) == (len(MEMBERS), 1.0)
    assert told.chance == pytest.approx(1 / len(MEMBERS))


def test_what_only_the_dashboard_tells_does_not_count_for_the_lines():
    draws = np.random.default_rng(1)
    found = [first_page(fault, [draws.normal()], [1000.0 * n]) for n, fault in enumerate(MEMBERS) for _ in range(EACH)]
    told = told_apart(FAMILY, found)
    assert told.by_page < 2.5 * told.chance
    assert told.by_dashboard > 0.9


def test_pages_of_other_sets_do_not_matter():
    own = [first_page(fault, [float(n)], [0.0]) for n, fault in enumerate(MEMBERS) for _ in range(EACH)]
    others = [first_page("organic_peak", [float(n % 3)], [0.0]) for n in range(50)]
    assert told_apart(FAMILY, [*others, *own]) == told_apart(FAMILY, own)
