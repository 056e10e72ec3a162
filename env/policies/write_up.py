"""What the rule-based agent hands in: the page to the owners, and the postmortem with its claims."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from ..models import Action, ActionType
from .case import CaseFile
from .hypotheses import Hypothesis
from .spread import is_ill
from .verdict import Verdict

CLAIMS_OF_A_CITATION = 2
"""Claims that one thing seen may stand for; chosen: who leans everything on one thing has seen little."""


def escalation(verdict: Verdict) -> Action:
    """Page the owning team with the root cause, the evidence and how sure the agent is."""
    return Action(action_type=ActionType.ESCALATE, target=verdict.cause.team, details=verdict.statement)


def postmortem(verdict: Verdict, case: CaseFile) -> dict[str, Any]:
    """The write-up: the statement, what is claimed on what evidence, and all of it in sentences."""
    return {**verdict.statement, "summary": summary(verdict, case), "claims": claims(verdict, case)}


# ---------------------------------------------------------------- sentences


def summary(verdict: Verdict, case: CaseFile) -> str:
    """Impact, root cause, evidence, cascade, response, prevention, as far as it was seen."""
    cause = verdict.cause
    paragraphs = (
        _impact(case),
        f"Root cause: {cause.explanation}",
        _evidence(verdict),
        cause.cascade,
        _response(cause, case),
        f"Prevention: {cause.prevention}" if cause.prevention else "",
    )
    return "\n".join(paragraph for paragraph in paragraphs if paragraph)


def _impact(case: CaseFile) -> str:
    return " ".join(
        f"{page.name} paged on {page.service} since {page.since or 'the start'}"
        f"{f', with {page.measured}' if page.measured else ''}."
        for page in case.pages
    )


def _evidence(verdict: Verdict) -> str:
    found = [f"{clue.says} ({found.shown})." for clue, found in verdict.evidence if clue.decisive]
    return f"Evidence: {' '.join(found)}" if found else "The evidence is indirect."


def _response(cause: Hypothesis, case: CaseFile) -> str:
    if cause.harmless:
        return "We changed nothing and paged nobody."
    fixes = applied((*cause.plan, *cause.otherwise), case)
    did = f" and applied {', then '.join(fixes)}" if fixes else ""
    after = "have cleared since" if case.recovered else "are still firing at the time of writing"
    return f"We escalated to {cause.team}{did}. The pages {after}."


def applied(plan: Iterable[str], case: CaseFile) -> list[str]:
    """The fixes of a plan that were applied."""
    return [fix for fix in plan if case.has(ActionType.APPLY_FIX, fix)]


# ---------------------------------------------------------------- claims


def claims(verdict: Verdict, case: CaseFile) -> list[dict[str, Any]]:
    """What the agent is sure of, each with something that was seen and speaks for this cause.

    The best piece of evidence stands for as many claims as one may, the root cause first. Every further claim has the
    next piece, as long as there are any.
    """
    places = verdict.places
    cites = [*places[:1] * CLAIMS_OF_A_CITATION, *places[1:] * CLAIMS_OF_A_CITATION]
    return [claim | {"cites": [place]} for claim, place in zip(_claims(verdict, case), cites, strict=False)]


def _claims(verdict: Verdict, case: CaseFile) -> Iterator[dict[str, Any]]:
    cause = verdict.cause
    yield {"claim": "root_cause", "service": cause.root_cause, "mechanism": cause.mechanism}
    yield {"claim": "sustained_by", "sustained_by": cause.sustained_by}
    yield {"claim": "trigger", "trigger": cause.trigger}
    if case.recovered:
        yield from ({"claim": "repaired_by", "fix": fix} for fix in applied(cause.plan, case)[-1:])
    callers = (caller for _, caller in verdict.spread if is_ill(case, caller))
    yield from ({"claim": "affected", "service": caller} for caller in islice(callers, 1))
    if cause.felt_after_s is not None and (first := _first_page(case)) is not None:
        began = first - timedelta(seconds=cause.felt_after_s)
        yield {"claim": "began", "at": began.isoformat().replace("+00:00", "Z")}


def _first_page(case: CaseFile) -> datetime | None:
    """Since when the first of the pages has had its reason."""
    starts = [datetime.fromisoformat(page.since) for page in case.pages if page.since]
    return min(starts, default=None)
