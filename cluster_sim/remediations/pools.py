"""Changes of what clients do with their connections, and of what the server lets them do."""

from __future__ import annotations

from dataclasses import replace

from ..clock import SECOND, nanoseconds
from ..cluster import Cluster
from ..engine.handshake import Authentication
from ..engine.pool import Backends
from .remediation import Remediation

POSTGRES = "postgres-db"
PAYMENT = "payment-service"

TRANSACTION_TIMEOUT_S = 2.0
"""Seconds (chosen: longer than any transaction of ours should take)."""

HANDSHAKES = 8
"""Clients that the proxy lets through to be authenticated at a time (chosen: two per core)."""


def _backends(cluster: Cluster) -> Backends:
    backends = cluster.service(POSTGRES).backends
    assert backends is not None
    return backends


def _leave_transaction(cluster: Cluster) -> None:
    payment = cluster.service(PAYMENT)
    payment.behaviour = replace(payment.behaviour, waits_in_transactions=False)
    cluster.roll(PAYMENT)


def _limit_transactions(cluster: Cluster) -> None:
    _backends(cluster).idle_in_transaction_timeout = nanoseconds(TRANSACTION_TIMEOUT_S)


def _terminate(cluster: Cluster) -> None:
    cluster.end_transactions(POSTGRES)
    cluster.drop_idle_connections(POSTGRES)


def _admit_in_waves(cluster: Cluster) -> None:
    backends = _backends(cluster)
    if backends.authentication is None:
        backends.authentication = Authentication(cluster.service(POSTGRES), backends.connect / SECOND)
    backends.authentication.limit = HANDSHAKES


def _back_off(cluster: Cluster) -> None:
    for service in cluster.services.values():
        if POSTGRES in service.pools:
            service.pools[POSTGRES] = replace(service.pools[POSTGRES], eager=None)
            cluster.roll(service.name)


MOVE_PSP_CALL = Remediation(
    name="move_psp_call_out_of_transaction",
    team="payments-team",
    target=PAYMENT,
    duration_s=20,
    runbook=(
        "Turns on the feature flag psp-call-before-transaction: the provider is asked first, with a timeout, and the "
        "database transaction begins when it has answered. With a rolling restart."
    ),
    apply=_leave_transaction,
)
LIMIT_TRANSACTIONS = Remediation(
    name="set_idle_in_transaction_timeout",
    team="database-team",
    target=POSTGRES,
    duration_s=10,
    runbook=(
        f"Sets idle_in_transaction_session_timeout to {TRANSACTION_TIMEOUT_S:g} s, with a reload. The server ends "
        "sessions that wait longer within a transaction begun from now on; what they were doing is rolled back."
    ),
    apply=_limit_transactions,
)
TERMINATE_BACKENDS = Remediation(
    name="terminate_backends",
    team="database-team",
    target=POSTGRES,
    duration_s=10,
    runbook=(
        "pg_terminate_backend on every session of a client that executes nothing, within a transaction or not. "
        "Transactions are rolled back, and the clients' pools open their connections again."
    ),
    apply=_terminate,
)
ADMIT_IN_WAVES = Remediation(
    name="admit_clients_in_waves",
    team="database-team",
    target=POSTGRES,
    duration_s=15,
    runbook=(
        f"Has the proxy before postgres let {HANDSHAKES} clients at a time be authenticated. Others are refused at "
        "once, at no cost for the server, and have to come again."
    ),
    apply=_admit_in_waves,
)
RESTORE_BACKOFF = Remediation(
    name="restore_reconnect_backoff",
    team="platform-team",
    target=PAYMENT,
    duration_s=20,
    runbook=(
        "Sets the database client of every service to open one connection after another, with a jittered pause that "
        "grows after each refusal. Rolling restart of payment-service and inventory-service."
    ),
    apply=_back_off,
)
