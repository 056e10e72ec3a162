"""Episodes graded in full, and what an engineer who knows the cause would see, claim and cite."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from cluster_sim import Fault, WarmUps
from env.assessment import Yardsticks
from env.assessment.postmortem import Explained, explained
from env.assessment.sights import cited
from env.assessment.twins import TwinWorlds
from env.environment import IncidentEnvironment
from env.episode import EpisodeRecord
from env.models import Action, ActionType, EpisodeOptions
from tests.environment.conftest import act

WARM_UPS = WarmUps()
YARDSTICKS = Yardsticks()
OPTIONS = EpisodeOptions(split="test", grading="full")

WRONG_PASSWORD, LOCK_QUEUE, DEPLOY, AUTOSCALER = 157, 38, 73, 55
"""Indices of the test split: a changed password, a migration that waits for a lock, a deploy that is over, and an
autoscaler without effect."""


@cache
def _paged(index: int) -> bytes:
    environment = IncidentEnvironment(WARM_UPS)
    environment.reset("generated", index, OPTIONS)
    return pickle.dumps(environment)


def paged(index: int) -> IncidentEnvironment:
    """An incident of the test split, just after its page."""
    return pickle.loads(_paged(index))


def look_for_evidence(environment: IncidentEnvironment) -> list[str]:
    """Waits a minute, looks for every declared piece of evidence, and gives the ids of what was found."""
    act(environment, "no_op")  # what there is to find is written in the first minute
    ids = []
    for evidence in environment.scene.fault.evidence:
        if evidence.grep:
            environment.read("search_logs", {"service": evidence.service, "grep": evidence.grep})
            ids.append(f"{last(environment).place}/{len((last(environment).answer or {})['lines']) - 1}")
        else:
            environment.read("query_metrics", {"promql": evidence.promql})
            ids.append(last(environment).place)
    return ids


def last(environment: IncidentEnvironment) -> Any:
    """What was shown last: a sight."""
    return environment.scene.record.seen[-1]


def thing(environment: IncidentEnvironment, id: str) -> Any:
    """What an id points at."""
    return cited(environment.scene.record, id)


def file(environment: IncidentEnvironment, details: Any) -> None:
    """Files a postmortem."""
    act(environment, "postmortem", None, details)


def worlds_of(environment: IncidentEnvironment) -> TwinWorlds:
    """The worlds of an incident's twins, kept for all tests."""
    scene = environment.scene
    record = scene.record
    options = OPTIONS if record.task_id == "generated" else EpisodeOptions(grading="full")
    return YARDSTICKS.of(record.task_id, record.seed, options, WARM_UPS).twins


def judged(
    environment: IncidentEnvironment, *, compared: bool = False, affected: frozenset[str] | None = None
) -> Explained:
    """The verdict on the postmortem of an episode; by declared evidence, or compared with the worlds of twins too."""
    scene = environment.scene
    return explained(
        scene.record,
        fault=scene.fault,
        cluster=scene.cluster,
        onset=scene.onset,
        affected=frozenset({scene.fault.service, "checkout-service"}) if affected is None else affected,
        twins=worlds_of(environment) if compared else None,
    )


def cause(fault: Fault, *cites: str) -> dict[str, Any]:
    """The claim of the true root cause."""
    return {"claim": "root_cause", "service": fault.service, "mechanism": str(fault.mechanism), "cites": list(cites)}


def everything_shown(record: EpisodeRecord) -> Iterator[str]:
    """The id of everything that was shown."""
    for sight in record.seen:
        yield from (f"{sight.place}/alerts/{i}" for i in range(len(sight.alerts)))
        for service, lines in sight.logs.items():
            yield from (f"{sight.place}/logs/{service}/{i}" for i in range(len(lines)))
        for service, details in sight.details.items():
            yield from (f"{sight.place}/tickets/{service}/{i}" for i in range(len(details["tickets"])))
            yield from (f"{sight.place}/detail/{service}/{name}" for name in details.get("detail", {}))
        if sight.answer is not None:
            yield sight.place
            yield from (f"{sight.place}/{i}" for i in range(len(sight.answer.get("lines", []))))


@pytest.fixture
def wrong_password() -> IncidentEnvironment:
    """The page of an incident whose cause shows in a log and in a metric."""
    return paged(WRONG_PASSWORD)


def investigate(environment: IncidentEnvironment, service: str, details: Any = None) -> None:
    """Looks at a service."""
    environment.step(Action(action_type=ActionType.INVESTIGATE, target=service, details=details))
