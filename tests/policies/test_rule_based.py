"""The rule-based agent on hand-written incidents in the formats of the real programs."""

import pytest

from env.models import Action, ActionType
from env.policies import RuleBasedPolicy, run_episode
from env.policies.case import CaseFile, measurements, read_page
from env.policies.evidence import DisagreementClue, FractionClue, LogClue
from env.policies.hypotheses import PARTLY_ACKED
from tests.policies.stories import CONNECTIONS, MEMORY, ROTATION, SERVICES, STORIES, Story, StoryEnvironment


def played(story, **environment_options):
    environment = StoryEnvironment(**environment_options)
    run_episode(environment, RuleBasedPolicy(), story.task_id, 7, write=lambda line: None)
    return environment


def steps(environment):
    return [(action.action_type.value, action.target) for action in environment.actions]


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_each_story_is_solved_without_a_wrong_fix_or_a_wrong_page(story):
    environment = played(story)
    assert environment.solved
    assert [t for verb, t in steps(environment) if verb == "apply_fix"] == [story.fix]
    assert [t for verb, t in steps(environment) if verb == "escalate"] == [story.team]


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_the_root_cause_is_looked_at_before_it_is_named(story):
    environment = played(story)
    looked = steps(environment).index(("investigate", story.root_cause))
    named = steps(environment).index(("escalate", story.team))
    assert looked < named
    details = environment.actions[named].details
    assert (details["root_cause"], details["mechanism"]) == (story.root_cause, story.mechanism)
    assert details["evidence"]
    assert 0 < details["confidence"] < 1


def test_the_agent_starts_at_the_page():
    assert [played(story).actions[0].target for story in STORIES.values()] == [
        "payment-service",
        "checkout-service",
        "auth-service",
    ]


def test_the_cascade_is_followed_from_checkout_through_inventory_to_redis():
    looked = [target for verb, target in steps(played(MEMORY)) if verb == "investigate"]
    assert looked == ["checkout-service", "inventory-service", "redis-cache"]


def test_the_secret_rotation_is_read_on_both_auth_and_config():
    looked = [target for verb, target in steps(played(ROTATION)) if verb == "investigate"]
    assert looked == ["auth-service", "config-service"]


def test_the_plan_comes_from_what_is_seen_and_not_from_the_task_id():
    swapped = {
        "task_easy": ROTATION,
        "task_medium": CONNECTIONS,
        "task_hard": MEMORY,
    }
    for task_id, story in swapped.items():
        environment = StoryEnvironment(stories={task_id: story})
        run_episode(environment, RuleBasedPolicy(), task_id, 0, write=lambda line: None)
        assert environment.did(ActionType.APPLY_FIX, story.fix)


def test_stray_errors_of_a_healthy_day_lead_to_no_fix():
    quiet = Story(
        task_id="quiet",
        pages=CONNECTIONS.pages,
        telemetry={
            "payment-service": (CONNECTIONS.telemetry["payment-service"][0][:2], {}),
            "postgres-db": (CONNECTIONS.telemetry["postgres-db"][0][:1], {}),
        },
        root_cause="none",
        mechanism="none",
        team="none",
        fix="none",
        max_steps=12,
        needs_postmortem=False,
    )
    environment = StoryEnvironment(stories={"quiet": quiet})
    run_episode(environment, RuleBasedPolicy(), "quiet", 0, write=lambda line: None)
    assert {action.action_type for action in environment.actions} == {ActionType.INVESTIGATE}
    assert {action.target for action in environment.actions} == set(SERVICES)


def test_a_fix_that_does_not_clear_the_pages_is_looked_at_again_but_not_repeated():
    environment = played(MEMORY, fix_works=False)
    assert steps(environment).count(("apply_fix", "flush_redis_cache")) == 1
    after = steps(environment)[steps(environment).index(("apply_fix", "flush_redis_cache")) + 1 :]
    assert after[0] == ("investigate", "redis-cache")
    written = next(a for a in environment.actions if a.action_type is ActionType.POSTMORTEM)
    assert "still firing" in written.details["summary"]


def test_when_one_cure_fails_the_other_proven_cause_is_taken_up():
    both = {**MEMORY.telemetry, "config-service": ROTATION.telemetry["config-service"]}
    both["auth-service"] = ROTATION.telemetry["auth-service"]
    story = Story(**{**ROTATION.__dict__, "pages": MEMORY.pages, "telemetry": both, "task_id": "both"})
    environment = StoryEnvironment(stories={"both": story})
    policy = RuleBasedPolicy()
    observation = environment.reset("both", 0)
    for service in ("auth-service", "config-service"):  # read by somebody else before
        action = _look(service)
        policy.observe(environment.step(action))
        policy.took(action)
    policy.observe(environment.step(_look("redis-cache")))
    policy.took(_look("redis-cache"))
    while not observation.done:
        observation = environment.step(policy.act(observation))
    assert environment.solved


def _look(service):
    return Action(action_type=ActionType.INVESTIGATE, target=service)


@pytest.mark.parametrize("story", [MEMORY, ROTATION], ids=["memory", "rotation"])
def test_the_postmortem_is_sentences_that_name_only_the_true_cause(story):
    environment = played(story)
    text = next(a for a in environment.actions if a.action_type is ActionType.POSTMORTEM).details["summary"]
    assert f"Root cause: {story.root_cause}" in text
    assert all(paragraph.endswith(".") for paragraph in text.splitlines())
    assert story.pages[0][1] in text
    assert story.team in text
    assert story.fix in text
    assert "cleared" in text
    others = {s.mechanism for s in STORIES.values()} - {story.mechanism}
    assert not any(mechanism in text for mechanism in others)


