"""What tells a cause from its twins: declared evidence, and the same look in the worlds of twins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cluster_sim import FAULTS, SERVICES, promql, recent_logs, twins_of, unix_ms
from env.assessment.discrimination import Discrimination
from env.assessment.expressions import of_query, same
from env.assessment.lines import template, written_since
from env.assessment.postmortem import explained
from env.assessment.sights import Asked, Kind, cited
from env.assessment.twins import MOST_TWINS, TwinWorlds
from env.environment import IncidentEnvironment
from env.models import EpisodeOptions
from tests.environment.assessment.conftest import (
    AUTOSCALER,
    DEPLOY,
    LOCK_QUEUE,
    OPTIONS,
    WARM_UPS,
    WRONG_PASSWORD,
    cause,
    everything_shown,
    file,
    investigate,
    judged,
    last,
    look_for_evidence,
    paged,
    thing,
    worlds_of,
)
from tests.environment.conftest import act


def tells(environment, id, twins=None):
    """From what a citation tells the cause."""
    scene = environment.scene
    judge = Discrimination(scene.record, fault=scene.fault, cluster=scene.cluster, onset=scene.onset, twins=twins)
    seen = cited(scene.record, id)
    assert seen is not None
    return judge.by(seen)


# ---------------------------------------------------------------- declared evidence


@pytest.mark.parametrize("index", [0, WRONG_PASSWORD, LOCK_QUEUE])
def test_declared_evidence_that_was_seen_tells_the_cause_from_all_twins(index):
    environment = paged(index)
    for id in look_for_evidence(environment):
        assert tells(environment, id) == "evidence"


def test_the_same_query_written_otherwise_is_the_same_evidence():
    assert same('sum(up{job="a",service="b"}) > 1', '(sum( up{service="b", job="a"} )) >1')
    assert not same("up > 1", "up > 2")
    assert not same("no promql (", "no promql (")


def test_evidence_that_was_asked_for_and_not_found_tells_nothing():
    environment = paged(LOCK_QUEUE)
    for twin in twins_of(environment.scene.fault):
        for evidence in twin.evidence:
            if evidence.promql:
                environment.read("query_metrics", {"promql": evidence.promql})
                assert tells(environment, last(environment).place) is None


def test_evidence_that_is_not_there_yet_tells_nothing():
    """The query is right, the answer was empty."""
    environment = paged(DEPLOY)
    environment.read("query_metrics", {"promql": environment.scene.fault.evidence[0].promql})
    assert last(environment).answer["result"] == []
    assert tells(environment, last(environment).place) is None


def test_evidence_in_the_log_of_another_service_tells_nothing():
    """A service that repeats the words of another does not show what that one would."""
    environment = paged(WRONG_PASSWORD)
    (id,) = [id for id in look_for_evidence(environment) if "/" in id]
    read = next(sight for sight in environment.scene.record.seen if sight.place == id.partition("/")[0])
    assert tells(environment, id) == "evidence"
    read.asked[1]["service"] = "auth-service"
    assert tells(environment, id) is None


def test_a_line_from_before_the_onset_tells_nothing():
    """Whatever it says."""
    environment = paged(WRONG_PASSWORD)
    scene = environment.scene
    (id,) = [id for id in look_for_evidence(environment) if "/" in id]
    assert tells(environment, id) == "evidence"
    scene.onset = scene.cluster.now + 1
    assert tells(environment, id) is None


@pytest.mark.parametrize(
    "line",
    [
        '{"timestamp":"2025-03-14T09:10:02.089Z","level":"INFO"}',
        "time=2025-03-14T09:10:02.089Z level=INFO",
        "2025-03-14 09:10:02.089 UTC [27] LOG:  checkpoint starting: time",
        "1:M 14 Mar 2025 09:10:02.089 * Background saving started",
        "[2025-03-14T09:10:02.089+0000][info][gc] GC(40) Pause",
        "2025-03-14T09:10:02Z   Warning   BackOff   pod/auth-service-2",
        "# A fatal error has been detected by the Java Runtime Environment:",
        '{"kind":"Event","apiVersion":"audit.k8s.io/v1","verb":"patch","stageTimestamp":"2025-03-14T09:10:02.089123Z"}',
    ],
)
def test_every_log_tells_when_a_line_was_written(line):
    at = 1_741_943_402_089_000_000
    above = ("2025-03-14T09:10:02Z   Warning",)
    assert written_since(line, above, at)
    assert written_since(line, above, at - 5_000_000_000)
    assert not written_since(line, above, at + 1_000_000_000)


def test_lines_of_real_logs_bear_their_time():
    """All but a few, which are parts of what is above them."""
    environment = paged(WRONG_PASSWORD)
    for service in SERVICES:
        lines = recent_logs(environment.cluster, service, since_ns=0, limit=500)
        assert all(written_since(line, (), 0) for line in lines), service


# ---------------------------------------------------------------- comparable


@pytest.mark.parametrize(
    "expression",
    [
        "vector(time()) > 1741943500",
        "up @ 1741943500",
        "up offset -1m",
        "sum(x) - 19999",
        "sum(x) * 1000",
        "x / y / z",
        "vector(time()) > 5 and on () x",
        "x or y",
        "timestamp(up)",
        "predict_linear(x[5m], 3600)",
        "max_over_time(deriv(x[1m])[5m:15s])",
        "2 > bool 1",
        "topk(scalar(x), y)",
    ],
)
def test_a_calculation_is_no_measurement(expression):
    """With a calculation small differences are made large, and the clock alone tells worlds apart."""
    assert of_query(Asked(expression=expression)) is None


@pytest.mark.parametrize(
    ("expression", "measured"),
    [
        ("x and on () (vector(time()) > 5)", "x"),
        ("sum(x) unless sum(y) > 3", "sum(x)"),
        ("sum(x) > 0.5 * sum(y)", "sum(x)"),
        ('label_replace(sum(x) > 7, "sign", "much", "", "")', "sum(x)"),
        ("max(x / y) > 0.95", "max(x / y)"),
        ("sum(x) > 20000", "sum(x)"),
        ("20000 < sum(x)", "sum(x)"),
        ("x / y > 0.95", "x / y"),
        ("count(x > 7)", "count(x)"),
        ('up{pod="payment-service-abc-de"} == 0', "up == 0"),
        ("rate(x[1m]) > 0", "rate(x[1m]) > 0"),
    ],
)
def test_a_threshold_that_can_be_chosen_is_left_out(expression, measured):
    assert of_query(Asked(expression=expression)) == of_query(Asked(expression=measured))


def test_lines_of_one_kind_are_alike_but_for_the_status():
    line = '{"timestamp":"2025-03-14T09:10:02.089Z","http.response.status_code":%d,"trace_id":"%s","pod":"a-%s-fnwm7"}'
    one, other = line % (200, "0faacc0721dd", "72gfbc4d2f"), line % (200, "88c1aae5efe9", "dt5hnd5t7l")
    assert template(one) == template(other)
    assert template(one) != template(line % (503, "0faacc0721dd", "72gfbc4d2f"))


# ---------------------------------------------------------------- worlds


@pytest.fixture(scope="module")
def seen_all():
    """An incident of which everything was looked at, with the ids of it."""
    environment = paged(LOCK_QUEUE)
    for service in SERVICES:
        investigate(environment, service)
    return environment, list(everything_shown(environment.scene.record))


def test_in_the_same_world_nothing_differs(seen_all):
    """A twin with the same fault is the incident itself: no line, alert, metric or query tells it from that."""
    environment, ids = seen_all
    scene = environment.scene
    itself = TwinWorlds(
        "generated",
        LOCK_QUEUE,
        OPTIONS,
        fault=next(twin for twin in twins_of(scene.fault) if twin.family is scene.fault.family),
        world_seed=scene.cluster.seed,
        warm_ups=WARM_UPS,
    )
    itself._untried = [scene.fault]
    judge = Discrimination(scene.record, fault=scene.fault, cluster=scene.cluster, onset=scene.onset, twins=itself)
    judge._evidence = ()
    assert [world.fault for world in itself] == [scene.fault]
    assert [id for id in ids if judge.by(thing(environment, id))] == []


def test_what_a_twin_does_not_show_tells_the_cause_from_it(seen_all):
    environment, ids = seen_all
    twins = worlds_of(environment)
    told = {id: tells(environment, id, twins) for id in ids}
    names = {twin.name for twin in twins_of(environment.scene.fault)}
    kinds = {thing(environment, id).kind for id, by in told.items() if by in names}
    assert {Kind.LINE, Kind.METRIC} <= kinds
    assert sum(by is None for by in told.values()) > len(told) / 2


def test_what_is_always_so_tells_nothing(seen_all):
    """Lines of healthy requests, and what was so before it began."""
    environment, ids = seen_all
    twins = worlds_of(environment)
    healthy = [
        id for id in ids if (it := thing(environment, id)).kind is Kind.LINE and "GET /v1/session 200" in it.text
    ]
    assert healthy
    assert {tells(environment, id, twins) for id in healthy} == {None}
    for query in ("up", "vector(1)", "sum(kube_deployment_spec_replicas)", "absent(no_such_metric)", "no_such_metric"):
        environment.read("query_metrics", {"promql": query})
        assert tells(environment, last(environment).place, twins) is None


def test_what_was_so_before_it_began_tells_nothing():
    """An autoscaler is a part of this topology and not of a twin's, and no sign of trouble."""
    environment = paged(AUTOSCALER)
    environment.read("query_metrics", {"promql": "kube_horizontalpodautoscaler_spec_max_replicas"})
    assert last(environment).answer["result"]
    assert tells(environment, last(environment).place, worlds_of(environment)) is None


