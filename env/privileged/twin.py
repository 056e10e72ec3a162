"""The policy that knows a twin's truth: the incident that this one looks like, handled without a mistake."""

from __future__ import annotations

from cluster_sim import Fault, twins_of

from ..models import Action, ActionType, Observation
from .briefing import Briefing
from .knowing import Knowing, Plan
from .notes import MOST_ODD_LINES, rarest
from .statements import claims, statement


class TwinsFix(Knowing):
    """Looks where the twin's cause would be, pages its team, states its cause and applies its repair."""

    name = "twins_fix"

    def plan(self, truth: Briefing, observation: Observation) -> Plan:
        twin = mistaken_for(truth.fault)
        if twin is None:
            return
        observation = yield Action(action_type=ActionType.INVESTIGATE, target=twin.service)
        lines = rarest(observation.logs.get(twin.service, []))
        cites = ["0/alerts/0", *(f"{observation.step}/logs/{twin.service}/{line}" for line in lines[:MOST_ODD_LINES])]
        story = Briefing(fault=twin, began=truth.began)
        said = statement(story, cites)
        yield Action(action_type=ActionType.ESCALATE, target=twin.team, details=said)
        for fix in twin.repairs[0]:
            yield Action(action_type=ActionType.APPLY_FIX, target=fix)
        details = said | {"claims": claims(story, twin.repairs[0], cites)}
        yield Action(action_type=ActionType.POSTMORTEM, details=details)


def mistaken_for(fault: Fault) -> Fault | None:
    """The first twin in the order of the catalogue whose runbook repair has no step of any of this fault's own."""
    own = {fix for plan in fault.repairs for fix in plan}
    return next((twin for twin in twins_of(fault) if twin.repairs and not own & set(twin.repairs[0])), None)
