"""The graders read the world and cannot be talked into a score."""

from __future__ import annotations

import pytest

from env.diagnosis import read_statement
from env.episode import EpisodeRecord, Fix
from env.postmortem import Concept, coverage, is_sentence, is_true
from tests.environment.conftest import PLANS, act, begun


def final(environment):
    """Wait for the end of the episode, then read its breakdown."""
    while not environment.done:
        act(environment, "no_op")
    return environment.state()["breakdown"]


@pytest.mark.parametrize(
    ("task_id", "fix"),
    [
        ("task_easy", "scale_in_payment_service"),
        ("task_easy", "reduce_payment_pool_size"),
        ("task_medium", "set_redis_eviction_policy"),
        ("task_medium", "resize_redis_memory"),
        ("task_hard", "restart_config_agents"),
    ],
)
def test_an_equivalent_repair_is_paid(task_id, fix):
    """The name of the fix means nothing, the state of the world does."""
    environment = begun(task_id)
    act(environment, "apply_fix", fix)
    breakdown = final(environment)
    assert breakdown["lines"]["fix"] > 0
    assert breakdown["deductions"]["wrong fixes"] == 0


@pytest.mark.parametrize(
    ("task_id", "mask"), [("task_hard", "disable_token_verification"), ("task_hard", "rollback_signing_secret")]
)
def test_a_mask_that_silences_the_pages_is_not_paid(task_id, mask):
    """Users are served, but the root is not safe."""
    environment = begun(task_id)
    act(environment, "apply_fix", mask)
    assert act(environment, "no_op").metrics["auth-service"]["unauthorized_ratio"] < 0.05
    breakdown = final(environment)
    assert breakdown["lines"]["fix"] == 0
    assert breakdown["deductions"]["wrong fixes"] == 0.15


def test_who_breaks_the_repaired_cluster_again_loses_the_line():
    """The world is read again after every change."""
    environment = begun("task_easy")
    act(environment, "apply_fix", "increase_db_connections")
    assert "fix" not in environment.state()
    act(environment, "apply_fix", "scale_out_payment_service")
    act(environment, "apply_fix", "increase_payment_pool_size")
    assert final(environment)["lines"]["fix"] == 0


def test_each_wrong_fix_and_each_wrong_escalation_is_deducted():
    """.15 and .10, every time."""
    environment = begun("task_easy")
    for fix in ("restart_payment_service", "flush_all_redis_keys"):
        assert act(environment, "apply_fix", fix).reward == -0.15
    for team in ("network-team", "network-team", "checkout-team"):
        assert act(environment, "escalate", team).reward == -0.10
    deductions = final(environment)["deductions"]
    assert deductions == {"wrong fixes": 0.30, "wrong escalations": 0.30}


def test_looking_after_the_repair_earns_nothing():
    """Evidence comes before the fix."""
    environment = begun("task_easy")
    act(environment, "apply_fix", "increase_db_connections")
    act(environment, "investigate", "postgres-db")
    assert final(environment)["lines"]["investigate postgres-db"] == 0


def test_a_right_statement_without_a_look_earns_nothing():
    """A guess is not a diagnosis."""
    environment = begun("task_medium")
    act(environment, *PLANS["task_medium"][1])
    assert final(environment)["lines"]["identify root cause"] == 0


def test_only_the_first_statement_counts():
    """A second one replaces nothing."""
    environment = begun("task_medium")
    act(environment, "investigate", "redis-cache")
    act(environment, "escalate", "infra-team", {"root_cause": "checkout-service", "mechanism": "bad_deploy"})
    act(environment, "escalate", "infra-team", {"root_cause": "redis-cache", "mechanism": "memory_exhaustion"})
    assert final(environment)["lines"]["identify root cause"] == 0


@pytest.mark.parametrize("mode", ["table", "shaped", "sparse"])
def test_the_score_does_not_depend_on_how_rewards_are_paid(mode):
    """The reward mode changes the payments only."""
    environment = begun("task_medium", reward_mode=mode)
    rewards = [act(environment, *step).reward for step in PLANS["task_medium"]]
    assert environment.state()["score"] == 0.99
    if mode == "shaped":
        assert sum(rewards) == pytest.approx(0.99, abs=1e-9)
    if mode == "sparse":
        assert rewards == [0, 0, 0, 0.99]


