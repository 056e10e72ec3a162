"""Faults under which containers end and are started again, over and over."""

from __future__ import annotations

from dataclasses import replace

from ..clock import SECOND
from ..cluster import Cluster
from ..engine.cron import LimitJob
from ..specs import ClusterSpec, MemorySpec, ProbeSpec, Work
from .fault import Evidence, Family, Fault, Mechanism, Sustained, Trigger
from .parameters import pick, pick_one, pick_whole
from .settings import All, PagedBy, Provisioned, Setting

MIB = 1 << 20
AUTH, CHECKOUT, INVENTORY, PAYMENT = "auth-service", "checkout-service", "inventory-service", "payment-service"

_JVM = MemorySpec(start_bytes=310 * MIB, full_bytes=430 * MIB, half_work_s=8.0, limit_bytes=640 * MIB)
_PYTHON = MemorySpec(start_bytes=170 * MIB, full_bytes=300 * MIB, half_work_s=2.0, limit_bytes=448 * MIB)
"""Containers of the usual size for their runtimes (chosen)."""

WATCHED: tuple[Setting, ...] = (
    PagedBy(("KubePodCrashLooping",)),
    *(Provisioned(name, (("memory", _JVM),)) for name in (CHECKOUT, PAYMENT)),
    *(Provisioned(name, (("memory", _PYTHON),)) for name in (AUTH, INVENTORY)),
)
"""Containers have memory limits and are watched, and one that crashes again and again wakes the engineer."""

CRASH_LOOP = ("KubePodCrashLooping", "KubePodNotReady", "KubePodRestarted")


# ---------------------------------------------------------------- a release that leaks


def _release_leak(cluster: Cluster) -> None:
    leak = int(pick(cluster, "leak_mib", 7.0, 10.0) * MIB)
    cluster.deploy(CHECKOUT, replace(cluster.service(CHECKOUT).behaviour, leak_bytes=leak))


def _leaked_bytes(cluster: Cluster) -> float:
    """Memory lost per answer, by the pods that run and by those that would be started."""
    service = cluster.service(CHECKOUT)
    return float(service.behaviour.leak_bytes + sum(r.behaviour.leak_bytes for r in service.replicas if r.alive))


def _seconds_to_limit(cluster: Cluster) -> float:
    """Until a fresh pod that leaks is at its limit, if all are there to share the requests."""
    service = cluster.service(CHECKOUT)
    memory, leak = service.spec.memory, service.behaviour.leak_bytes
    if memory is None or not leak:
        return 0.0
    share = next(e.share for e in cluster.spec.endpoints if e.name == "checkout")
    rate = cluster.spec.arrival_rate_hz * share / max(len(service.replicas), 1)
    return min((service.memory_limit_bytes - memory.start_bytes) / leak / rate, 600.0)


MEMORY_LEAK = Fault(
    name="svc_memory_leak_oomkill",
    service=CHECKOUT,
    mechanism=Mechanism.MEMORY_LEAK,
    triggered_by=Trigger.DEPLOY,
    sustained_by=Sustained.ACCUMULATION,
    team="checkout-team",
    inject=_release_leak,
    distance=_leaked_bytes,
    hold_s=480.0,
    relapse_s=_seconds_to_limit,
    family=Family.CRASH_LOOPING,
    story=(
        "A release of checkout-service keeps 7 to 10 MiB of every order it has answered. A pod's memory climbs from "
        "its start to the container's limit within thirty to fifty orders: the kernel kills it without a last word. "
        "Killed again and again, it is kept waiting longer each time, the others get its orders and fill faster, and "
        "in the end nobody is left. (The catalogue has 45 minutes from start to limit; here it is less than one, so "
        "that an incident fits an episode.)"
    ),
    evidence=(
        Evidence(
            service=CHECKOUT,
            shows="processes killed at their memory limit",
            promql='kube_pod_container_status_last_terminated_reason{service="checkout-service",reason="OOMKilled"}',
        ),
        Evidence(
            service=CHECKOUT,
            shows="memory that climbs with every order, far above what the service needs",
            promql=f'max(max_over_time(container_memory_working_set_bytes{{service="{CHECKOUT}"}}[10m])) > {450 * MIB}',
        ),
    ),
    alerts=CRASH_LOOP,
    repairs=(("rollback_checkout_service",),),
    masks=(("restart_checkout_service",), ("raise_memory_limit",), ("scale_out_checkout_service",)),
    setting=All(WATCHED),
)

