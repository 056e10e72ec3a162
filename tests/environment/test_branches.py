"""A branch of an episode goes on as the episode would; and cached incidents begin episodes like any other."""

from __future__ import annotations

import pickle

import pytest

from cluster_sim import WarmUps
from env.environment import IncidentEnvironment
from env.errors import EpisodeOver, NotReset
from env.models import EpisodeOptions
from tests.environment.conftest import PLANS, act, begun

READ = ("query_metrics", {"promql": "sum(rate(http_server_request_duration_seconds_count[1m])) by (service)"})


def shown(environment: IncidentEnvironment) -> tuple[object, ...]:
    """Everything that can be asked of an environment without acting."""
    return environment.state(), environment.info(), environment.exposition(), environment.done


def play(environment: IncidentEnvironment, plan) -> list[object]:
    """Play a plan; every observation, and what could be asked after it."""
    return [(act(environment, *step).model_dump_json(), *shown(environment)) for step in plan]


@pytest.mark.parametrize("options", [{}, {"reward_mode": "shaped", "noise": 2.0}, {"reward_mode": "sparse"}])
def test_a_branch_at_any_step_goes_on_as_its_original(task_id, options):
    """Observations, rewards, state, score and the metrics page; the oracle was played without a branch."""
    plan = PLANS[task_id]
    expected = play(begun(task_id, **options), plan)
    original = begun(task_id, **options)
    for at in range(len(plan)):
        branch = original.branch()
        assert shown(branch) == shown(original)
        assert play(branch, plan[at:]) == expected[at:]
        assert play(original, plan[at : at + 1]) == expected[at : at + 1]


def test_a_branch_of_a_branch_is_a_branch(task_id):
    """However often it is copied."""
    plan = PLANS[task_id]
    expected = play(begun(task_id), plan)
    hopping = begun(task_id)
    for step, seen in zip(plan, expected, strict=True):
        hopping = hopping.branch().branch()
        assert play(hopping, [step]) == [seen]


def test_what_is_done_in_a_branch_is_not_done_in_its_original():
    """Nor in its other branches: fixes, escalations, statements, reads and looks."""
    plan = PLANS["task_medium"]
    expected = play(begun("task_medium"), plan)
    original = begun("task_medium")
    untouched = original.branch()
    branch = original.branch()
    branch.read(*READ)
    for step in (*PLANS["task_easy"], ("escalate", "security-team", {"root_cause": "auth-service"}), *plan[::-1]):
        if not branch.done:
            act(branch, *step)
    assert play(original, plan) == expected
    assert play(untouched, plan) == expected


def test_reads_are_branched_too():
    """They take time, and the state lists them."""
    original, oracle = begun("task_hard"), begun("task_hard")
    for environment in (original, oracle):
        environment.read(*READ)
        act(environment, "investigate", "auth-service")
    branch = original.branch()
    assert branch.read(*READ) == oracle.read(*READ)
    assert shown(branch) == shown(oracle)
    assert original.state()["reads"] == branch.state()["reads"][:1]


def test_a_group_of_rollouts_begins_at_one_reset():
    """Each member acts for itself; members that act alike see alike."""
    original = IncidentEnvironment(WarmUps())
    original.reset("task_easy", 1)
    group = [original.branch() for _ in range(6)]
    fixes = ("flush_redis_cache", "increase_db_connections", "restart_redis") * 2
    seen = [act(member, "apply_fix", fix).model_dump_json() for member, fix in zip(group, fixes, strict=True)]
    assert seen[:3] == seen[3:]
    assert len(set(seen)) == 3


def test_a_branch_of_a_finished_episode_is_finished():
    """It tells the score, and takes no more actions."""
    environment = begun("task_easy")
    for step in PLANS["task_easy"]:
        act(environment, *step)
    branch = environment.branch()
    assert shown(branch) == shown(environment)
    with pytest.raises(EpisodeOver):
        act(branch, "no_op")


def test_a_branch_can_begin_an_episode_of_its_own():
    """The original goes on with its own."""
    original = begun("task_easy")
    branch = original.branch()
    expected = begun("task_hard", 3)
    branch.reset("task_hard", 3)
    assert play(branch, PLANS["task_hard"]) == play(expected, PLANS["task_hard"])
    assert play(original, PLANS["task_easy"]) == play(begun("task_easy"), PLANS["task_easy"])


def test_there_is_nothing_to_branch_before_a_reset():
    """It says so."""
    with pytest.raises(NotReset):
        IncidentEnvironment().branch()


@pytest.mark.parametrize(
    "resets",
    [(1, 1), (2, 1, 2, 1)],
    ids=str,
)
def test_an_episode_is_the_same_whatever_was_kept_of_others(task_id, resets):
    """Every episode with this task and seed equals the one that was simulated anew, whether or not it was restored."""
    plan = PLANS[task_id]
    options = EpisodeOptions(noise=0.7)
    fresh = IncidentEnvironment()
    first = fresh.reset(task_id, 1, options).model_dump_json()
    start = shown(fresh)
    expected = play(fresh, plan)
    warm_ups = WarmUps(limit_bytes=5_000_000)
    environment = IncidentEnvironment(warm_ups)
    for seed in resets:
        observation = environment.reset(task_id, seed, options)
        if seed == 1:
            assert observation.model_dump_json() == first
            assert shown(environment) == start
            assert play(environment, plan) == expected
    assert warm_ups.hits == resets.count(1) + resets.count(2) - len(set(resets))


def test_an_environment_can_be_pickled_and_leaves_what_is_kept_behind():
    """What is kept belongs to the process; the copy goes on alone."""
    environment = IncidentEnvironment(WarmUps())
    environment.reset("task_easy", 1)
    copy = pickle.loads(pickle.dumps(environment))
    assert play(copy, PLANS["task_easy"]) == play(environment, PLANS["task_easy"])
    assert copy.reset("task_easy", 1) == environment.reset("task_easy", 1)