def test_the_memory_postmortem_covers_redis_memory_and_oom():
    text = next(a.details["summary"] for a in played(MEMORY).actions if a.action_type is ActionType.POSTMORTEM)
    assert all(word in text for word in ("redis-cache", "memory", "OOM", "inventory-service", "checkout-service"))


def test_a_page_is_read_with_its_measurement_and_start():
    page = read_page(
        "[FIRING:1] HighErrorRate payment-service (prod-sim critical payments-oncall) | payment-service"
        " 5xx ratio 38.2% > 5% for 2m | since 2025-03-14T09:04:30Z | dashboard=d runbook=r"
        " | PD#Q1A2B3 urgency=high"
    )
    assert page == (
        "HighErrorRate",
        "payment-service",
        True,
        "payment-service 5xx ratio 38.2% > 5% for 2m",
        "2025-03-14T09:04:30Z",
    )
    assert read_page("the pager is quiet") is None


def test_an_incident_has_recovered_only_when_its_own_pages_are_gone():
    environment = StoryEnvironment()
    case = CaseFile()
    first = environment.reset("task_easy", 0)
    case.note(first)
    assert not case.recovered
    unrelated = first.alerts[0].replace("HighErrorRate", "DiskAlmostFull")
    case.note(first.model_copy(update={"alerts": [unrelated]}))
    assert case.recovered


def test_figures_are_named_by_their_path_whatever_their_nesting():
    nested = {"golden": {"error_ratio": 0.4, "note": "n/a"}, "samples": [1, {"up": True}], "gone": None}
    assert dict(measurements(nested)) == {"golden.error_ratio": 0.4, "samples[0]": 1.0, "samples[1].up": 1.0}


def shown(clue, case):
    found = clue.found(case)
    return None if found is None else found.shown


def read_case(service, lines=(), figures=None):
    environment = StoryEnvironment()
    observation = environment.reset("task_easy", 0)
    case = CaseFile()
    seen = {"logs": {service: list(lines)}, "metrics": {service: figures or {}}}
    case.note(observation.model_copy(update=seen))
    return case


def test_a_log_clue_wants_as_many_lines_as_it_says_and_quotes_the_last():
    clue = LogClue(says="refused", pattern=r"too many clients \d", at_least=2)
    assert shown(clue, read_case("postgres-db", ["FATAL:  too many clients 1"])) is None
    lines = ["FATAL:  too many clients 1", "FATAL:  too many clients 2"]
    assert shown(clue, read_case("postgres-db", lines)) == "too many clients 2"


def test_a_fraction_clue_adds_up_its_parts():
    clue = FractionClue(says="full", service="postgres-db", part="count", whole="max", at_least=0.9)
    assert shown(clue, read_case("postgres-db", figures={"count_a": 50, "count_b": 47, "max": 100})) == "97 of 100"
    assert shown(clue, read_case("postgres-db", figures={"count_a": 50, "max": 100})) is None
    assert shown(clue, read_case("postgres-db", figures={"count_a": 50})) is None


def test_replicas_disagree_only_when_a_label_has_two_values():
    clue = DisagreementClue(says="differ", service="auth-service", metric="version_info", label="checksum")
    one = {'version_info{checksum="a",pod="0"}': 1, 'version_info{checksum="a",pod="1"}': 1}
    assert shown(clue, read_case("auth-service", figures=one)) is None
    two = {**one, 'version_info{checksum="b",pod="2"}': 1}
    assert shown(clue, read_case("auth-service", figures=two)) == "checksum a and b"


@pytest.mark.parametrize(("acked", "partial"), [("2/3", True), ("3/3", False), ("1/3", True)])
def test_a_rollout_counts_as_partial_only_when_somebody_is_missing(acked, partial):
    clue = LogClue(says="partial", pattern=PARTLY_ACKED, at_least=1)
    found = shown(clue, read_case("config-service", [f"rev 42 rolled out: {acked} acked"]))
    assert found == (f"{acked} acked" if partial else None)


def test_a_cause_stays_named_when_the_cure_has_taken_its_symptoms_away():
    full = {"redis-cache": {"redis_memory_used_bytes": 268.0, "redis_memory_max_bytes": 268.0}}
    empty = {"redis-cache": {"redis_memory_used_bytes": 20.0, "redis_memory_max_bytes": 268.0}}
    environment = StoryEnvironment()
    paged = environment.reset("task_medium", 0)
    policy = RuleBasedPolicy()
    policy.observe(paged.model_copy(update={"metrics": full}))
    policy.took(_look("redis-cache"))
    while (named := policy.act(paged.model_copy(update={"metrics": full}))).action_type is ActionType.INVESTIGATE:
        pass
    assert named.target == "flush_redis_cache"
    calm = [alert.replace("FIRING:1", "RESOLVED") for alert in paged.alerts]
    assert policy.act(paged.model_copy(update={"metrics": empty, "alerts": calm})).target == "infra-team"
    written = policy.act(paged.model_copy(update={"metrics": empty, "alerts": calm}))
    assert written.action_type is ActionType.POSTMORTEM
    assert "268 of 268" in str(written.details)
