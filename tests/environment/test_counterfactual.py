"""What would have been is what really comes of the other actions on the same traffic."""

from __future__ import annotations

from functools import cache

import pytest

from cluster_sim import WINDOW, Cluster, WarmUps, harm, nanoseconds, patience_s
from env.actions import ACTIONS, Scene
from env.counterfactual import Counterfactual, Played, Wait
from env.environment import IncidentEnvironment
from env.episode import EpisodeRecord, Read
from env.errors import BadRequest, UnknownTask
from env.models import Action, ActionType, EpisodeOptions
from env.scenes import begin_scene
from env.tools import READ_S
from tests.environment.conftest import PLANS, act, begun
from tests.support.clusters import digest

WARM_UPS = WarmUps()
LOOK = Action(action_type=ActionType.INVESTIGATE, target="payment-service")
WAITING = Action(action_type=ActionType.NO_OP)
READ = Read(after_step=1, tool="golden_signals", arguments={})


def fix(name: str) -> Action:
    """Apply a fix."""
    return Action(action_type=ActionType.APPLY_FIX, target=name)


def told(task_id: str, *actions: Action, seed: int = 1, reads: tuple[Read, ...] = ()) -> Played:
    """An episode."""
    return Played(task_id=task_id, seed=seed, actions=actions, reads=reads)


RIGHT = {"task_easy": "increase_db_connections", "task_medium": "flush_redis_cache"}
RIGHT["task_hard"] = "complete_secret_rotation"


@cache
def counterfactual(task_id: str, watched: bool = False) -> Counterfactual:
    """An engineer looks, reads, harms, repairs and looks again."""
    actions = (LOOK, fix("restart_postgres"), fix(RIGHT[task_id]), LOOK)
    return Counterfactual(told(task_id, *actions, reads=(READ,)), warm_ups=WARM_UPS, watched=watched)


def simulated(played: Played, moves, until: int) -> Cluster:
    """The oracle: everything anew from the seed and the moves, in one go, without checkpoints."""
    scene = begin_scene(played.task_id, played.seed, played.options)
    for move in moves:
        if isinstance(move, Action):
            record = EpisodeRecord(task_id=played.task_id, seed=played.seed)
            ACTIONS[move.action_type](Scene(scene.cluster, scene.fault, scene.owner, record), move)
        elif isinstance(move, Wait):
            scene.cluster.run_until(max(move.until, scene.cluster.now))
        else:
            scene.cluster.run_for(READ_S)
    scene.cluster.run_until(until)
    return scene.cluster


def traffic(cluster: Cluster) -> list[object]:
    """Who came: per window and endpoint how many were answered or gave up, and the draws of the last window."""
    draws = cluster.workload.draws()
    rows = [rows.tolist() for rows in draws.rows]
    answered = {window: [all_ for all_, _ in counts] for window, counts in cluster.recorder.outcomes.items()}
    last = (cluster.now - nanoseconds(patience_s(cluster.spec))) // WINDOW
    complete = sorted((window, counts) for window, counts in answered.items() if window < last)
    return [cluster.workload.arrived, complete, draws.times.tolist(), draws.endpoints.tolist(), rows]


def test_every_course_equals_its_simulation_from_scratch(task_id):
    """All that an episode could show of the other world, byte by byte."""
    case = counterfactual(task_id, watched=True)
    look, read, wrong, right, again = case.moves
    courses = {
        "without": (case.without(2), [look, read, right, again]),
        "without two": (case.without(1, 3), [read, wrong, again]),
        "instead": (case.instead(3, WAITING), [look, read, wrong, WAITING, again]),
        "also": (
            case.also(fix("restart_redis"), after_step=1),
            [look, fix("restart_redis"), read, wrong, right, again],
        ),
        "at the end": (case.also(WAITING), [*case.moves, WAITING]),
        "before": (case.also(WAITING, after_step=0), [WAITING, *case.moves]),
        "nothing": (case.nothing(), []),
    }
    for name, (comparison, moves) in courses.items():
        oracle = simulated(case.played, moves, comparison.cluster.now)
        assert digest(comparison.cluster) == digest(oracle), name
        assert comparison.other == harm(oracle, comparison.fact.since, comparison.fact.until), name


