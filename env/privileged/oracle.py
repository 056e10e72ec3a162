"""The policy that knows the truth: what an incident is worth to somebody who makes no mistake."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from itertools import chain, islice

from cluster_sim import Fault

from ..models import Action, ActionType, Observation
from ..policies.case import read_page
from .briefing import Briefing
from .knowing import Knowing, Plan
from .notes import Notes, Place, looks
from .statements import claims, statement

THINGS = 2
"""Different things to cite that support all that a postmortem is paid for (chosen)."""
LOOKS_BEFORE = 2
"""Looks before anybody is paged, of which the second is taken only if the first has shown nothing (chosen)."""
LOOKS_AFTER = 2
"""Further looks once all is done, if there is too little to cite (chosen)."""
WAITS = 3
"""Minutes that a repair is given to show before another one is tried (chosen)."""
LAST_STEP = 17
"""The step after which nothing more is tried, so that the postmortem is filed before the limit of 20 (chosen)."""

Looking = Generator[Action, Observation, Observation]
"""A part of the plan, which ends with what was seen last."""


class Oracle(Knowing):
    """Looks for the declared evidence, pages the owner, repairs as the runbook says, and writes it all up."""

    name = "oracle"

    def plan(self, truth: Briefing, observation: Observation) -> Plan:
        fault = truth.fault
        notes = Notes(truth)
        paged = firing(observation)
        places = looks(fault)
        observation = yield from _look(islice(places, LOOKS_BEFORE), notes, observation, 1)
        if len(notes.cites) + len(notes.odd) < THINGS and len(fault.evidence) == 1:
            observation = yield from _look(iter([(fault.service, ())]), notes, observation, THINGS)
        fixes: list[str] = []
        if not fault.harmless:
            details = statement(truth, notes.cites)
            observation = yield Action(action_type=ActionType.ESCALATE, target=fault.team, details=details)
            observation = yield from _repair(fault, fixes, observation, paged)
        left = chain(places, () if notes.cites else looks(fault))
        observation = yield from _look(islice(left, LOOKS_AFTER), notes, observation, THINGS)
        repaired = [] if firing(observation) & paged else fixes
        yield Action(
            action_type=ActionType.POSTMORTEM,
            details=statement(truth, notes.cites)
            | {"claims": claims(truth, repaired, notes.cites, notes.odd), "summary": fault.story},
        )


def _look(places: Iterator[Place], notes: Notes, observation: Observation, enough: int) -> Looking:
    """Look until there are enough things to cite."""
    while len(notes.cites) < enough and (place := next(places, None)) is not None:
        observation = yield notes.look(*place, observation)
        notes.note(*place, observation)
    return observation


def _repair(fault: Fault, fixes: list[str], observation: Observation, paged: frozenset[tuple[str, str]]) -> Looking:
    """Carry the declared repairs out, one after the other, until none of the first pages fires."""
    for plan in fault.repairs:
        for fix in plan:
            fixes.append(fix)
            observation = yield Action(action_type=ActionType.APPLY_FIX, target=fix)
        for _ in range(WAITS):
            if not firing(observation) & paged or observation.step >= LAST_STEP:
                return observation
            observation = yield Action(action_type=ActionType.NO_OP)
        if observation.step + max(map(len, fault.repairs)) > LAST_STEP:
            return observation
    return observation


def firing(observation: Observation) -> frozenset[tuple[str, str]]:
    """The pages that fire, each by its alert and service."""
    pages = (read_page(line) for line in observation.alerts)
    return frozenset((page.name, page.service) for page in pages if page is not None and page.firing)
