"""How the parts of a full grade make a score."""

from __future__ import annotations

import pytest

from env.assessment import Assessment
from env.assessment.assess import Gate
from env.assessment.impact import Impact
from env.assessment.weights import COST, DIAGNOSIS, DIAGNOSIS_PARTS, ESCALATION, MITIGATION, POSTMORTEM, WEIGHTS

ALL = dict.fromkeys(WEIGHTS, 1.0)
CALM = Impact(actual=1.0, reference=1.0, nothing=5.0, unit=4.0, until=0)


def grade(*, resolved=True, broken=(), shares=None, deductions=None) -> Assessment:
    return Assessment(
        gate=Gate(resolved=resolved, broken=tuple(broken)),
        shares=ALL if shares is None else shares,
        deductions=deductions or {},
        evidence={},
        impact=CALM,
        collateral=(),
    )


def test_weights_make_one():
    assert sum(WEIGHTS.values()) == pytest.approx(1.0)
    assert sum(DIAGNOSIS_PARTS.values()) == pytest.approx(1.0)


def test_a_score_is_strictly_between_0_and_1():
    assert grade().score == 0.99
    assert grade(shares=dict.fromkeys(WEIGHTS, 0.0)).score == 0.01
    assert grade(deductions={"false pages": 7.0}).score == 0.01


def test_what_is_given_up_for_a_repair_costs_everything():
    assert grade(broken=["no_data_lost"]).score == 0.01


def test_an_incident_that_is_not_over_pays_nothing_for_mitigation_and_cost_and_half_for_what_is_known():
    unresolved = grade(resolved=False)
    assert unresolved.lines[MITIGATION] == unresolved.lines[COST] == 0.0
    for line in (DIAGNOSIS, POSTMORTEM, ESCALATION):
        assert unresolved.lines[line] == pytest.approx(WEIGHTS[line] / 2)
    assert unresolved.score == pytest.approx(0.25)


@pytest.mark.parametrize("line", WEIGHTS)
def test_each_line_is_worth_its_weight(line):
    without = grade(shares=ALL | {line: 0.0}, deductions={"offset": 0.05})
    assert grade(deductions={"offset": 0.05}).score - without.score == pytest.approx(WEIGHTS[line])


def test_deductions_are_taken_off():
    assert grade(deductions={"wrong fixes": 0.2, "false pages": 0.1}).score == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("actual", "reference", "unit", "excess"),
    [(1.0, 1.0, 4.0, 0.0), (0.5, 1.0, 4.0, 0.0), (3.0, 1.0, 4.0, 0.5), (9.0, 1.0, 4.0, 1.0)],
)
def test_harm_is_measured_by_what_nobodys_acting_would_cost(actual, reference, unit, excess):
    harm = Impact(actual=actual, reference=reference, nothing=unit + reference, unit=unit, until=0)
    assert harm.excess == excess
