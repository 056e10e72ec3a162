"""The signs that the rule-based agent asks for, the causes that it takes them for, and what it leaves alone."""

from __future__ import annotations

from statistics import mean

import pytest

from cluster_sim import REMEDIATIONS, SERVICES, TEAMS, Cluster, Mechanism
from cluster_sim.services import seven_services
from env.answers import instant
from env.evaluate import play
from env.models import Action, ActionType, Observation
from env.policies import RuleBasedPolicy
from env.policies.case import CaseFile, signs_in
from env.policies.evidence import LogClue, QuietClue, SignClue
from env.policies.hypotheses import HYPOTHESES, Hypothesis, Topic
from env.policies.panels import LONGEST, panels
from env.queries import check_promql

SIGNS = [sign for hypothesis in HYPOTHESES for sign in hypothesis.signs]
PANELS = list(panels(SIGNS))
STEPS = 20


def page(name: str, service: str = "checkout-service", status: str = "FIRING:1") -> str:
    return (
        f"[{status}] {name} {service} (prod-sim critical oncall) | {service} is not well | since 2026-11-20T20:30:00Z"
    )


class Cluster7:
    """Seven services that show some signs, log some lines, and page until every fix wanted is there."""

    def __init__(self, *, paging: str, signs: frozenset[str] = frozenset(), logs: dict[str, str] | None = None) -> None:
        self.paging = paging
        self.signs = signs
        self.logs = logs or {}
        self.wanted: tuple[str, ...] = ()
        self.actions: list[Action] = []

    def taken(self, verb: ActionType) -> list[str | None]:
        return [action.target for action in self.actions if action.action_type is verb]

    def observe(self, action: Action | None = None) -> Observation:
        fixed = bool(self.wanted) and set(self.wanted) <= set(self.taken(ActionType.APPLY_FIX))
        metrics: dict[str, dict[str, object]] = {name: {"error_ratio": 0.0} for name in SERVICES}
        logs: dict[str, list[str]] = {}
        if action is not None and action.action_type is ActionType.INVESTIGATE and action.target is not None:
            there = [sign for sign in signs_in(action) if sign in self.signs]
            metrics[action.target]["promql"] = {"result": [{"labels": {"sign": s}, "value": 1.0} for s in there]}
            logs[action.target] = (
                [self.logs[action.target] + f" {n}" for n in range(3)] if action.target in self.logs else []
            )
        return Observation(
            step=len(self.actions),
            alerts=[page(self.paging, status="RESOLVED" if fixed else "FIRING:1")],
            logs=logs,
            metrics=metrics,
            available_actions=[
                *(f"investigate:{name}" for name in SERVICES),
                *(f"escalate:{name}" for name in TEAMS),
                *(f"apply_fix:{name}" for name in REMEDIATIONS),
            ],
            message="",
            task_id="any",
            task_description="",
        )

    def play(self) -> None:
        policy, observation = RuleBasedPolicy(), self.observe()
        while len(self.actions) < STEPS and ActionType.POSTMORTEM not in {a.action_type for a in self.actions}:
            action = policy.act(observation)
            self.actions.append(action)
            observation = self.observe(action)


# ---------------------------------------------------------------- the table


@pytest.mark.parametrize("panel", PANELS, ids=range(len(PANELS)))
def test_a_question_is_one_that_the_environment_takes(panel):
    assert len(panel.query) <= LONGEST
    assert check_promql(panel.query) == panel.query
    asked = signs_in(Action(action_type=ActionType.INVESTIGATE, target="postgres-db", details={"promql": panel.query}))
    assert asked == tuple(sign.sign for sign in panel.signs)


def test_all_signs_are_asked_for_in_few_questions():
    assert [sign for panel in PANELS for sign in panel.signs] == list(dict.fromkeys(SIGNS))
    assert len({sign.sign for sign in SIGNS}) == len(set(SIGNS))
    assert len(PANELS) <= len(Topic)


def test_what_the_agent_says_and_does_is_there_to_be_said_and_done():
    for hypothesis in HYPOTHESES:
        assert {hypothesis.root_cause, *hypothesis.look_at} <= set(SERVICES)
        assert hypothesis.mechanism in set(Mechanism)
        assert {*hypothesis.plan, *hypothesis.otherwise} <= set(REMEDIATIONS)
        assert (hypothesis.team in TEAMS, bool(hypothesis.plan)) == (
            (False, False) if hypothesis.harmless else (True, True)
        )


CURABLE = [h for h in HYPOTHESES if not h.harmless]


def shown_by(hypothesis: Hypothesis) -> Cluster7:
    """A cluster that shows what is decisive about a cause, and what it takes for it to be suspected."""
    signs = frozenset(sign.sign for sign in hypothesis.signs)
    texts = {
        service: clue.grep
        for clue in hypothesis.clues
        if isinstance(clue, LogClue) and clue.grep
        for service in clue.services
    }
    return Cluster7(paging="HighErrorRate", signs=signs, logs=texts)


@pytest.mark.parametrize(
    "cause",
    [h for h in CURABLE if any(s.decisive for s in h.signs) or any(getattr(c, "grep", "") for c in h.clues)],
    ids=lambda h: f"{h.root_cause}-{h.mechanism}-{h.plan[0]}",
)
def test_what_shows_a_cause_leads_to_its_owner_and_its_whole_plan_in_order(cause):
    cluster = shown_by(cause)
    cluster.wanted = cause.plan
    cluster.play()
    assert cluster.taken(ActionType.ESCALATE) == [cause.team]
    assert cluster.taken(ActionType.APPLY_FIX) == list(cause.plan)
    said = next(a.details for a in cluster.actions if a.action_type is ActionType.ESCALATE)
    assert isinstance(said, dict)
    assert (said["root_cause"], said["mechanism"]) == (cause.root_cause, cause.mechanism)
    first = next(n for n, a in enumerate(cluster.actions) if a.action_type is ActionType.ESCALATE)
    assert cause.root_cause in [a.target for a in cluster.actions[:first]]