# ---------------------------------------------------------------- a probe that asks too much, too often


def _tighten_probe(cluster: Cluster) -> None:
    probe = ProbeSpec(
        path="/actuator/health",
        period_s=float(2),
        timeout_s=1.0,
        failure_threshold=1,
        needs_worker=True,
        check_s=pick(cluster, "check_s", 0.28, 0.36),
    )
    cluster.service(PAYMENT).liveness = probe
    cluster.roll(PAYMENT)


def _hasty(cluster: Cluster, name: str) -> float:
    """Whether one slow answer, or one behind a queue, ends a process that works."""
    probe = cluster.service(name).liveness
    if probe is None:
        return 0.0
    patience_s = probe.period_s * (probe.failure_threshold - 1) + probe.timeout_s
    slow = max(0.0, 10.0 - patience_s) if probe.check_s or probe.needs_worker else 0.0
    return slow


def _hasty_payment(cluster: Cluster) -> float:
    return _hasty(cluster, PAYMENT)


def _peak(cluster: Cluster) -> None:
    cluster.surge(1.5, 90.0)


LIVENESS_TOO_AGGRESSIVE = Fault(
    name="liveness_too_aggressive",
    service=PAYMENT,
    mechanism=Mechanism.BAD_CONFIG,
    triggered_by=Trigger.CONFIG_CHANGE,
    sustained_by=Sustained.STANDING_STATE,
    team="platform-team",
    inject=_tighten_probe,
    distance=_hasty_payment,
    hold_s=480.0,
    family=Family.CRASH_LOOPING,
    story=(
        "A change of payment-service's manifest points its liveness probe at the health check that looks at everything "
        "the service depends on, every 2 s, with 1 s of patience and no second chance. The check takes a quarter of a "
        "second as a rule and longer now and then, all the more in a pod that is still warming up, and each time it "
        "is late a healthy process is killed with what it was doing. (Kubernetes has no timeouts below 1 s, and our "
        "pauses and queues alone rarely last that long, so it is the deep check that makes the probe too strict.)"
    ),
    evidence=(
        Evidence(
            service=PAYMENT,
            shows="liveness probes that time out",
            grep="Liveness probe failed",
        ),
    ),
    alerts=CRASH_LOOP,
    repairs=(("relax_probe",),),
    masks=(("scale_out_payment_service",), ("rollback_payment_service",), ("restart_payment_service",)),
    trigger=_peak,
    setting=All(WATCHED),
)

# ---------------------------------------------------------------- a job that undoes repairs


REBALANCER = "system:serviceaccount:ops:vpa-updater"


def _rebalance(cluster: Cluster) -> None:
    limit = pick_whole(cluster, "limit_mib", 195, 210) * MIB
    period = int(pick(cluster, "period_s", 180, 300) * SECOND)
    LimitJob(cluster, cluster.service(INVENTORY), REBALANCER, limit, period)


def _missing_memory(cluster: Cluster) -> float:
    """MiB that pods lack to hold what they come to hold, now or after the next run of a job."""
    service = cluster.service(INVENTORY)
    memory = service.spec.memory
    if memory is None:
        return 0.0
    limits = [r.memory_limit_bytes for r in service.replicas] + [service.memory_limit_bytes]
    limits += [job.limit_bytes for job in limit_jobs(cluster) if job.service is service and not job.suspended]
    return max(0.0, memory.full_bytes - min(limits)) / MIB


def limit_jobs(cluster: Cluster) -> list[LimitJob]:
    """The jobs that patch memory limits."""
    return [job for job in cluster.jobs if isinstance(job, LimitJob)]


_FELT_AFTER_S = 180.0
"""Seconds from a limit too low until users feel the pods that are missing (chosen)."""