def test_the_fact_is_what_happened_to_the_users_of_the_episode(task_id):
    """The cluster of the episode itself, run on for as long, tells the same harm."""
    environment = begun(task_id)
    page = environment.cluster.now
    for step in PLANS[task_id]:
        act(environment, *step)
    played = Played.model_validate(environment.state())
    fact = Counterfactual(played, warm_ups=WARM_UPS).nothing().fact
    cluster = environment.cluster
    cluster.run_until(fact.until + nanoseconds(patience_s(cluster.spec)))
    assert fact == harm(cluster, page, fact.until)
    assert fact.since - page < WINDOW


def test_the_same_action_instead_is_the_same_world(task_id):
    """Whether it is looked at or not."""
    for watched in (False, True):
        case = counterfactual(task_id, watched)
        for step, action in enumerate(case.played.actions, 1):
            comparison = case.instead(step, action)
            assert comparison.other == comparison.fact
            assert comparison.spared == comparison.spared_minutes == 0
    assert digest(comparison.cluster) == digest(simulated(case.played, case.moves, comparison.cluster.now))


def test_up_to_the_change_both_worlds_are_one(task_id):
    """Logs, samples and spans of the time before are the same bytes; those after it are not."""
    case = counterfactual(task_id, watched=True)
    changed = case.instead(3, fix("restart_config_service")).cluster
    fact = simulated(case.played, case.moves, changed.now)
    at = case.began(3)
    assert past(changed, at) == past(fact, at)
    assert past(changed, changed.now) != past(fact, changed.now)


def past(cluster: Cluster, until: int) -> list[object]:
    """What a cluster has told of the time before an instant: logs, scraped values, spans."""
    logs = [[record for record in service.log if record.at < until] for service in cluster.services.values()]
    samples = []
    for target in cluster.scrapes.targets:
        for block in target.blocks:
            count = sum(at < until for at in block.times)
            if count:
                samples.append((target.exporter.place, block.values[: count * block.width].tobytes()))
    spans = cluster.recorder.spans.rows()
    return [logs, samples, spans[spans["end"] < until].tobytes()]


def test_the_same_users_come_with_the_same_wishes_whatever_is_done(task_id):
    """Arrivals, endpoints and draws; only what becomes of them differs."""
    case = counterfactual(task_id)
    courses = [case.without(3), case.instead(3, WAITING), case.nothing(), case.also(fix("restart_redis"))]
    for comparison in courses:
        assert comparison.other.requests == comparison.fact.requests
        pairs = zip(comparison.other.endpoints, comparison.fact.endpoints, strict=True)
        assert all(other.requests == fact.requests for other, fact in pairs)
        oracle = simulated(case.played, case.moves, comparison.cluster.now)
        assert traffic(comparison.cluster) == traffic(oracle)
        assert comparison.other.bad != comparison.fact.bad


def test_without_the_right_fix_users_suffer_more(task_id):
    """In requests and in minutes."""
    comparison = counterfactual(task_id).without(3)
    assert comparison.other.bad > 1.2 * comparison.fact.bad
    assert comparison.spared < 0
    assert comparison.spared_minutes < 0


@pytest.mark.parametrize("keep_clock", [False, True])
def test_without_a_wrong_fix_that_does_harm_they_suffer_less(task_id, keep_clock):
    """A restart of the database cuts off everybody; the time it takes is not its only harm."""
    comparison = counterfactual(task_id).without(2, keep_clock=keep_clock)
    assert comparison.spared > 0
    assert comparison.spared_minutes > 0


def test_a_wrong_fix_that_does_nothing_costs_only_its_time():
    """The same users suffer if one waits for as long, and fewer if one goes on at once."""
    actions = (fix("restart_checkout_service"), fix(RIGHT["task_easy"]))
    case = Counterfactual(told("task_easy", *actions), warm_ups=WARM_UPS)
    assert case.without(1, keep_clock=True).spared == 0
    assert case.without(1).spared > 0


def test_with_the_clock_kept_the_rest_is_done_when_it_was_done():
    """Else it is done sooner, which spares users more."""
    case = counterfactual("task_hard")
    kept, sooner = case.without(2, keep_clock=True), case.without(2)
    repaired = {name: at for at, name in case.nothing().cluster.actions}
    assert repaired == {}
    when = {name: at for at, name in kept.cluster.actions}[RIGHT["task_hard"]]
    assert when == {name: at for at, name in case.also(WAITING).cluster.actions}[RIGHT["task_hard"]]
    assert when > {name: at for at, name in sooner.cluster.actions}[RIGHT["task_hard"]]
    assert sooner.other.bad < kept.other.bad


