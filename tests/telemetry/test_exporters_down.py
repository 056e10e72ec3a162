"""What is scraped of a server whose exporter fails, and that the server does not notice."""

from __future__ import annotations

from cluster_sim import exposition, seven_services
from cluster_sim.cluster import Cluster


def scraped(cluster: Cluster, name: str) -> list[str]:
    text = exposition(cluster).decode()
    return [line for line in text.splitlines() if line.startswith(name)]


def test_a_hung_exporter_has_no_series_and_one_that_is_cut_off_says_why():
    cluster = Cluster(seven_services(), 4)
    sidecar = cluster.service("redis-cache").replicas[0].sidecar
    sidecar.hung = True
    assert scraped(cluster, "redis_") == []
    sidecar.restart()
    sidecar.cut_off = True
    (up,) = scraped(cluster, "redis_up{")
    (error,) = scraped(cluster, "redis_exporter_last_scrape_error{")
    assert up.split()[1] in {"0", "0.0"}
    assert "i/o timeout" in error
    sidecar.restart()
    assert scraped(cluster, "redis_up{")[0].split()[1] in {"1", "1.0"}


def test_a_postgres_exporter_fails_alike():
    cluster = Cluster(seven_services(), 4)
    sidecar = cluster.service("postgres-db").replicas[0].sidecar
    sidecar.cut_off = True
    assert scraped(cluster, "pg_up{")[0].split()[1] in {"0", "0.0"}
    sidecar.hung = True
    assert scraped(cluster, "pg_") == []


def test_users_do_not_notice():
    watched, unwatched = (Cluster(seven_services(), 4) for _ in range(2))
    unwatched.service("redis-cache").replicas[0].sidecar.hung = True
    for cluster in (watched, unwatched):
        cluster.run_for(120)
    assert watched.recorder.outcomes == unwatched.recorder.outcomes