def _until_felt_again_s(cluster: Cluster) -> float:
    """Until a job that still runs has undone a repair, and that is felt."""
    periods = [job.period / SECOND for job in limit_jobs(cluster) if not job.suspended]
    return max(periods, default=0.0) + _FELT_AFTER_S


CRON_REBALANCER = Fault(
    name="cron_rebalancer_recurring",
    service=INVENTORY,
    mechanism=Mechanism.BAD_CONFIG,
    triggered_by=Trigger.SCHEDULED_JOB,
    sustained_by=Sustained.ONGOING_EVENT,
    team="platform-team",
    inject=_rebalance,
    distance=_missing_memory,
    hold_s=400.0,
    relapse_s=_until_felt_again_s,
    family=Family.CRASH_LOOPING,
    story=(
        "A CronJob that rebalances resources patches inventory-service's memory limit, every three to five minutes, to "
        "what a fresh process uses. As caches fill the pods outgrow it and are killed, over and over, and whoever puts "
        "the limit right finds it patched again after the next run."
    ),
    evidence=(
        Evidence(service=INVENTORY, shows="patches of the deployment by a service account", grep=REBALANCER),
        Evidence(
            service=INVENTORY,
            shows="processes killed at their memory limit",
            promql='kube_pod_container_status_last_terminated_reason{service="inventory-service",reason="OOMKilled"}',
        ),
    ),
    alerts=CRASH_LOOP,
    repairs=(("suspend_rebalancer_cronjob", "restore_memory_limit"),),
    masks=(
        ("restore_memory_limit",),
        ("suspend_rebalancer_cronjob",),
        ("restart_inventory_service",),
        ("rollback_inventory_service",),
        ("scale_out_inventory_service",),
    ),
    setting=All(WATCHED),
)

# ---------------------------------------------------------------- an image that crashes


def _release_crash(cluster: Cluster) -> None:
    share = pick(cluster, "crash_share", 0.005, 0.01)
    cluster.deploy(PAYMENT, replace(cluster.service(PAYMENT).behaviour, crash_share=share))


def _crash_share(cluster: Cluster) -> float:
    service = cluster.service(PAYMENT)
    return max(b.crash_share for b in (service.behaviour, *(r.behaviour for r in service.replicas if r.alive)))


BAD_IMAGE = Fault(
    name="bad_image_deploy",
    service=PAYMENT,
    mechanism=Mechanism.BAD_DEPLOY,
    triggered_by=Trigger.DEPLOY,
    sustained_by=Sustained.STANDING_STATE,
    team="payments-team",
    inject=_release_crash,
    distance=_crash_share,
    hold_s=480.0,
    family=Family.CRASH_LOOPING,
    story=(
        "A new image of payment-service passes its start and its probes, but a native library in it takes the whole "
        "JVM down on 0.5 to 1 % of payments. Every pod crashes within minutes, is kept waiting longer after each "
        "crash, and the payments of a pod that dies are lost. (An image that cannot be pulled only stops the rollout "
        "at the first pod here, and the two others carry the load: nobody would be hurt.)"
    ),
    evidence=(
        Evidence(
            service=PAYMENT,
            shows="the last words of a JVM that dies in native code",
            grep="A fatal error has been detected by the Java Runtime Environment",
        ),
        Evidence(
            service=PAYMENT,
            shows="the exit code of a process that aborted",
            promql=f'kube_pod_container_status_last_terminated_exitcode{{service="{PAYMENT}"}} == 134',
        ),
    ),
    alerts=CRASH_LOOP,
    repairs=(("rollback_payment_service",),),
    masks=(("restart_payment_service",), ("scale_out_payment_service",)),
    setting=All(WATCHED),
)

# ---------------------------------------------------------------- probes that keep a service down

TIGHT_PROBE = ProbeSpec(period_s=5.0, timeout_s=1.0, failure_threshold=1, needs_worker=True)


LOGIN_HZ_S = 4.4
"""Seconds that a login takes times the requests per second: 0.22 s at 20 requests per second (chosen)."""
USERS_PER_HZ = 150
"""Users for each request per second: they act every two and a half minutes (chosen)."""