# ---------------------------------------------------------------- statements


@pytest.mark.parametrize(
    ("details", "service", "mechanism"),
    [
        ({"root_cause": "redis-cache", "mechanism": "memory_exhaustion"}, "redis-cache", "memory_exhaustion"),
        ('{"root_cause": "redis-cache", "mechanism": "memory_exhaustion"}', "redis-cache", "memory_exhaustion"),
        ("The root cause is redis-cache, which ran out of memory.", "redis-cache", "memory_exhaustion"),
        ("Root cause: redis was at maxmemory.", "redis-cache", "memory_exhaustion"),
        (
            "This was caused by config-service: the partial rollout of the secret.",
            "config-service",
            "partial_rollout",
        ),
        ({"root_cause": ["redis-cache", "postgres-db"], "mechanism": "memory_exhaustion"}, None, "memory_exhaustion"),
        ({"root_cause": "redis-cache, postgres-db", "mechanism": "x"}, None, None),
        ("The root cause is redis, postgres, auth, config, payment or checkout: oom, deadlock, dns.", None, None),
        ("The root cause is redis. The root cause is postgres.", None, None),
    ],
)
def test_statements_are_read(details, service, mechanism):
    """JSON exactly, prose leniently, lists of guesses as nothing."""
    statement = read_statement(details)
    assert statement is not None
    assert (statement.service, statement.mechanism) == (service, mechanism)


@pytest.mark.parametrize("details", [None, "", "Please look at redis.", {"evidence": ["x"]}, "The cause is not redis."])
def test_other_text_is_no_statement(details):
    """A note, a request or a denial says nothing of the root cause."""
    assert read_statement(details) is None


# ---------------------------------------------------------------- postmortems

MEMORY = (
    Concept(name="redis", pattern="redis", about=frozenset({"redis-cache"})),
    Concept(name="memory", pattern="memory", about=frozenset({"redis-cache"})),
)


def record() -> EpisodeRecord:
    """An episode in which one team was paged and one fix applied."""
    return EpisodeRecord(
        task_id="t", seed=1, escalated=["infra-team"], fixes=[Fix(name="flush_redis_cache", step=1, wrong=False)]
    )


def test_true_sentences_cover_concepts():
    """Each concept once."""
    assert coverage("The redis-cache had no memory left for new keys.", MEMORY, record()) == 1
    assert coverage("The redis-cache refused what its clients wanted to write.", MEMORY, record()) == 0.5


@pytest.mark.parametrize(
    "text",
    [
        "redis memory OOM maxmemory cascade inventory checkout postgres auth config payment",
        "redis, memory, oom, eviction, noeviction, limit, cache, leak",
        "redis memory redis memory redis memory redis memory.",
        "REDIS! MEMORY! OOM!",
        "redis\nmemory\noom",
    ],
)
def test_words_without_sentences_earn_nothing(text):
    """Keywords are not an explanation."""
    assert coverage(text, MEMORY, record()) == 0


def test_a_concept_said_of_another_service_is_not_covered():
    """The memory of the wrong service is not the cause."""
    assert coverage("The payment-service had no memory left for anything new.", MEMORY, record()) == 0


def test_claims_of_actions_that_were_not_taken_are_false():
    """A sentence about them counts for nothing."""
    assert is_true("We applied flush_redis_cache after we had paged infra-team.", record())
    assert not is_true("We applied restart_redis and its memory was free again.", record())
    assert not is_true("We escalated to database-team because of the memory of redis.", record())


def test_sentences_and_lists_are_told_apart():
    """By glue words, a verb and the number of things named."""
    assert is_sentence("A batch job filled the memory of the cache with keys that never expire.")
    assert not is_sentence("payment, postgres, redis, inventory, checkout, auth and config were all involved in it.")
    assert not is_sentence("memory oom cache redis filled")