def test_an_unwatched_world_does_the_same_to_its_users(task_id):
    """Scrapes and rules only look."""
    for step in (1, 2, 3):
        assert counterfactual(task_id, watched=True).without(step).other == counterfactual(task_id).without(step).other


def test_both_courses_are_compared_over_the_longer_one_and_some_time_after():
    """The span ends `after_s` after the last action of either."""
    case = Counterfactual(told("task_easy", LOOK), warm_ups=WARM_UPS, after_s=30)
    short, long = case.nothing(), case.instead(1, fix("increase_db_connections"))
    assert short.fact.since == long.fact.since
    assert 60e9 <= short.fact.until - short.fact.since <= 75e9
    assert long.fact.until > short.fact.until
    for comparison in (short, long):
        assert (comparison.fact.since, comparison.fact.until) == (comparison.other.since, comparison.other.until)
    assert long.spared > 0


def test_an_episode_in_which_nothing_was_done_can_be_played_better():
    """Its only course so far is nothing."""
    case = Counterfactual(told("task_medium"), warm_ups=WARM_UPS)
    assert case.nothing().spared == 0
    assert case.also(fix(RIGHT["task_medium"])).spared > 0


def test_bad_minutes_are_minutes_of_complete_outage():
    """No endpoint has more of them than the span has minutes, and all together lie between the best and the worst."""
    other = counterfactual("task_medium").nothing().other
    span = (other.until - other.since) / 60e9
    minutes = [endpoint.bad_minutes for endpoint in other.endpoints]
    assert 0 <= min(minutes) <= other.bad_minutes <= max(minutes) <= span
    assert sum(endpoint.bad for endpoint in other.endpoints) == other.bad


def test_what_cannot_be_played_is_refused_with_a_reason():
    """Before anything is simulated."""
    case = counterfactual("task_easy")
    for step in (0, 5, -1):
        with pytest.raises(BadRequest, match="steps 1 to 4"):
            case.without(step)
        with pytest.raises(BadRequest, match="steps 1 to 4"):
            case.instead(step, WAITING)
    with pytest.raises(BadRequest, match="steps 1 to 4"):
        case.also(WAITING, after_step=5)
    with pytest.raises(BadRequest, match="no such fix"):
        case.instead(1, fix("pray"))
    with pytest.raises(BadRequest, match="no such fix"):
        Counterfactual(told("task_easy", fix("pray")))
    with pytest.raises(UnknownTask):
        Counterfactual(told("task_impossible"))
    with pytest.raises(BadRequest, match="after_s"):
        Counterfactual(told("task_easy"), after_s=-1)
    for reads in ((Read(after_step=1, tool="logs", arguments={}),), (READ,) * 121):
        with pytest.raises(BadRequest, match="reads"):
            Counterfactual(told("task_easy", reads=reads))
    with pytest.raises(BadRequest, match="at most 10 steps"):
        Counterfactual(told("task_easy", *[WAITING] * 11))
    with pytest.raises(BadRequest, match="live"):
        Counterfactual(Played(task_id="task_easy", seed=1, options=EpisodeOptions(attach="live")))


def test_the_state_of_an_episode_is_all_that_is_needed():
    """Reads and options too; what else the state tells does not matter."""
    environment = IncidentEnvironment(WARM_UPS)
    environment.reset("task_hard", 4, EpisodeOptions(noise=0.5, reward_mode="sparse"))
    environment.read("golden_signals", {})
    act(environment, "escalate", "security-team", "please have a look")
    environment.read("service_graph", {})
    played = Played.model_validate(environment.state())
    assert (played.task_id, played.seed, played.options.noise) == ("task_hard", 4, 0.5)
    assert [read.after_step for read in played.reads] == [0, 1]
    assert played.actions[0].details == "please have a look"
    case = Counterfactual(played, warm_ups=WARM_UPS)
    assert [type(move) for move in case.moves] == [Read, Action, Read]
    assert Played.model_validate_json(played.model_dump_json()) == played