def _barely_enough(spec: ClusterSpec) -> ClusterSpec:
    """Many users who come seldom and mostly have to log in, and an auth-service that has little to spare for them.

    Passwords are hashed at bcrypt's cost 12, which takes some 0.2 s of a core; pods have two, and take a while to warm
    up. The probe is answered by a worker like any request.
    """
    login, verify = spec.service(AUTH).operations
    work, *rest = login.steps
    assert isinstance(work, Work)
    login = replace(login, steps=(replace(work, mean_s=LOGIN_HZ_S / spec.arrival_rate_hz), *rest))
    changes = {
        "operations": (login, verify),
        "workers": 2,
        "warmup_s": 15.0,
        "warmup_factor": 3.0,
        "liveness": TIGHT_PROBE,
    }
    return replace(Provisioned(AUTH, tuple(changes.items()))(spec), users=round(USERS_PER_HZ * spec.arrival_rate_hz))


def _sale(cluster: Cluster) -> None:
    cluster.surge(pick(cluster, "surge", 4.2, 4.8), pick(cluster, "surge_s", 100, 150))


def _sale_again(cluster: Cluster) -> None:
    cluster.surge(4.2, 100.0)


def _hasty_auth(cluster: Cluster) -> float:
    return _hasty(cluster, AUTH)


PROBE_COLLAPSE = Fault(
    name="probe_capacity_collapse",
    service=AUTH,
    mechanism=Mechanism.BAD_CONFIG,
    triggered_by=Trigger.TRAFFIC,
    sustained_by=Sustained.FEEDBACK,
    team="platform-team",
    inject=_sale,
    distance=_hasty_auth,
    hold_s=480.0,
    family=Family.CRASH_LOOPING,
    story=(
        "auth-service hashes passwords on two cores per pod and has little to spare; its liveness probe waits for a "
        "worker like any request. A rush of users fills the queues, the probes time out, the pods are killed, and "
        "those that are left get all the logins. The rush is over after two minutes and the service stays down: each "
        "pod that comes back, cold and alone, meets everybody who has to log in by now, and is killed before it has "
        "caught up."
    ),
    evidence=(Evidence(service=AUTH, shows="liveness probes that time out", grep="Liveness probe failed"),),
    alerts=CRASH_LOOP,
    repairs=(("relax_probe",), ("disable_liveness_probe", "shed_load", "relax_probe", "admit_all_traffic")),
    masks=(
        ("restart_auth_service",),
        ("scale_out_auth_service",),
        ("disable_liveness_probe",),
        ("shed_load",),
        ("disable_liveness_probe", "restore_liveness_probe"),
        ("shed_load", "restart_auth_service", "admit_all_traffic"),
    ),
    trigger=_sale_again,
    setting=All((*WATCHED, _barely_enough)),
)

# ---------------------------------------------------------------- nothing to repair


def _move_pod(cluster: Cluster) -> None:
    """A pod is moved to a node whose network is not there yet for what starts on it."""
    service = cluster.service(PAYMENT)
    replica = service.replicas[pick_one(cluster, "pod", [0, 1, 2])]
    until = cluster.now + int(pick(cluster, "network_s", 48, 84) * SECOND)
    cluster.without_network[cluster.next_node(replica)] = until
    cluster.evict(replica)


def _nothing(cluster: Cluster) -> float:
    return 0.0


TRANSIENT = Fault(
    name="transient_pod_restart",
    service=PAYMENT,
    mechanism=Mechanism.NO_INCIDENT,
    triggered_by=Trigger.INFRASTRUCTURE,
    sustained_by=Sustained.NOTHING,
    team="platform-team",
    inject=_move_pod,
    distance=_nothing,
    hold_s=300.0,
    family=Family.CRASH_LOOPING,
    story=(
        "One of payment-service's pods is moved to a node whose network is not up yet. Its process finds no name "
        "server, ends, is started again after a growing pause, and runs as soon as the network is there, a minute or "
        "two later. The two other pods have carried the load."
    ),
    evidence=(
        Evidence(service=PAYMENT, shows="a process that finds no network at its start", grep="UnknownHostException"),
    ),
    alerts=CRASH_LOOP,
    setting=All(WATCHED),
    harmless=True,
)
