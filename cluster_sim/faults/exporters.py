"""Faults under which monitoring says that redis is down."""

from __future__ import annotations

from ..clock import SECOND
from ..cluster import Cluster
from ..engine import lifecycle
from ..engine.admission import Admission
from ..engine.release import Behaviour
from ..engine.volume import NEEDED_BYTES
from .fault import Evidence, Family, Fault, Mechanism, Sustained, Trigger
from .parameters import pick, pick_one, pick_whole
from .settings import PagedBy

REDIS = "redis-cache"
INVENTORY = "inventory-service"

_WOKEN = PagedBy(("RedisDown",))

_INSECURE = 10.0
"""A store that lets in whoever comes weighs more than any client that is turned away."""


def _admission(cluster: Cluster) -> Admission:
    admission = cluster.service(REDIS).admission
    assert admission is not None
    return admission


def _restart_redis(cluster: Cluster) -> None:
    """The server starts once more, and everybody has to connect to it anew."""
    cluster.restart(REDIS)


# ---------------------------------------------------------------- the exporter


def _lose_exporter(cluster: Cluster) -> None:
    sidecar = cluster.service(REDIS).replicas[0].sidecar
    if pick_one(cluster, "exporter", ("hung", "cut_off")) == "hung":
        sidecar.hung = True
    else:
        sidecar.cut_off = True


def _nothing(cluster: Cluster) -> float:
    return 0.0


_CALLS = '{client="inventory-service", server="redis-cache"}[1m]))'

MONITORING_GAP = Fault(
    name="monitoring_gap",
    service=REDIS,
    mechanism=Mechanism.NO_INCIDENT,
    triggered_by=Trigger.INFRASTRUCTURE,
    sustained_by=Sustained.NOTHING,
    team="infra-team",
    inject=_lose_exporter,
    distance=_nothing,
    hold_s=180.0,
    family=Family.EXPORTER_DOWN,
    setting=_WOKEN,
    harmless=True,
    story=(
        "The exporter beside redis hangs, or all its dials time out, so redis_up is gone or 0 and the alert says that "
        "redis is down. Redis itself is well: its clients read from it as ever. There is nothing to do about redis; "
        "restarting the exporter brings the metrics back."
    ),
    evidence=(
        Evidence(
            service=REDIS,
            shows="the exporter tells nothing of redis, while its client calls it as often as ever and without errors",
            promql='(redis_up == 0 or up{job="redis-exporter"} == 0)\n'
            f"and on () (sum(rate(traces_service_graph_request_total{_CALLS} > 1)\n"
            f"unless on () (sum(rate(traces_service_graph_request_failed_total{_CALLS} > 0.5)",
        ),
    ),
    alerts=("RedisDown",),
    repairs=(("restart_exporter",),),
    masks=(("disable_redis_auth",),),
)

# ---------------------------------------------------------------- the password


def _rotate_password(cluster: Cluster) -> None:
    admission = _admission(cluster)
    if pick_one(cluster, "rotated_by", ("restart", "config_set")) == "restart":
        admission.rotate()
        cluster.restart(REDIS)
    else:
        admission.rotate(int(pick(cluster, "connection_age_s", 20, 90) * SECOND))


def _strangers(cluster: Cluster) -> float:
    """Clients that hold another password than the server asks for, or will when they start."""
    admission = _admission(cluster)
    held = [client.password for client in admission.clients.values()]
    strangers = sum(p != admission.password for p in (*held, admission.secret, admission.exporter_password))
    return float(strangers) + _INSECURE * (not admission.required)


AUTH_CHANGED = Fault(
    name="redis_auth_changed",
    service=REDIS,
    mechanism=Mechanism.EXPIRED_CREDENTIAL,
    triggered_by=Trigger.CREDENTIAL_CHANGE,
    sustained_by=Sustained.STANDING_STATE,
    team="security-team",
    inject=_rotate_password,
    distance=_strangers,
    # Entries live 90 s: a cache that was warm for another reason is cold again after two lifetimes.
    hold_s=240.0,
    family=Family.EXPORTER_DOWN,
    setting=_WOKEN,
    story=(
        "The password of redis was rotated, in its configuration and in the running server, and its clients were "
        "forgotten. Whoever connects anew is refused: the exporter at once, so redis seems down, and the pods of "
        "inventory-service as their connections are replaced. Without the cache every lookup goes to the database, "
        "which saturates. A restart does not help, whether of redis or of its clients: both read the same again."
    ),
    evidence=(
        Evidence(
            service=INVENTORY,
            shows="redis answers, and refuses the password of its client",
            grep="invalid username-password pair",
        ),
        Evidence(
            service=REDIS,
            shows="the exporter is refused for its password, too",
            promql='redis_exporter_last_scrape_error{err=~"WRONGPASS.*"} == 1',
        ),
    ),
    alerts=("RedisDown", "HighLatencyP99", "DependencyErrors"),
    repairs=(("update_redis_client_secret",),),
    masks=(
        ("restart_redis",),
        ("restart_inventory_service",),
        ("disable_redis_auth",),
        ("flush_redis_cache",),
        ("scale_out_inventory_service",),
        ("restart_exporter",),
    ),
    trigger=_restart_redis,
)

