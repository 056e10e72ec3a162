"""The agent that does what the runbook of the alert says."""

from __future__ import annotations

import pytest

from cluster_sim import FAULTS, REMEDIATIONS, SERVICES, TEAMS, AlertRule, Mechanism, Severity, seven_services
from env.models import Action, ActionType
from env.policies import POLICIES
from env.policies.alert_follower import IN_FIXES, OWNERS, RUNBOOK
from env.policies.blind import NOTHING_MORE
from tests.policies.stories import StoryEnvironment


def taken(page: str, steps: int = 6, fixes: tuple[str, ...] = tuple(REMEDIATIONS)) -> list[Action]:
    """What it does after a page, in a world with these fixes."""
    policy = POLICIES["alert_follower"](0)
    first = StoryEnvironment().reset("task_easy", 0)
    listed = [entry for entry in first.available_actions if not entry.startswith("apply_fix:")]
    seen = first.model_copy(
        update={"alerts": [page], "available_actions": [*listed, *(f"apply_fix:{f}" for f in fixes)]}
    )
    return [policy.act(seen) for _ in range(steps)]


def test_it_looks_pages_fixes_and_writes_what_the_alert_suggests():
    """One look, one page, one fix, one postmortem that cites the page; then it waits."""
    look, page, fix, write, *rest = taken("[FIRING:1] HighLatencyP99 payment-service (prod-sim critical oncall) | …")
    assert (look.action_type, look.target, look.details) == (ActionType.INVESTIGATE, "payment-service", None)
    assert (page.action_type, page.target) == (ActionType.ESCALATE, "payments-team")
    assert isinstance(page.details, dict)
    assert isinstance(write.details, dict)
    assert page.details["root_cause"] == "payment-service"
    assert (fix.action_type, fix.target) == (ActionType.APPLY_FIX, "scale_out_payment_service")
    assert write.details["mechanism"] == page.details["mechanism"] == "cpu_throttling"
    assert {cite for claim in write.details["claims"] for cite in claim["cites"]} == {"0/alerts/0"}
    assert all(action == NOTHING_MORE for action in rest)


def test_another_alert_of_the_same_service_has_another_fix():
    """The name of the alert decides."""
    fixes = {taken(f"[FIRING:1] {alert} auth-service (…)")[2].target for alert in ("HighErrorRate", "HighLatencyP99")}
    assert fixes == {"restart_auth_service", "scale_out_auth_service"}


def test_a_page_that_is_over_is_followed_by_nothing():
    """Nor is a world without pages."""
    for line in ("[RESOLVED] HighErrorRate payment-service (…)", "Good morning."):
        assert all(action == NOTHING_MORE for action in taken(line))


def test_a_fix_that_is_not_on_offer_is_not_tried():
    """It never names what does not exist."""
    kinds = [action.action_type for action in taken("[FIRING:1] HighErrorRate payment-service (…)", fixes=())]
    assert ActionType.APPLY_FIX not in kinds
    assert kinds[2] is ActionType.POSTMORTEM


def test_the_runbook_covers_every_alert_that_pages():
    """In any setting of any fault; its mechanisms, teams and services exist."""
    usual = seven_services(20.0)
    rules = [rule for fault in FAULTS.values() for rule in fault.spec(usual).rules if isinstance(rule, AlertRule)]
    assert set(RUNBOOK) == {rule.alert for rule in rules if rule.severity is Severity.PAGE}
    assert {entry.mechanism for entry in RUNBOOK.values()} <= set(Mechanism)
    assert set(OWNERS) == set(SERVICES)
    assert set(OWNERS.values()) <= set(TEAMS)


@pytest.mark.parametrize("service", ["payment-service", "checkout-service", "inventory-service", "auth-service"])
def test_every_service_that_users_feel_can_be_restarted_and_scaled(service):
    """So that the runbook's fixes for them are real ones."""
    for alert in ("HighErrorRate", "HighLatencyP99", "HighUnauthorizedRate"):
        name = RUNBOOK[alert].fix.format(IN_FIXES.get(service, service.replace("-", "_")))
        assert name in REMEDIATIONS
