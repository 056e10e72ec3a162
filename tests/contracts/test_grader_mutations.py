"""The grader is broken in one place after another: each time some fact about grades stops to hold.

The facts are about a handful of episodes, played once. They hold of the grader as it is; a mutant under which all of
them still hold would mean that a criterion could be lost unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from cluster_sim import Address, Split, WarmUps, draw
from env.actions import Scene
from env.assessment import Assessment, Yardsticks, assess, weights
from env.assessment import assess as assess_function
from env.assessment import impact as impact_module
from env.assessment.diagnosis import Diagnosed, diagnosed
from env.assessment.discrimination import Discrimination
from env.assessment.impact import Impact
from env.assessment.postmortem import Explained, explained
from env.assessment.response import Cost, Escalation
from env.assessment.weights import COST, DIAGNOSIS, DIAGNOSIS_PARTS, ESCALATION, MITIGATION, POSTMORTEM
from env.environment import IncidentEnvironment
from env.models import Action, ActionType, EpisodeOptions
from env.policies import Briefed
from env.privileged import PRIVILEGED

assess_module = __import__(assess_function.__module__, fromlist=["assess"])

WARM_UPS, YARDSTICKS = WarmUps(), Yardsticks()
TRAIN = EpisodeOptions(split="train")

NO_OP = Action(action_type=ActionType.NO_OP)


def fix(name: str) -> Action:
    return Action(action_type=ActionType.APPLY_FIX, target=name)


def page(team: str) -> Action:
    return Action(action_type=ActionType.ESCALATE, target=team)


def look(service: str) -> Action:
    return Action(action_type=ActionType.INVESTIGATE, target=service)


@cache
def index_of(fault: str) -> int:
    """The first incident of the split with this fault."""
    return next(i for i in range(1000) if draw(Address(split=Split.TRAIN, index=i)).fault == fault)


HARMFUL, HARMLESS = "pg_max_connections_undersized", "deploy_blip"


def played(
    fault: str = HARMFUL,
    *,
    first: tuple[Action, ...] = (),
    last: tuple[Action, ...] = (),
    told: Callable[[Action], Action] = lambda action: action,
) -> Scene:
    """What the oracle does, with other actions before and after it, and some of its own changed."""
    oracle = PRIVILEGED["oracle"](0)
    assert isinstance(oracle, Briefed)
    oracle.briefed("generated", index_of(fault), TRAIN, WARM_UPS, YARDSTICKS)
    environment = IncidentEnvironment(WARM_UPS, YARDSTICKS)
    seen = environment.reset("generated", index_of(fault), TRAIN)
    for action in first:
        seen = environment.step(action)
    while environment.scene.record.postmortem is None:
        asked = oracle.act(seen)
        if asked.action_type is ActionType.POSTMORTEM:
            for action in last:
                environment.step(action)
        seen = environment.step(told(asked))
    return environment.scene


def without_fix(action: Action) -> Action:
    return NO_OP if action.action_type is ActionType.APPLY_FIX else action


def with_details(**others: Any) -> Callable[[Action], Action]:
    def changed(action: Action) -> Action:
        if isinstance(action.details, dict) and "root_cause" in action.details:
            return action.model_copy(update={"details": action.details | others})
        return action

    return changed


def citing(*ids: str) -> Callable[[Action], Action]:
    def changed(action: Action) -> Action:
        if isinstance(action.details, dict) and "claims" in action.details:
            claims = [claim | {"cites": list(ids)} for claim in action.details["claims"]]
            return action.model_copy(update={"details": action.details | {"claims": claims}})
        return action

    return changed


STORIES: Mapping[str, Callable[[], Scene]] = {
    "good": played,
    "late": lambda: played(first=(NO_OP,) * 7),
    "meddling": lambda: played(first=(fix("restart_payment_service"), fix("restart_postgres"))),
    "dear": lambda: played(last=(fix("scale_out_checkout_service"),)),
    "insecure": lambda: played(first=(fix("disable_token_verification"),)),
    "unrepaired": lambda: played(told=without_fix),
    "everybody woken": lambda: played(last=(page("infra-team"), page("security-team"))),
    "wordy": lambda: played(last=(look("payment-service"),) * 5),
    "wrong service": lambda: played(told=with_details(root_cause="redis-cache")),
    "wrong mechanism": lambda: played(told=with_details(mechanism="slow_query")),
    "wrong trigger": lambda: played(told=with_details(trigger="attack", sustained_by="nothing")),
    "wrong chain": lambda: played(told=with_details(chain=[["config-service", "auth-service"]])),
    "unsure": lambda: played(told=with_details(confidence=0.0)),
    "false claims": lambda: played(told=with_details(claims=[])),
    "never seen": lambda: played(told=citing("0/logs/postgres-db/7")),
    "seen and telling nothing": lambda: played(told=citing("0/alerts/0")),
    "calm": lambda: played(HARMLESS),
    "touched": lambda: played(HARMLESS, first=(fix("restart_postgres"),)),
    "guessed": lambda: played(HARMLESS, told=citing("0/logs/postgres-db/7")),
}


@cache
def scene(name: str) -> Scene:
    return STORIES[name]()


def graded(name: str) -> Assessment:
    """The grade of a story, by the grader as it is now."""
    found = scene(name)
    return assess(found, YARDSTICKS.of("generated", found.record.seed, TRAIN, WARM_UPS))


def worth(name: str, line: str) -> float:
    return graded(name).lines[line]


FACTS: Mapping[str, Callable[[], bool]] = {
    "a good response earns nearly all": lambda: graded("good").score >= 0.95,
    "nearly all is not all of it twice": lambda: sum(graded("good").lines.values()) <= 1.0,
    "waiting costs mitigation": lambda: worth("late", MITIGATION) < worth("good", MITIGATION) - 0.1,
    "some mitigation is left of a late repair": lambda: worth("late", MITIGATION) > 0.0,
    "paging late costs": lambda: worth("late", ESCALATION) < worth("good", ESCALATION) == 0.1,
    "changes that were not needed cost": lambda: graded("meddling").deductions["wrong fixes"] > 0.06,
    "they cost users, who are counted": lambda: any((c.bad_minutes or 0) > 0.05 for c in graded("meddling").collateral),
    "a harmless change costs, if it was not needed": lambda: graded("dear").deductions["wrong fixes"] > 0.02,
    "what was read is counted": lambda: graded("wordy").evidence[COST]["bytes_read"] > 10_000,
    "money costs": lambda: worth("dear", COST) < worth("good", COST),
    "reading costs": lambda: worth("wordy", COST) < worth("good", COST) == 0.1,
    "lowered security costs everything": lambda: graded("insecure").score == 0.01,
    "what is not over pays a quarter at most": lambda: 0.1 < graded("unrepaired").score <= 0.25,
    "nor is its mitigation paid": lambda: worth("unrepaired", MITIGATION) == worth("unrepaired", COST) == 0.0,
    "false pages cost": lambda: graded("everybody woken").score < graded("good").score - 0.05,
    "a wrong service earns no diagnosis": lambda: worth("wrong service", DIAGNOSIS) < 0.05,
    "a wrong mechanism earns the service": lambda: 0.05 < worth("wrong mechanism", DIAGNOSIS) < 0.15,
    "a wrong trigger costs its part": lambda: 0.2 < worth("wrong trigger", DIAGNOSIS) < worth("good", DIAGNOSIS),
    "a wrong chain costs its part": lambda: 0.2 < worth("wrong chain", DIAGNOSIS) < worth("wrong trigger", DIAGNOSIS),
    "false modesty costs its part": lambda: 0.2 < worth("unsure", DIAGNOSIS) < worth("good", DIAGNOSIS) == 0.25,
    "a postmortem without claims earns nothing": lambda: worth("false claims", POSTMORTEM) == 0.0,
    "claims of a wrong cause earn nothing": lambda: worth("good", POSTMORTEM) > 0.05,
    "citing what was never seen earns nothing": lambda: worth("never seen", POSTMORTEM) == 0.0,
    "citing what tells nothing earns nothing": lambda: worth("seen and telling nothing", POSTMORTEM) == 0.0,
    "leaving alone what needs no repair earns nearly all": lambda: graded("calm").score >= 0.95,
    "touching it does not": lambda: graded("touched").score <= 0.25,
    "nor does guessing": lambda: graded("guessed").score <= 0.25,
    "a guess is worth something": lambda: graded("guessed").score > 0.1,
}


def broken_facts() -> Iterator[str]:
    return (name for name, holds in FACTS.items() if not holds())


@pytest.mark.parametrize("fact", FACTS)
def test_the_grader_as_it_is(fact):
    assert FACTS[fact]()


# ---------------------------------------------------------------- mutants


def always(value: Any) -> Any:
    return property(lambda self: value)


def part(name: str, value: float) -> Callable[..., Diagnosed]:
    """Diagnosis with one part fixed."""

    def mutated(*args: Any) -> Diagnosed:
        found = diagnosed(*args)
        return replace(found, parts=found.parts | {name: value})

    return mutated


def told(**fixed: Any) -> Callable[..., Explained]:
    """The verdict on a postmortem with some of it fixed."""
    return lambda *args, **kwargs: replace(explained(*args, **kwargs), **fixed)


Mutant = tuple[Any, str, Any]

REAL_GATE = assess_module.Gate

MUTANTS: Mapping[str, Mutant] = {
    "the gate is open": (assess_module, "Gate", lambda resolved, broken: REAL_GATE(resolved=True, broken=broken)),
    "the gate is shut": (assess_module, "Gate", lambda resolved, broken: REAL_GATE(resolved=False, broken=broken)),
    "nothing is grave": (assess_module, "_given_up", lambda *args: ()),
    "everything is grave": (assess_module, "_given_up", lambda *args: ("no_data_lost",)),
    "what is not over pays in full": (weights, "UNRESOLVED", 1.0),
    "what is not over pays nothing": (weights, "UNRESOLVED", 0.0),
    "harm is never seen": (Impact, "excess", always(0.0)),
    "harm is always the worst": (Impact, "excess", always(1.0)),
    "wrong fixes are free": (weights, "WRONG_FIX", 0.0),
    "nothing is taken off for wrong fixes": (assess_module, "_taken_for", lambda *args: 0.0),
    "collateral is not measured": (
        assess_module,
        "collateral",
        lambda yardstick, scene, life: impact_module.unmeasured(scene.record),
    ),
    "false pages are free": (weights, "FALSE_PAGE", 0.0),
    "whoever is paged is right": (Escalation, "share", always(1.0)),
    "nobody is right": (Escalation, "share", always(0.0)),
    "pages are never late": (weights, "LATE_S", 1e12),
    "thrift is given": (Cost, "share", always(1.0)),
    "thrift is denied": (Cost, "share", always(0.0)),
    "reading is free": (assess_module, "bytes_of", lambda seen: 0),
    "money does not count": (weights, "DEAR_SHARE", 1e12),
    "postmortems are always right": (assess_module, "explained", told(share=1.0)),
    "postmortems are never right": (assess_module, "explained", told(share=0.0)),
    "any citation will do for calm": (assess_module, "explained", told(any_credited=True)),
    "no citation will do for calm": (assess_module, "explained", told(any_credited=False)),
    "everything discriminates": (Discrimination, "by", lambda self, seen: "evidence"),
    "nothing discriminates": (Discrimination, "by", lambda self, seen: None),
    "calm is taken for granted": (assess_module, "_recognised", lambda *args: True),
    "calm is never recognised": (assess_module, "_recognised", lambda *args: False),
    **{f"{name} is given": (assess_module, "diagnosed", part(name, 1.0)) for name in DIAGNOSIS_PARTS},
    **{f"{name} is denied": (assess_module, "diagnosed", part(name, 0.0)) for name in DIAGNOSIS_PARTS},
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_grader_is_noticed(mutant, monkeypatch):
    monkeypatch.setattr(*MUTANTS[mutant])
    assert next(broken_facts(), None) is not None
