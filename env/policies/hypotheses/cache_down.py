"""Causes for which the exporter says that the cache is down, whether it is or not."""

from __future__ import annotations

from ..evidence import LogClue, SignClue
from .hypothesis import NOTHING, Hypothesis, Topic
from .ways import CACHE_LOST

_CALLS = '{client="inventory-service",server="redis-cache"}[1m]))'
_SERVED = (
    f"and sum(rate(traces_service_graph_request_total{_CALLS} > 1"
    f" unless sum(rate(traces_service_graph_request_failed_total{_CALLS} > 0.5"
)

MONITORING_GAP = Hypothesis(
    root_cause="redis-cache",
    mechanism=NOTHING,
    trigger="infrastructure",
    sustained_by="nothing",
    team="",
    plan=(),
    topic=Topic.CACHE,
    clues=(
        SignClue(
            sign="only_the_exporter_is_down",
            says="the exporter does not answer, and the client of redis-cache calls it as ever and without errors",
            expr=f'count(up{{job="redis-exporter"}} == 0) {_SERVED}',
            weight=9,
        ),
        SignClue(
            sign="only_the_exporter_gets_no_answer",
            says="redis-cache answers its client as ever, and only the exporter waits in vain",
            expr=f'count(redis_exporter_last_scrape_error{{err=~".*timeout.*"}} == 1) {_SERVED}',
            weight=9,
        ),
    ),
    explanation="The exporter beside redis-cache does not answer; redis itself is well.",
)

PASSWORD = Hypothesis(
    root_cause="redis-cache",
    mechanism="expired_credential",
    trigger="credential_change",
    sustained_by="standing_state",
    spread=CACHE_LOST,
    felt_after_s=None,
    team="security-team",
    plan=("update_redis_client_secret",),
    topic=Topic.CACHE,
    clues=(
        SignClue(
            sign="password_refused",
            says="redis-cache refuses the password of the exporter",
            expr='count(redis_exporter_last_scrape_error{err=~"WRONGPASS.*|NOAUTH.*"} == 1) > 0',
            weight=12,
        ),
        LogClue(
            says="redis-cache refuses the password of its client",
            pattern=r"WRONGPASS[^\"]*|invalid username-password pair",
            services=("inventory-service",),
            weight=11,
            decisive=True,
        ),
    ),
    explanation="The password of redis-cache was rotated, and its clients have the old one.",
    prevention="A rotation must reach the clients first.",
)

LEFT_OPEN = Hypothesis(
    root_cause="inventory-service",
    mechanism="connection_leak",
    trigger="deploy",
    sustained_by="accumulation",
    spread=CACHE_LOST,
    felt_after_s=None,
    team="inventory-team",
    plan=("rollback_inventory_service",),
    topic=Topic.CACHE,
    look_at=("redis-cache",),
    clues=(
        SignClue(
            sign="too_many_clients_of_redis",
            says="redis-cache has as many clients as it admits",
            expr='(count(redis_exporter_last_scrape_error{err=~"ERR max number of clients.*"} == 1) > 0'
            " or max(max_over_time(redis_connected_clients[15m]))"
            " > 0.5 * max(max_over_time(redis_config_maxclients[15m])))",
            weight=12,
        ),
        LogClue(
            says="redis-cache refuses its client for being too many",
            pattern=r"max number of clients reached",
            services=("inventory-service",),
            weight=11,
            decisive=True,
        ),
    ),
    explanation="A release of inventory-service leaves connections to redis-cache open, until it admits no more.",
    prevention="Connections must come from a pool.",
)

NO_ROOM_TO_START = Hypothesis(
    root_cause="redis-cache",
    mechanism="disk_full",
    trigger="infrastructure",
    sustained_by="accumulation",
    spread=CACHE_LOST,
    felt_after_s=None,
    team="infra-team",
    plan=("clear_redis_volume",),
    topic=Topic.CACHE,
    clues=(
        SignClue(
            sign="redis_starts_in_vain",
            shared=True,
            says="the container of redis-cache is started again and again",
            expr='sum(increase(kube_pod_container_status_restarts_total{service="redis-cache"}[10m])) > 1.5',
            weight=9,
        ),
        LogClue(
            says="redis-cache finds no room on its volume",
            pattern=r"No space left on device",
            services=("redis-cache",),
            at_least=1,
            grep="No space left on device",
            weight=11,
            decisive=True,
        ),
    ),
    explanation="The volume of redis-cache is full, and it cannot start.",
    prevention="A volume that fills must open a ticket.",
)

HYPOTHESES = (MONITORING_GAP, PASSWORD, LEFT_OPEN, NO_ROOM_TO_START)
