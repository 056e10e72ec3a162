"""The policies that know the truth: what they are told, what they do with it, and where they cannot be had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from cluster_sim import FAULTS, WarmUps, found, rfc3339
from env.assessment import Yardsticks
from env.environment import IncidentEnvironment
from env.episode import Sight
from env.models import Action, ActionType, EpisodeOptions
from env.policies import PRIVILEGED as NAMES
from env.policies import Briefed, NotBriefed, PolicyUnavailable, policy_factory, run_episode
from env.privileged import PRIVILEGED, Briefing, Oracle, TwinsFix, brief
from env.privileged.notes import looks, rarest
from env.privileged.statements import claims, statement
from env.privileged.twin import mistaken_for
from env.scenes import begin_scene
from env.sweep import Sweep
from tests.policies.stories import StoryEnvironment

TEST = EpisodeOptions(split="test", grading="full")


@dataclass
class Story:
    """An incident, played."""

    actions: list[Action]
    briefing: Briefing
    environment: IncidentEnvironment

    @property
    def seen(self) -> dict[str, Sight]:
        return {sight.place: sight for sight in self.environment._running().record.seen}

    @property
    def said(self) -> dict[str, Any]:
        """The details of the first page or postmortem."""
        kinds = (ActionType.ESCALATE, ActionType.POSTMORTEM)
        details = next(action.details for action in self.actions if action.action_type in kinds)
        assert isinstance(details, dict)
        return details


YARDSTICKS = Yardsticks()


def played(name: str, seed: int, warm_ups: WarmUps, task: str = "generated", options: EpisodeOptions = TEST) -> Story:
    policy = PRIVILEGED[name](0)
    assert isinstance(policy, Briefed)
    policy.briefed(task, seed, options, warm_ups, YARDSTICKS)
    environment = IncidentEnvironment(warm_ups, YARDSTICKS)
    seen = environment.reset(task, seed, options)
    actions = []
    while not seen.done:
        actions.append(policy.act(seen))
        seen = environment.step(actions[-1])
    return Story(actions, brief(task, seed, options, warm_ups, YARDSTICKS), environment)


@pytest.fixture(scope="module")
def warm_ups() -> WarmUps:
    """Shared: each incident is simulated once."""
    return WarmUps()


@pytest.fixture(scope="module", params=[0, 2, 11, 26], ids=lambda seed: f"test-{seed}")
def story(request, warm_ups) -> Story:
    """The oracle on two faults and on two incidents without one."""
    return played("oracle", request.param, warm_ups)


def test_the_oracle_acts_on_the_truth_and_its_citations_show_the_evidence(story):
    """Every id is of something that was shown, and that is a declared piece of evidence."""
    fault = story.briefing.fault
    assert story.actions[0].target == fault.service
    assert story.said["mechanism"] == fault.mechanism
    cites = story.said["evidence"]
    assert cites
    for cite in cites:
        place, kind, *rest = cite.split("/")
        sight = story.seen[place]
        if kind == "promql":
            assert sight.asked["promql"] in {evidence.promql for evidence in fault.evidence}
            (details,) = sight.details.values()
            assert details["promql"]["result"]
        else:
            line = sight.logs[rest[0]][int(rest[1])].lower()
            greps = [evidence.grep for evidence in fault.evidence if evidence.service == rest[0] and evidence.grep]
            assert any(text in line for grep in greps for text in grep.lower().split("|"))


def test_the_oracle_repairs_what_is_broken_and_leaves_alone_what_is_not(story):
    """A page of the owner and the runbook's repair; of a harmless incident only looks and a postmortem."""
    fault = story.briefing.fault
    done = [action for action in story.actions if action.action_type is not ActionType.INVESTIGATE]
    assert 1 <= len(story.actions) - len(done) <= 4
    assert story.environment.state()["score"] >= 0.95
    if fault.harmless:
        assert [action.action_type for action in done] == [ActionType.POSTMORTEM]
        assert not any(claim["claim"] in ("repaired_by", "affected") for claim in done[0].details["claims"])
    else:
        assert (done[0].action_type, done[0].target) == (ActionType.ESCALATE, fault.team)
        fixes = tuple(action.target for action in done if action.action_type is ActionType.APPLY_FIX)
        assert fixes == fault.repairs[0]


def test_the_briefing_is_the_truth_of_the_very_episode(warm_ups):
    """Fault, onset, to the second, and how the trouble spread from the root."""
    scene = begin_scene("generated", 1, TEST)
    told = brief("generated", 1, TEST, warm_ups)
    assert told.fault is scene.fault
    assert rfc3339(scene.onset) == told.began.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert told.affected[0] == scene.fault.service
    assert {service for edge in told.graph for service in edge} == set(told.affected)


def test_looks_ask_for_every_piece_of_evidence_and_begin_at_the_root():
    """Of every fault; one query and one text at a time."""
    for fault in FAULTS.values():
        places = list(looks(fault))
        assert places[0][0] == fault.service
        assert {piece for _, pieces in places for piece in pieces} == set(fault.evidence), fault.name
        assert all(sum(bool(piece.promql) for piece in pieces) <= 1 for _, pieces in places)
        assert all(piece.service == service for service, pieces in places for piece in pieces if piece.grep)