def test_a_threshold_that_just_holds_tells_nothing():
    """Between the value here and that in the world of a twin, and on the clock."""
    environment = paged(LOCK_QUEUE)
    twins = worlds_of(environment)
    environment.read("query_metrics", {"promql": "sum(http_server_request_duration_seconds_count)"})
    value = last(environment).answer["result"][0]["value"]
    for query in (
        f"sum(http_server_request_duration_seconds_count) > {value - 1:f}",
        f"sum(http_server_request_duration_seconds_count) - {value - 1:f}",
        f"vector(time()) > {environment.cluster.epoch_s + environment.cluster.now // 10**9}",
    ):
        environment.read("query_metrics", {"promql": query})
        assert last(environment).answer["result"]
        assert tells(environment, last(environment).place, twins) is None


def test_the_first_page_tells_nothing():
    """Who looks at nothing has it too, now and later."""
    for index in (0, LOCK_QUEUE):
        environment = paged(index)
        act(environment, "no_op")
        first = environment.scene.record.seen[0].alerts
        later = [i for i, line in enumerate(last(environment).alerts) if line.split()[1:3] == first[0].split()[1:3]]
        assert later
        for id in ("0/alerts/0", f"1/alerts/{later[0]}"):
            assert tells(environment, id, worlds_of(environment)) is None


