"""What is left in the logs and metrics of processes that die, in every language, and of who changes limits."""

from __future__ import annotations

import json

import pytest

from cluster_sim import Cluster, promql, seven_services
from cluster_sim.clock import SECOND, unix_ms
from cluster_sim.engine.cron import LimitJob
from cluster_sim.telemetry.logs import recent

LAST_WORDS = {
    "payment-service": "A fatal error has been detected by the Java Runtime Environment",
    "inventory-service": "Fatal Python error: Segmentation fault",
    "config-service": "panic: runtime error",
}
FAILED_STARTS = {
    "payment-service": "java.net.UnknownHostException",
    "inventory-service": "socket.gaierror",
    "config-service": "start failed",
}


def count(cluster: Cluster, expr: str) -> int:
    """How many series an expression yields now."""
    found = promql.evaluate(cluster.metrics, expr, unix_ms(cluster.now, cluster.epoch_s))
    assert isinstance(found, promql.Vector)
    return len(found.samples)


@pytest.mark.parametrize("service", LAST_WORDS)
def test_a_process_that_dies_of_itself_says_so_and_not_goodbye(service: str) -> None:
    cluster = Cluster(seven_services(), seed=3, noise=0)
    cluster.run_for(20)
    since = cluster.now
    cluster.crash(cluster.service(service).replicas[0])
    cluster.run_for(1)
    lines = recent(cluster, service, since_ns=since, grep=LAST_WORDS[service])
    assert len(lines) == 1
    assert not recent(cluster, service, since_ns=since, grep="Shutdown initiated|Shutting down|shutting down")


@pytest.mark.parametrize("service", FAILED_STARTS)
def test_a_process_that_finds_no_network_says_so_each_time(service: str) -> None:
    cluster = Cluster(seven_services(), seed=3, noise=0)
    replica = cluster.service(service).replicas[0]
    cluster.without_network[cluster.next_node(replica)] = 40 * SECOND
    cluster.evict(replica)
    cluster.run_for(80)
    # After 4 s, at once again, then 10 s and 20 s later.
    assert len(recent(cluster, service, grep=FAILED_STARTS[service])) == 3
    assert len(recent(cluster, service, grep="Back-off restarting failed container")) == 2


def test_a_container_that_is_kept_waiting_shows_in_the_metrics_while_it_is() -> None:
    cluster = Cluster(seven_services(), seed=3, noise=0)
    replica = cluster.service("payment-service").replicas[0]
    for _ in range(3):
        cluster.crash(replica)
        cluster.run_for(12)
    cluster.run_for(6)
    waiting = f'kube_pod_container_status_waiting_reason{{pod="{replica.name}",reason="CrashLoopBackOff"}}'
    assert replica.waiting
    assert count(cluster, waiting) == 1
    cluster.run_for(60)
    assert not replica.waiting
    assert count(cluster, waiting) == 0
    assert count(cluster, 'kube_pod_container_status_waiting_reason{service!="payment-service"}') == 0


def test_a_job_is_in_the_audit_log_under_its_account() -> None:
    cluster = Cluster(seven_services(), seed=3, noise=0)
    LimitJob(cluster, cluster.service("inventory-service"), "system:serviceaccount:ops:someone", 1 << 30, 100 * SECOND)
    cluster.run_for(250)
    lines = recent(cluster, "inventory-service", grep="audit.k8s.io")
    assert len(lines) == 3
    entry = json.loads(lines[-1])
    assert (entry["verb"], entry["user"]["username"]) == ("patch", "system:serviceaccount:ops:someone")
