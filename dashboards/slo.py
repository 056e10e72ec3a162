"""What is promised to users, and the expressions that say how well it is kept."""

from __future__ import annotations

from cluster_sim import ENDPOINTS, SERVICES
from cluster_sim.services.rules import BUDGET, BURN_3
from cluster_sim.specs import CallTo, EndpointSpec, Operation
from cluster_sim.telemetry.metrics import application

from .promql import WINDOW, any_of, rate, share

OBJECTIVE = 1 - BUDGET
"""Share of answers to users that must be good: that of the ErrorBudgetBurn rules."""
WINDOWS = (BURN_3.labels["short"], BURN_3.labels["long"])
"""Windows of one of those rules."""


def operation(endpoint: EndpointSpec) -> Operation:
    """What a user of an endpoint calls last: the step before it only signs the user in."""
    call = endpoint.steps[-1]
    assert isinstance(call, CallTo)
    return next(found for found in SERVICES[call.service].operations if found.name == call.operation)


ROUTES = tuple(operation(endpoint).route for endpoint in ENDPOINTS)
"""The routes that users call."""

_USERS = f'http_route=~"{any_of(list(ROUTES))}"'
_BAD = f'{_USERS}, http_response_status_code=~"5..|401"'


def bad_share(by: str = "http_route", window: str = WINDOW) -> str:
    """Share of answers on the routes of users that are errors or refusals.

    A 401 counts: tokens that users have just been given must work.
    """
    counts = (rate(application.REQUESTS, m, part="count", by=by, window=window) for m in (_BAD, _USERS))
    return share(*counts)


def burn_rate(window: str, by: str = "http_route") -> str:
    """How many times faster than the objective allows the error budget is spent."""
    return f"{bad_share(by, window)} / {BUDGET:g}"