def test_what_is_cited_is_there_for_the_simulator_as_well(warm_ups):
    """The world at the page holds what the oracle goes on to find."""
    scene = begin_scene("generated", 2, TEST, warm_ups)
    scene.cluster.run_for(60)
    assert any(found(scene.cluster, evidence, scene.onset) for evidence in scene.fault.evidence)


def test_statement_and_claims_have_the_published_fields():
    """The chain is pairs in order; every claim is cited."""
    fault = FAULTS["redis_maxmemory_orphan_keys"]
    graph = frozenset({("redis-cache", "inventory-service"), ("inventory-service", "checkout-service")})
    truth = Briefing(fault=fault, began=brief("task_medium", 0, EpisodeOptions()).began, graph=graph)
    said = statement(truth, ["1/promql"])
    assert said["chain"] == [["inventory-service", "checkout-service"], ["redis-cache", "inventory-service"]]
    assert set(said) == {
        *("root_cause", "mechanism", "trigger", "sustained_by", "chain", "confidence", "evidence"),
    }
    told = claims(
        truth, ["flush_redis_cache", "restart_redis"], ["1/promql", "1/logs/redis-cache/3"], ["1/logs/redis-cache/5"]
    )
    assert [claim["claim"] for claim in told] == [
        *("root_cause", "trigger", "sustained_by", "began", "repaired_by", "affected", "affected", "affected"),
    ]
    assert [claim["cites"] for claim in told] == [
        *([["1/promql"]] * 2 + [["1/logs/redis-cache/3"]] * 2 + [["1/logs/redis-cache/5"]] * 2),
        *([], []),
    ]
    assert [claim["service"] for claim in told[5:]] == ["redis-cache", "checkout-service", "inventory-service"]
    assert told[4]["fix"] == "flush_redis_cache"


def test_where_one_line_is_all_the_evidence_it_reads_the_log_once_more(warm_ups):
    """What is odd beside it may tell as well, and is cited for what is left; the same line is not cited for that."""
    story = played("oracle", 3, warm_ups, task="task_hard", options=EpisodeOptions(grading="full"))
    first, second, *rest = story.actions
    assert (first.target, second.target) == ("config-service", "config-service")
    assert [action.action_type for action in rest].count(ActionType.INVESTIGATE) == 0
    write = next(action for action in rest if action.action_type is ActionType.POSTMORTEM)
    assert isinstance(write.details, dict)
    cites = [cite for claim in write.details["claims"] for cite in claim["cites"]]
    texts = []
    for cite in dict.fromkeys(cites):
        step, _, service, line = cite.split("/")
        texts.append(story.seen[step].logs[service][int(line)])
    assert "no ack of secret" in texts[0]
    assert any("2/3 acked" in text for text in texts[1:])
    assert len(set(texts)) == len(texts)


def test_a_rare_line_is_one_whose_kind_occurs_least():
    """Whatever numbers and ids it bears."""
    lines = ["GET /a 12 ms", "GET /a 15 ms", "deploy of rev 7", "GET /b id=4f", "GET /b id=5e", "GET /b id=77"]
    assert rarest(lines) == [2, 0, 3]


def test_who_acts_on_a_twin_pages_states_and_repairs_as_for_the_twin(warm_ups):
    """And does not repair the incident."""
    story = played("twins_fix", 2, warm_ups)
    twin = mistaken_for(story.briefing.fault)
    assert twin is not None
    assert (story.said["root_cause"], story.said["mechanism"]) == (twin.service, twin.mechanism)
    assert [action.target for action in story.actions[:3]] == [twin.service, twin.team, twin.repairs[0][0]]
    assert story.environment.state()["score"] <= 0.25


def test_a_twins_repair_is_never_one_of_the_faults_own():
    """Every fault has such a twin, the first in the order of the catalogue."""
    for fault in FAULTS.values():
        twin = mistaken_for(fault)
        assert twin is not None
        assert twin.family is fault.family
        assert twin.repairs[0] not in fault.repairs


def test_they_are_played_by_sweeps_and_never_over_http():
    """A name that an agent's runner is given is refused in words; so is one who was told nothing."""
    assert tuple(PRIVILEGED) == NAMES
    for name in NAMES:
        assert PRIVILEGED[name](0).name == name
        with pytest.raises(PolicyUnavailable, match="only sweeps and evaluations can tell it"):
            policy_factory(name)
        assert Sweep(tasks=("generated",), policies=(name,), seeds=range(1)).size == 1
    for policy in (Oracle(), TwinsFix()):
        result = run_episode(StoryEnvironment(), policy, "task_easy", 0, write=lambda line: None)
        assert "NotBriefed: " in str(result.failure)
        with pytest.raises(NotBriefed):
            policy.act(StoryEnvironment().reset("task_easy", 0))
