"""Faults under which containers end and are started again, over and over; most may strike any application."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from ..clock import SECOND
from ..cluster import Cluster
from ..engine.cron import LimitJob
from ..services import SERVICES
from ..specs import ClusterSpec, MemorySpec, ProbeSpec, Work
from .fault import Evidence, Family, Fault, Mechanism, Plan, Sustained, Trigger, wherever
from .parameters import pick, pick_whole
from .settings import All, PagedBy, Provisioned, Setting

MIB = 1 << 20
AUTH, CHECKOUT, INVENTORY, PAYMENT = "auth-service", "checkout-service", "inventory-service", "payment-service"

_JVM = MemorySpec(start_bytes=310 * MIB, full_bytes=430 * MIB, half_work_s=8.0, limit_bytes=640 * MIB)
_PYTHON = MemorySpec(start_bytes=170 * MIB, full_bytes=300 * MIB, half_work_s=2.0, limit_bytes=448 * MIB)
"""Containers of the usual size for their runtimes (chosen)."""
CONTAINERS: Mapping[str, MemorySpec] = MappingProxyType(
    {CHECKOUT: _JVM, PAYMENT: _JVM, AUTH: _PYTHON, INVENTORY: _PYTHON}
)

WATCHED: tuple[Setting, ...] = (
    PagedBy(("KubePodCrashLooping",)),
    *(Provisioned(name, (("memory", memory),)) for name, memory in CONTAINERS.items()),
)
"""Containers have memory limits and are watched, and one that crashes again and again wakes the engineer."""

CRASH_LOOP = ("KubePodCrashLooping", "KubePodNotReady", "KubePodRestarted")

ANSWERS: Mapping[str, float] = MappingProxyType({CHECKOUT: 0.15, PAYMENT: 0.35, AUTH: 0.57, INVENTORY: 0.55})
"""Answers that a service gives for each request of a user (measured at 20 and 50 requests per second)."""


def _plan(verb: str, service: str) -> Plan:
    """One change of a service, `restart` say."""
    return (f"{verb}_{service.replace('-', '_')}",)


# ---------------------------------------------------------------- a release that leaks


def _release_leak(service: str, cluster: Cluster) -> None:
    per_answer = MIB / ANSWERS[service]
    leak = int(pick(cluster, "leak_mib_per_request", 1.05, 1.5) * per_answer)
    cluster.deploy(service, replace(cluster.service(service).behaviour, leak_bytes=leak))


def _leaked_bytes(name: str, cluster: Cluster) -> float:
    """Memory lost per answer, by the pods that run and by those that would be started."""
    service = cluster.service(name)
    return float(service.behaviour.leak_bytes + sum(r.behaviour.leak_bytes for r in service.replicas if r.alive))


def _seconds_to_limit(name: str, cluster: Cluster) -> float:
    """Until a fresh pod that leaks is at its limit, if all are there to share the requests."""
    service = cluster.service(name)
    memory, leak = service.spec.memory, service.behaviour.leak_bytes
    if memory is None or not leak:
        return 0.0
    rate = cluster.spec.arrival_rate_hz * ANSWERS[name] / max(len(service.replicas), 1)
    return min((service.memory_limit_bytes - memory.start_bytes) / leak / rate, 600.0)


def _memory_leak(service: str) -> Fault:
    enough = CONTAINERS[service].full_bytes + 20 * MIB
    return Fault(
        name="svc_memory_leak_oomkill",
        service=service,
        mechanism=Mechanism.MEMORY_LEAK,
        triggered_by=Trigger.DEPLOY,
        sustained_by=Sustained.ACCUMULATION,
        team=SERVICES[service].team,
        inject=partial(_release_leak, service),
        distance=partial(_leaked_bytes, service),
        hold_s=480.0,
        relapse_s=partial(_seconds_to_limit, service),
        family=Family.CRASH_LOOPING,
        story=(
            f"A release of {service} keeps some of the memory of every answer it has given, so that a pod climbs from "
            "its start to the container's limit within a minute: the kernel kills it without a last word. Killed again "
            "and again, it is kept waiting longer each time, the others get its requests and fill faster, and in the "
            "end nobody is left. (The catalogue has 45 minutes from start to limit; here it is less than one, so that "
            "an incident fits an episode.)"
        ),
        evidence=(
            Evidence(
                service=service,
                shows="processes killed at their memory limit",
                promql=f'kube_pod_container_status_last_terminated_reason{{service="{service}",reason="OOMKilled"}}',
            ),
            Evidence(
                service=service,
                shows="memory that climbs with every answer, far above what the service needs",
                promql=f'max(max_over_time(container_memory_working_set_bytes{{service="{service}"}}[10m])) > {enough}',
            ),
        ),
        alerts=CRASH_LOOP,
        repairs=(_plan("rollback", service),),
        masks=(_plan("restart", service), ("raise_memory_limit",), _plan("scale_out", service)),
        setting=All(WATCHED),
    )


MEMORY_LEAK = wherever(_memory_leak, (CHECKOUT, PAYMENT, INVENTORY, AUTH))

# ---------------------------------------------------------------- a probe that asks too much, too often


def _deep_check(service: str) -> str:
    """Where a service answers for all that it depends on."""
    return "/actuator/health" if CONTAINERS[service] is _JVM else "/health/ready"


def _tighten_probe(service: str, cluster: Cluster) -> None:
    probe = ProbeSpec(
        path=_deep_check(service),
        period_s=float(2),
        timeout_s=1.0,
        failure_threshold=1,
        needs_worker=True,
        check_s=pick(cluster, "check_s", 0.38, 0.46),
    )
    cluster.service(service).liveness = probe
    cluster.roll(service)


def _hasty(name: str, cluster: Cluster) -> float:
    """Whether one slow answer, or one behind a queue, ends a process that works."""
    probe = cluster.service(name).liveness
    if probe is None:
        return 0.0
    patience_s = probe.period_s * (probe.failure_threshold - 1) + probe.timeout_s
    slow = max(0.0, 10.0 - patience_s) if probe.check_s or probe.needs_worker else 0.0
    return slow


def _peak(cluster: Cluster) -> None:
    cluster.surge(1.5, 90.0)


def _liveness_too_aggressive(service: str) -> Fault:
    return Fault(
        name="liveness_too_aggressive",
        service=service,
        mechanism=Mechanism.BAD_CONFIG,
        triggered_by=Trigger.CONFIG_CHANGE,
        sustained_by=Sustained.STANDING_STATE,
        team="platform-team",
        inject=partial(_tighten_probe, service),
        distance=partial(_hasty, service),
        hold_s=480.0,
        family=Family.CRASH_LOOPING,
        story=(
            f"A change of {service}'s manifest points its liveness probe at the health check that looks at everything "
            "the service depends on, every 2 s, with 1 s of patience and no second chance. The check takes a quarter "
            "of a second as a rule and longer now and then, all the more in a pod that is still warming up, and each "
            "time it is late a healthy process is killed with what it was doing. (Kubernetes has no timeouts below "
            "1 s, and our pauses and queues alone rarely last that long, so it is the deep check that makes the probe "
            "too strict.)"
        ),
        evidence=(
            Evidence(service=service, shows="liveness probes that time out", grep="Liveness probe failed"),
            Evidence(
                service=service,
                shows="probes of the check that looks at everything the service depends on",
                grep=f'{_deep_check(service)}": context deadline exceeded',
            ),
        ),
        alerts=CRASH_LOOP,
        repairs=(("relax_probe",),),
        masks=(_plan("scale_out", service), _plan("rollback", service), _plan("restart", service)),
        trigger=_peak,
        setting=All(WATCHED),
    )


LIVENESS_TOO_AGGRESSIVE = wherever(_liveness_too_aggressive, (PAYMENT, CHECKOUT, INVENTORY, AUTH))

# ---------------------------------------------------------------- a job that undoes repairs


REBALANCER = "system:serviceaccount:ops:vpa-updater"


def _rebalance(service: str, cluster: Cluster) -> None:
    memory = CONTAINERS[service]
    grown = pick(cluster, "grown_share", 0.16, 0.26)
    limit = memory.start_bytes + int(grown * (memory.full_bytes - memory.start_bytes))
    period = int(pick(cluster, "period_s", 180, 300) * SECOND)
    LimitJob(cluster, cluster.service(service), REBALANCER, limit, period)


def _missing_memory(name: str, cluster: Cluster) -> float:
    """MiB that pods lack to hold what they come to hold, now or after the next run of a job."""
    service = cluster.service(name)
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


def _cron_rebalancer(service: str) -> Fault:
    return Fault(
        name="cron_rebalancer_recurring",
        service=service,
        mechanism=Mechanism.BAD_CONFIG,
        triggered_by=Trigger.SCHEDULED_JOB,
        sustained_by=Sustained.ONGOING_EVENT,
        team="platform-team",
        inject=partial(_rebalance, service),
        distance=partial(_missing_memory, service),
        hold_s=400.0,
        relapse_s=_until_felt_again_s,
        family=Family.CRASH_LOOPING,
        story=(
            f"A CronJob that rebalances resources patches {service}'s memory limit, every three to five minutes, to "
            "little more than what a fresh process uses. As caches fill the pods outgrow it and are killed, over and "
            "over, and whoever puts the limit right finds it patched again after the next run."
        ),
        evidence=(
            Evidence(service=service, shows="patches of the deployment by a service account", grep=REBALANCER),
            Evidence(
                service=service,
                shows="processes killed at their memory limit",
                promql=f'kube_pod_container_status_last_terminated_reason{{service="{service}",reason="OOMKilled"}}',
            ),
        ),
        alerts=CRASH_LOOP,
        repairs=(("suspend_rebalancer_cronjob", "restore_memory_limit"),),
        masks=(
            ("restore_memory_limit",),
            ("suspend_rebalancer_cronjob",),
            *(_plan(verb, service) for verb in ("restart", "rollback", "scale_out")),
        ),
        setting=All(WATCHED),
    )


CRON_REBALANCER = wherever(_cron_rebalancer, (INVENTORY, PAYMENT, AUTH))
"""checkout-service works too little to outgrow anything within an incident."""

# ---------------------------------------------------------------- an image that crashes


def _release_crash(service: str, cluster: Cluster) -> None:
    share = pick(cluster, "crash_share_of_requests", 0.0028, 0.0042) / ANSWERS[service]
    cluster.deploy(service, replace(cluster.service(service).behaviour, crash_share=share))


def _crash_share(name: str, cluster: Cluster) -> float:
    service = cluster.service(name)
    return max(b.crash_share for b in (service.behaviour, *(r.behaviour for r in service.replicas if r.alive)))


def _bad_image(service: str) -> Fault:
    code, last_words = (
        (134, "A fatal error has been detected by the Java Runtime Environment")
        if CONTAINERS[service] is _JVM
        else (139, "Fatal Python error: Segmentation fault")
    )
    return Fault(
        name="bad_image_deploy",
        service=service,
        mechanism=Mechanism.BAD_DEPLOY,
        triggered_by=Trigger.DEPLOY,
        sustained_by=Sustained.STANDING_STATE,
        team=SERVICES[service].team,
        inject=partial(_release_crash, service),
        distance=partial(_crash_share, service),
        hold_s=480.0,
        family=Family.CRASH_LOOPING,
        story=(
            f"A new image of {service} passes its start and its probes, but a native library in it takes the whole "
            "process down on one in a hundred requests or so. Every pod crashes within minutes, is kept waiting longer "
            "after each crash, and the requests of a pod that dies are lost. (An image that cannot be pulled only "
            "stops the rollout at the first pod here, and the two others carry the load: nobody would be hurt.)"
        ),
        evidence=(
            Evidence(service=service, shows="the last words of a process that dies in native code", grep=last_words),
            Evidence(
                service=service,
                shows="the exit code of a process that crashed",
                promql=f'kube_pod_container_status_last_terminated_exitcode{{service="{service}"}} == {code}',
            ),
        ),
        alerts=CRASH_LOOP,
        repairs=(_plan("rollback", service),),
        masks=(_plan("restart", service), _plan("scale_out", service)),
        setting=All(WATCHED),
    )


BAD_IMAGE = wherever(_bad_image, (PAYMENT, CHECKOUT, INVENTORY, AUTH))

# ---------------------------------------------------------------- probes that keep a service down

TIGHT_PROBE = ProbeSpec(period_s=5.0, timeout_s=1.0, failure_threshold=1, needs_worker=True)


LOGIN_HZ_S = 3.8
"""Seconds that a login takes times the requests per second: 0.19 s at 20 requests per second (chosen)."""
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
    cluster.surge(pick(cluster, "surge", 5.8, 6.6), pick(cluster, "surge_s", 120, 170))


def _sale_again(cluster: Cluster) -> None:
    cluster.surge(4.2, 100.0)


PROBE_COLLAPSE = Fault(
    name="probe_capacity_collapse",
    service=AUTH,
    mechanism=Mechanism.BAD_CONFIG,
    triggered_by=Trigger.TRAFFIC,
    sustained_by=Sustained.FEEDBACK,
    team="platform-team",
    inject=_sale,
    distance=partial(_hasty, AUTH),
    hold_s=480.0,
    family=Family.CRASH_LOOPING,
    story=(
        "auth-service hashes passwords on two cores per pod and has little to spare; its liveness probe waits for a "
        "worker like any request. A rush of users fills the queues, the probes time out, the pods are killed, and "
        "those that are left get all the logins. The rush is over after two minutes and the service stays down: each "
        "pod that comes back, cold and alone, meets everybody who has to log in by now, and is killed before it has "
        "caught up."
    ),
    evidence=(
        Evidence(service=AUTH, shows="liveness probes that time out", grep="Liveness probe failed"),
        Evidence(
            service=INVENTORY,
            shows="a rush of users, even where nobody has to log in",
            promql=f'max_over_time(service:http_requests:rate1m{{service="{INVENTORY}"}}[10m])\n'
            f'> 2 * avg_over_time(service:http_requests:rate1m{{service="{INVENTORY}"}}[20m])',
        ),
    ),
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


def _move_pod(name: str, cluster: Cluster) -> None:
    """A pod is moved to a node whose network is not there yet for what starts on it."""
    service = cluster.service(name)
    replica = service.replicas[pick_whole(cluster, "pod", 0, len(service.replicas) - 1)]
    until = cluster.now + int(pick(cluster, "network_s", 48, 84) * SECOND)
    cluster.without_network[cluster.next_node(replica)] = until
    cluster.evict(replica)


def _nothing(cluster: Cluster) -> float:
    return 0.0


def _transient_restart(service: str) -> Fault:
    unknown = "UnknownHostException" if CONTAINERS[service] is _JVM else "socket.gaierror"
    return Fault(
        name="transient_pod_restart",
        service=service,
        mechanism=Mechanism.NO_INCIDENT,
        triggered_by=Trigger.INFRASTRUCTURE,
        sustained_by=Sustained.NOTHING,
        team="platform-team",
        inject=partial(_move_pod, service),
        distance=_nothing,
        hold_s=300.0,
        family=Family.CRASH_LOOPING,
        story=(
            f"One of {service}'s pods is moved to a node whose network is not up yet. Its process finds no name "
            "server, ends, is started again after a growing pause, and runs as soon as the network is there, a minute "
            "or two later. The other pods have carried the load."
        ),
        evidence=(Evidence(service=service, shows="a process that finds no network at its start", grep=unknown),),
        alerts=CRASH_LOOP,
        setting=All(WATCHED),
        harmless=True,
    )


TRANSIENT = wherever(_transient_restart, (PAYMENT, CHECKOUT, INVENTORY, AUTH))