def test_a_ticket_that_no_twin_raises_tells_the_cause():
    environment = paged(AUTOSCALER)
    investigate(environment, "checkout-service")
    tickets = last(environment).details["checkout-service"]["tickets"]
    blind = next(i for i, line in enumerate(tickets) if " KubernetesHpaMetricsUnavailability " in line)
    worlds = worlds_of(environment)
    assert tells(environment, f"1/tickets/checkout-service/{blind}", worlds) in FAULTS
    for world in worlds:
        assert ("KubernetesHpaMetricsUnavailability", "checkout-service") not in world.firing(world.paged)


def test_a_query_about_the_cause_tells_it_from_a_twin():
    environment = paged(LOCK_QUEUE)
    environment.read("query_metrics", {"promql": 'sum(pg_locks_count{mode="accessexclusivelock"})'})
    assert tells(environment, last(environment).place) is None
    assert tells(environment, last(environment).place, worlds_of(environment)) in FAULTS


def test_after_the_first_fix_worlds_are_not_compared():
    environment = paged(LOCK_QUEUE)
    before = IncidentEnvironment.branch(environment)
    act(environment, "apply_fix", "restart_config_agents")
    for world in (environment, before):
        world.read("query_metrics", {"promql": 'sum(pg_locks_count{mode="accessexclusivelock"})'})
    twins = worlds_of(environment)
    assert tells(before, last(before).place, twins) in FAULTS
    assert tells(environment, last(environment).place, twins) is None


def test_what_worlds_show_does_not_depend_on_what_was_asked_before():
    """Forward, backward, and anew."""
    environment = paged(WRONG_PASSWORD)
    scene = environment.scene
    options: Any = {"fault": scene.fault, "world_seed": scene.cluster.seed, "warm_ups": WARM_UPS}
    question = of_query(Asked(expression="sum by (service) (rate(traces_service_graph_request_failed_total[1m]))"))
    assert question is not None
    answers = []
    for order in ((0, 240, 60), (240, 0, 60), (60, 240, 0)):
        *_, world = TwinWorlds("generated", WRONG_PASSWORD, OPTIONS, **options)
        found = {}
        for seconds in order:
            at = world.paged + seconds * 1_000_000_000
            lines = {service: world.templates(service, at) for service in SERVICES}
            found[seconds] = (lines, world.firing(at), world.reading(question, at))
        answers.append(found)
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0][0] != answers[0][240][0]