# ---------------------------------------------------------------- the limit on connections


def _release_without_pool(cluster: Cluster) -> None:
    # A thousand calls a minute, each leaving one to three: the limit is reached after one to four minutes.
    left = pick_whole(cluster, "connections_per_call", 1, 3)
    cluster.deploy(INVENTORY, Behaviour(store_connections_left=left))


def _leaking(cluster: Cluster) -> float:
    """Pods whose release leaves connections open, and the template if it would bring more."""
    service = cluster.service(INVENTORY)
    behaviours = [service.behaviour, *(replica.behaviour for replica in service.replicas)]
    return float(sum(behaviour.store_connections_left > 0 for behaviour in behaviours))


_READS_HZ = 0.55
"""Reads of the cache per request of a user: browsing and checking out are so many of all requests."""


def _refilled_after_s(cluster: Cluster) -> float:
    """Seconds until the connections that are left open have taken all the room again."""
    admission = _admission(cluster)
    replicas = cluster.service(INVENTORY).replicas
    per_read = sum(replica.behaviour.store_connections_left for replica in replicas) / len(replicas)
    room = max(admission.maxclients - admission.connections, 0)
    return room / (per_read * _READS_HZ * cluster.spec.arrival_rate_hz) if per_read else 0.0


MAXCLIENTS = Fault(
    name="redis_maxclients",
    service=INVENTORY,
    mechanism=Mechanism.CONNECTION_LEAK,
    triggered_by=Trigger.DEPLOY,
    sustained_by=Sustained.ACCUMULATION,
    team="inventory-team",
    inject=_release_without_pool,
    distance=_leaking,
    hold_s=300.0,
    relapse_s=_refilled_after_s,
    family=Family.EXPORTER_DOWN,
    setting=_WOKEN,
    story=(
        "A release of inventory-service opens a connection to redis for every call and leaves it open. When maxclients "
        "is reached, whoever connects is refused, the exporter among them, so redis seems down and its connection "
        "metrics end just then; redis logs nothing. Without the cache every lookup goes to the database, which "
        "saturates. (In the catalogue checkout-service leaks; here inventory-service is the one client of redis.)"
    ),
    evidence=(
        Evidence(
            service=INVENTORY,
            shows="redis answers, and says that it has too many clients",
            grep="max number of clients reached",
        ),
        Evidence(
            service=REDIS,
            shows="clients connected had been more and more, as far as they can be seen",
            promql="max_over_time(redis_connected_clients[15m]) > 0.5 * max_over_time(redis_config_maxclients[15m])",
        ),
        Evidence(
            service=REDIS,
            shows="the exporter finds no room, either",
            promql='redis_exporter_last_scrape_error{err=~"ERR max number of clients.*"} == 1',
        ),
    ),
    alerts=("RedisDown", "HighLatencyP99", "DependencyErrors"),
    repairs=(("rollback_inventory_service",),),
    masks=(
        ("raise_redis_maxclients",),
        ("restart_redis",),
        ("restart_inventory_service",),
        ("flush_redis_cache",),
        ("scale_out_inventory_service",),
        ("restart_exporter",),
    ),
)

# ---------------------------------------------------------------- the volume


def _fill_volume(cluster: Cluster) -> None:
    service = cluster.service(REDIS)
    assert service.volume is not None
    service.volume.fill()
    lifecycle.restart(cluster, service.replicas[0], "Error")


def _missing_space(cluster: Cluster) -> float:
    """Bytes that a start of redis needs on its volume and does not find."""
    volume = cluster.service(REDIS).volume
    assert volume is not None
    return float(max(NEEDED_BYTES - volume.free_bytes, 0))


DOWN_DISK_FULL = Fault(
    name="redis_down_disk_full",
    service=REDIS,
    mechanism=Mechanism.DISK_FULL,
    triggered_by=Trigger.INFRASTRUCTURE,
    sustained_by=Sustained.ACCUMULATION,
    team="infra-team",
    inject=_fill_volume,
    distance=_missing_space,
    hold_s=240.0,
    family=Family.EXPORTER_DOWN,
    setting=_WOKEN,
    story=(
        "Copies that a backup job left behind fill the volume of redis. Then its process is killed with its node, and "
        "the entrypoint cannot write the configuration to the volume any more: it ends, again and again, with longer "
        "and longer pauses between. Redis is really down; every lookup goes to the database, which saturates. Only a "
        "cache is lost for a while: the dump is there."
    ),
    evidence=(
        Evidence(service=REDIS, shows="the entrypoint finds no room on the volume", grep="No space left on device"),
        Evidence(
            service=REDIS,
            shows="the container is started again and again",
            promql='increase(kube_pod_container_status_restarts_total{service="redis-cache"}[10m]) >= 3',
        ),
    ),
    alerts=("RedisDown", "HighLatencyP99", "KubePodNotReady", "DependencyErrors"),
    repairs=(("clear_redis_volume",), ("expand_redis_volume",)),
    masks=(
        ("restart_redis",),
        ("restart_exporter",),
        ("restart_inventory_service",),
        ("flush_redis_cache",),
        ("flush_all_redis_keys",),
        ("resize_redis_memory",),
        ("scale_out_inventory_service",),
    ),
    trigger=_restart_redis,
)