def test_where_the_plan_is_not_enough_the_rest_follows_after_a_second_look():
    cause = next(h for h in HYPOTHESES if h.otherwise)
    cluster = shown_by(cause)
    cluster.wanted = (*cause.plan, *cause.otherwise)
    cluster.play()
    assert cluster.taken(ActionType.APPLY_FIX) == [*cause.plan, *cause.otherwise]


# ---------------------------------------------------------------- clues


def asked(case: CaseFile, sign: SignClue, *, there: bool) -> None:
    (panel,) = panels([sign])
    cluster = Cluster7(paging="HighErrorRate", signs=frozenset({sign.sign} if there else ()))
    look = Action(action_type=ActionType.INVESTIGATE, target="postgres-db", details={"promql": panel.query})
    case.note(cluster.observe())
    case.took(look)
    case.note(cluster.observe(look))


def test_a_sign_is_there_or_not_there_or_was_never_asked_for():
    sign = SignClue(sign="smoke", says="there is smoke", expr="sum(smoke) > 0")
    case = CaseFile()
    assert (sign.found(case), sign.denied(case)) == (None, False)
    asked(case, sign, there=True)
    assert (sign.found(case), sign.denied(case)) == (("smoke = 1", ("0/promql",), ()), False)
    asked(case, sign, there=False)
    assert (sign.found(case), sign.denied(case)) == (None, True)


def test_a_sign_that_has_to_be_there_rules_its_cause_out():
    limit = next(h for h in HYPOTHESES if h.mechanism == "connection_limit")
    refused = {"postgres-db": "FATAL:  remaining connection slots are reserved for superusers"}
    cluster = Cluster7(paging="HighErrorRate", signs=frozenset({"sessions_without_a_pool"}), logs=refused)
    cluster.wanted = ("rollback_payment_service",)
    cluster.play()
    assert limit.team not in cluster.taken(ActionType.ESCALATE)
    assert cluster.taken(ActionType.APPLY_FIX) == ["rollback_payment_service"]


def test_a_shared_sign_gives_way_to_the_one_that_explains_it():
    """Whoever waits for a lock holds a connection for which postgres does no work, too."""
    both = frozenset({"sessions_wait_for_round_trips", "exclusive_lock_wanted"})
    cluster = Cluster7(paging="HighLatencyP99", signs=both)
    cluster.wanted = ("cancel_long_running_queries",)
    cluster.play()
    assert cluster.taken(ActionType.APPLY_FIX) == ["cancel_long_running_queries"]


def test_what_a_cause_leaves_in_a_log_spares_the_questions_about_all_others():
    """A shared sign alone is believed only when every cause was asked for."""
    looks = {}
    for log in ("", "received promote request, promoted"):
        cluster = Cluster7(
            paging="HighLatencyP99",
            signs=frozenset({"sessions_wait_for_round_trips"}),
            logs={"postgres-db": log} if log else None,
        )
        cluster.wanted = ("failback_postgres",)
        cluster.play()
        assert cluster.taken(ActionType.APPLY_FIX) == ["failback_postgres"]
        looks[bool(log)] = len(cluster.taken(ActionType.INVESTIGATE))
    assert looks[True] < looks[False]


# ---------------------------------------------------------------- leaving alone


@pytest.mark.parametrize("name", ["HighTraffic", "LatencyP50Warning", "KubePodCrashLooping", "RedisDown"])
def test_a_page_that_nobody_suffers_from_is_written_up_and_nothing_is_touched(name):
    cluster = Cluster7(paging=name)
    cluster.play()
    assert {a.action_type for a in cluster.actions} == {ActionType.INVESTIGATE, ActionType.POSTMORTEM}
    assert isinstance(cluster.actions[-1].details, dict)
    assert cluster.actions[-1].details["mechanism"] == Mechanism.NO_INCIDENT


def test_where_users_suffer_and_nothing_is_found_the_agent_looks_on():
    cluster = Cluster7(paging="HighErrorRate")
    cluster.play()
    assert {a.action_type for a in cluster.actions} == {ActionType.INVESTIGATE}


def test_it_is_quiet_only_some_looks_after_the_last_page_of_a_user():
    clue = QuietClue(says="quiet", pages="HighErrorRate", looks=2)
    case = CaseFile()
    cluster = Cluster7(paging="HighErrorRate")
    calm = cluster.observe().model_copy(update={"alerts": []})
    found = []
    for observation in (cluster.observe(), calm, calm):
        case.note(observation)
        found.append(clue.found(case) is not None)
    assert found == [False, False, True]


# ---------------------------------------------------------------- real worlds


@pytest.mark.parametrize("seed", range(3))
def test_no_decisive_sign_shows_on_a_noisy_day_without_a_fault(seed):
    cluster = Cluster(seven_services(), seed=seed, noise=1.6)
    cluster.run_for(600)
    answers = [instant(cluster, panel.query) for panel in PANELS]
    shown = {row["labels"]["sign"] for answer in answers for row in answer["result"]}
    assert shown & {sign.sign for sign in SIGNS if sign.decisive} == set()


def test_generated_incidents_are_mostly_solved():
    assert mean(play("rule_based", "generated", index).score for index in range(2000, 2012)) >= 0.7
