"""What the rule-based agent hands in: every citation is of something it was shown, and says what the claim says."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest

from cluster_sim import REMEDIATIONS, SERVICES, Cluster, Sustained, Trigger, seven_services
from env.environment import IncidentEnvironment
from env.models import Action, ActionType, EpisodeOptions, Observation
from env.policies import RuleBasedPolicy
from env.policies.case import CaseFile, signs_in
from env.policies.evidence import LogClue
from env.policies.hypotheses import HYPOTHESES, Hypothesis
from env.policies.spread import CALLERS, borne_out, through
from env.policies.verdict import settle
from env.policies.write_up import claims
from tests.policies.stories import STORIES, StoryEnvironment

WORLDS = [("task_easy", 3), ("task_medium", 3), ("task_hard", 3), ("generated", 2000), ("generated", 2004)]
BEGINNING = re.compile(r"(?P<step>\d+)/(?P<kind>alerts|logs|tickets|detail|promql)(/(?P<rest>.*))?")


def filed(actions: Iterable[Action]) -> dict[str, Any]:
    """The postmortem among some actions."""
    details = next(action.details for action in actions if action.action_type is ActionType.POSTMORTEM)
    assert isinstance(details, dict)
    return details


@dataclass(frozen=True, kw_only=True)
class Played:
    """One episode: what was shown, and what was done after each."""

    shown: tuple[Observation, ...]
    actions: tuple[Action, ...]
    cause: Hypothesis

    @property
    def told(self) -> list[dict[str, Any]]:
        """The details of every action that states a root cause."""
        details = [action.details for action in self.actions if isinstance(action.details, dict)]
        return [said for said in details if isinstance(said, dict) and "root_cause" in said]

    @property
    def postmortem(self) -> dict[str, Any]:
        return filed(self.actions)

    @property
    def cited(self) -> list[str]:
        """Every citation, of the statements and of the claims."""
        listed = [place for told in self.told for place in told["evidence"]]
        return listed + [place for told in self.told for claim in told.get("claims", ()) for place in claim["cites"]]

    def at(self, place: str):
        """What a citation points at: a line, a figure, or the signs in an answer."""
        found = BEGINNING.fullmatch(place)
        assert found is not None, place
        seen = self.shown[int(found["step"])]
        assert seen.step == int(found["step"])
        service, _, name = (found["rest"] or "").partition("/")
        match found["kind"]:
            case "alerts":
                return seen.alerts[int(service)]
            case "logs":
                return seen.logs[service][int(name)]
            case "promql":
                answers = [figures["promql"] for figures in seen.metrics.values() if "promql" in figures]
                return {row["labels"]["sign"] for row in answers[0]["result"]}
            case kind:
                shown = seen.metrics[service][kind]
                return shown[int(name)] if kind == "tickets" else shown[name]


@cache
def played(task_id: str, seed: int) -> Played:
    environment, policy = IncidentEnvironment(), RuleBasedPolicy()
    shown = [environment.reset(task_id, seed, EpisodeOptions(grading="table"))]
    actions = []
    while not shown[-1].done:
        actions.append(policy.act(shown[-1]))
        shown.append(environment.step(actions[-1]))
    assert policy._verdict is not None
    return Played(shown=tuple(shown), actions=tuple(actions), cause=policy._verdict.cause)


@pytest.mark.parametrize(("task_id", "seed"), WORLDS)
def test_every_citation_was_shown_before_it_is_cited(task_id, seed):
    """And a log line, an answer or an alert that is cited speaks for the cause."""
    episode = played(task_id, seed)
    assert episode.cited
    patterns = [clue.pattern for clue in (*episode.cause.clues, *episode.cause.leaves) if isinstance(clue, LogClue)]
    for place in episode.cited:
        what = episode.at(place)
        match place.split("/")[1]:
            case "logs":
                assert any(re.search(pattern, what) for pattern in patterns), what
            case "promql":
                assert what & {sign.sign for sign in episode.cause.signs}
            case "alerts" | "tickets":
                assert what.startswith("[FIRING")


@pytest.mark.parametrize(("task_id", "seed"), [world for world in WORLDS if world[0] != "task_easy"])
def test_the_first_statement_comes_with_the_page_to_the_owner(task_id, seed):
    """Nothing is stated before the cure, so that what is stated has stood a trial; and nothing is restated."""
    episode = played(task_id, seed)
    told = [{key: said[key] for key in said if key not in ("summary", "claims")} for said in episode.told]
    assert all(said == told[0] for said in told)
    kinds = [action.action_type for action in episode.actions]
    if not episode.cause.harmless:
        assert kinds.index(ActionType.APPLY_FIX) < kinds.index(ActionType.ESCALATE)


@pytest.mark.parametrize(("task_id", "seed"), [("task_medium", 3), ("task_hard", 3)])
def test_the_postmortem_is_json_of_few_claims_each_on_few_citations(task_id, seed):
    """At most six claims, three citations of each, and no citation for more than two."""
    said = played(task_id, seed).postmortem
    assert json.loads(json.dumps(said)) == said
    made = said["claims"]
    assert made[0]["claim"] == "root_cause"
    assert 3 <= len(made) <= 6
    assert all(1 <= len(claim["cites"]) <= 3 for claim in made)
    assert max(Counter(place for claim in made for place in claim["cites"]).values()) <= 2
    assert {claim["fix"] for claim in made if claim["claim"] == "repaired_by"} <= set(REMEDIATIONS)


def test_when_it_began_is_claimed_shortly_before_the_page_had_its_reason():
    made = {claim["claim"]: claim for claim in played("task_hard", 3).postmortem["claims"]}
    began = datetime.fromisoformat(made["began"]["at"])
    alerts = played("task_hard", 3).shown[0].alerts
    since = min(datetime.fromisoformat(start) for line in alerts for start in re.findall(r"since (\S+)", line))
    assert began.tzinfo == UTC
    assert 0 < (since - began).total_seconds() <= 240


# ---------------------------------------------------------------- knowledge


def test_what_sets_off_and_sustains_a_cause_is_of_the_published_lists():
    for hypothesis in HYPOTHESES:
        assert hypothesis.trigger in set(Trigger)
        assert hypothesis.sustained_by in set(Sustained)
        assert (hypothesis.sustained_by == Sustained.NOTHING) == hypothesis.harmless


def test_the_agent_knows_who_calls_whom():
    """As the topology has it."""
    edges = {(edge.server, edge.client) for edge in Cluster(seven_services(), seed=0).edges if edge.client in SERVICES}
    assert {(called, caller) for called, callers in CALLERS.items() for caller in callers} == edges


@pytest.mark.parametrize("hypothesis", [h for h in HYPOTHESES if h.spread], ids=lambda h: f"{h.mechanism}-{h.team}")
def test_trouble_spreads_along_calls_and_hangs_together_with_its_root(hypothesis):
    assert all(caller in CALLERS[ill] for ill, caller in hypothesis.spread)
    reached = {hypothesis.root_cause}
    for _ in hypothesis.spread:
        reached |= {service for edge in hypothesis.spread if reached & set(edge) for service in edge}
    assert {service for edge in hypothesis.spread for service in edge} <= reached


def seen(*observed: dict[str, dict[str, float]]) -> CaseFile:
    page = StoryEnvironment().reset("task_medium", 0)
    case = CaseFile()
    for step, metrics in enumerate(observed):
        case.note(page.model_copy(update={"metrics": metrics, "step": step}))
    return case


def test_a_service_that_was_well_all_along_has_made_nobody_ill():
    ways = (*through("redis-cache", "inventory-service", "checkout-service"), ("payment-service", "checkout-service"))
    ill, well = {"error_ratio": 0.2, "latency_p99_s": 3.0}, {"error_ratio": 0.0, "latency_p99_s": 0.2}
    case = seen({"inventory-service": ill, "payment-service": well}, {"inventory-service": well})
    assert borne_out(case, "redis-cache", ways) == through("redis-cache", "inventory-service", "checkout-service")


def test_a_slow_service_is_ill_without_any_error():
    ways = through("postgres-db", "payment-service", "checkout-service")
    slow = seen({"payment-service": {"error_ratio": 0.0, "latency_p99_s": 1.2}})
    assert borne_out(slow, "postgres-db", ways) == ways
    assert borne_out(seen({"payment-service": {"error_ratio": 0.0}}), "postgres-db", ways) == ways[:1]


# ---------------------------------------------------------------- citations


def asked(case: CaseFile, step: int, *signs: str) -> None:
    """Ask for signs and see them all."""
    query = " or ".join(f'label_replace(up, "sign", "{sign}", "", "")' for sign in signs)
    action = Action(action_type=ActionType.INVESTIGATE, target="postgres-db", details={"promql": query})
    assert signs_in(action) == signs
    case.took(action)
    rows = [{"labels": {"sign": sign}, "value": 2.0} for sign in signs]
    page = StoryEnvironment().reset("task_medium", 0)
    case.note(page.model_copy(update={"step": step, "metrics": {"postgres-db": {"promql": {"result": rows}}}}))


def test_a_sign_by_itself_is_cited_before_the_same_sign_among_others():
    cause = next(h for h in HYPOTHESES if h.mechanism == "slow_query" and h.root_cause == "inventory-service")
    case = seen({})
    asked(case, 4, cause.signs[0].sign, "something_else")
    assert settle(cause, case).places[0] == "4/promql"
    asked(case, 5, cause.signs[0].sign)
    assert settle(cause, case).places[:2] == ("5/promql", "4/promql")


def test_claims_end_where_the_evidence_does():
    """One thing seen stands for two claims, the root cause first."""
    cause = next(h for h in HYPOTHESES if h.mechanism == "slow_query" and h.root_cause == "inventory-service")
    case = CaseFile()
    assert claims(settle(cause, case), case) == []
    asked(case, 1, cause.signs[0].sign)
    case.pages = ()
    made = claims(settle(cause, case), case)
    assert [claim["claim"] for claim in made] == ["root_cause", "sustained_by"]
    assert all(claim["cites"] == ["1/promql"] for claim in made)


def test_a_fix_is_claimed_only_where_the_pages_have_cleared():
    def fixes(environment: StoryEnvironment) -> list[str]:
        policy, observation = RuleBasedPolicy(), environment.reset("task_medium", 0)
        while not observation.done:
            observation = environment.step(policy.act(observation))
        return [claim["fix"] for claim in filed(environment.actions)["claims"] if claim["claim"] == "repaired_by"]

    assert fixes(StoryEnvironment()) == [STORIES["task_medium"].fix]
    assert fixes(StoryEnvironment(fix_works=False)) == []


def test_before_anything_is_changed_the_strongest_sign_is_looked_at_alone():
    episode = played("generated", 3)
    before = episode.actions[: [a.action_type for a in episode.actions].index(ActionType.APPLY_FIX)]
    decisive = {clue.sign for clue in episode.cause.signs if clue.decisive}
    assert [sign for sign in signs_in(before[-1]) if sign in decisive] == list(signs_in(before[-1]))
    assert len(signs_in(before[-1])) == 1
    assert f"{len(before)}/promql" in episode.told[0]["evidence"]