def test_the_worlds_of_twins_are_begun_when_asked_for_and_kept():
    environment = paged(LOCK_QUEUE)
    options: Any = {"fault": environment.scene.fault, "world_seed": environment.cluster.seed, "warm_ups": WARM_UPS}
    misses = WARM_UPS.misses + WARM_UPS.hits
    twins = TwinWorlds("generated", LOCK_QUEUE, OPTIONS, **options)
    assert WARM_UPS.misses + WARM_UPS.hits == misses
    first = list(twins)
    assert 1 <= len(first) <= MOST_TWINS
    assert list(twins) == first


def differing(own, other, query, until):
    """Whether a query has another answer in one of the worlds at some time before an instant."""
    instants = [unix_ms(until, own.epoch_s) - 60_000 * minutes for minutes in range(1, 8)]
    return [
        at for at in instants if promql.evaluate(own.metrics, query, at) != promql.evaluate(other.metrics, query, at)
    ]


def test_the_world_of_a_twin_differs_in_its_fault_only():
    """The same seed, traffic, onset and decoys."""
    environment = paged(LOCK_QUEUE)
    own = environment.cluster
    for world in worlds_of(environment):
        cluster = world._at(world.paged)
        assert cluster.seed == own.seed
        assert cluster.spec.arrival_rate_hz == own.spec.arrival_rate_hz
        assert cluster.noise == own.noise
        assert world.fault in twins_of(environment.scene.fault)
        until = environment.scene.onset + 1
        assert not differing(own, cluster, "sum by (job) (up)", until)
        assert not differing(own, cluster, "sum by (service) (http_server_request_duration_seconds_count)", until)


def test_fixed_tasks_have_twins_too():
    environment = IncidentEnvironment(WARM_UPS)
    environment.reset("task_medium", 1, EpisodeOptions(grading="full"))
    fault = environment.scene.fault
    ids = look_for_evidence(environment)
    investigate(environment, "inventory-service")
    told = {tells(environment, id, worlds_of(environment)) for id in everything_shown(environment.scene.record)}
    assert told & {twin.name for twin in twins_of(fault)}
    file(environment, {"claims": [cause(fault, ids[0])]})
    assert judged(environment, compared=True).share > 0


def test_a_look_that_no_evidence_covers_supports_a_claim_by_the_world_of_a_twin():
    environment = paged(LOCK_QUEUE)
    environment.read("query_metrics", {"promql": 'sum(pg_locks_count{mode="accessexclusivelock"})'})
    file(environment, {"claims": [cause(environment.scene.fault, last(environment).place)]})
    assert judged(environment).share == 0.0
    told = judged(environment, compared=True)
    assert told.share == 0.4
    assert told.evidence[0]["citations"][0]["discriminates"] in FAULTS


def test_claims_that_are_false_or_cite_what_was_never_shown_do_not_begin_worlds():
    environment = paged(LOCK_QUEUE)
    investigate(environment, "postgres-db")
    scene = environment.scene
    options: Any = {"fault": scene.fault, "world_seed": scene.cluster.seed, "warm_ups": WARM_UPS}
    line = "1/logs/postgres-db/0"
    wrong = {**cause(scene.fault, line), "service": "auth-service"}
    never = {"claim": "affected", "service": "checkout-service", "cites": [line, "5/alerts/0"]}
    right = {"claim": "affected", "service": "checkout-service", "cites": [line]}
    begun = {}
    for name, claims in (("none", [wrong, never]), ("some", [right])):
        twins = TwinWorlds("generated", LOCK_QUEUE, OPTIONS, **options)
        filed = environment.branch()
        file(filed, {"claims": claims})
        before = WARM_UPS.misses + WARM_UPS.hits
        scene = filed.scene
        scene.fault = replace(scene.fault, evidence=())
        affected = frozenset({"checkout-service"})
        explained(
            scene.record, fault=scene.fault, cluster=scene.cluster, onset=scene.onset, affected=affected, twins=twins
        )
        begun[name] = WARM_UPS.misses + WARM_UPS.hits - before
    assert begun["none"] == 0
    assert begun["some"] >= 1
