"""Indexes of a database: what a query costs without its own, and what tells so."""

from __future__ import annotations

import pytest

from cluster_sim.baseline import drift, restore_declared
from cluster_sim.clock import SECOND
from cluster_sim.cluster import Cluster
from cluster_sim.engine import indexes
from cluster_sim.engine.indexes import IndexBuild
from cluster_sim.engine.profile import Profile
from cluster_sim.services import seven_services
from cluster_sim.telemetry.collector import exposition
from cluster_sim.telemetry.logs import recent
from tests.support.clusters import answered, digest, only

DATABASE = "postgres-db"


def without_index(factor: float = 5.0) -> Cluster:
    """A cluster in which the index on stock was dropped a minute ago."""
    cluster = Cluster(seven_services(), 4, noise=0)
    cluster.run_for(60)
    indexes.drop(cluster, cluster.service(DATABASE), "select_stock", factor, Profile(start=cluster.now))
    cluster.run_for(60)
    return cluster


def scans(cluster: Cluster) -> dict[str, float]:
    """What the statistics of tables show."""
    lines = exposition(cluster).decode().splitlines()
    found = [line for line in lines if line.startswith("pg_stat_user_tables_")]
    return {line.split("{")[0].removeprefix("pg_stat_user_tables_"): float(line.split()[-1]) for line in found}


def test_a_query_without_its_index_takes_longer_and_others_do_not() -> None:
    cluster = without_index()
    service = cluster.service(DATABASE)
    assert service.pace_of("select_stock", cluster.now) == pytest.approx(5.0)
    assert service.pace_of("insert_payment", cluster.now) == 1.0
    assert not cluster.plain


def test_the_statistics_of_the_table_tell_which_way_its_queries_go() -> None:
    cluster = without_index()
    lookups = cluster.edge("inventory-service", DATABASE)

    def total() -> int:
        return sum(only(cluster, DATABASE).served[lookups.slot][:-1])

    first = scans(cluster)
    assert 0 < first["seq_scan"] < total() == first["seq_scan"] + first["idx_scan"]
    assert first["seq_tup_read"] > 1e6 * first["seq_scan"]
    IndexBuild(cluster, cluster.service(DATABASE), "select_stock", 30.0, concurrently=True)
    cluster.run_for(31)
    assert cluster.operations == []
    second = scans(cluster)
    cluster.run_for(60)
    third = scans(cluster)
    assert third["seq_scan"] == second["seq_scan"] > first["seq_scan"]
    assert third["idx_scan"] - second["idx_scan"] == total() - second["seq_scan"] - second["idx_scan"] > 0
    assert cluster.plain


def test_a_restart_of_the_server_loses_a_build_and_no_index() -> None:
    cluster = without_index()
    IndexBuild(cluster, cluster.service(DATABASE), "select_stock", 30.0, concurrently=True)
    cluster.restart(DATABASE)
    cluster.run_for(60)
    found = cluster.service(DATABASE).indexes
    assert found is not None
    assert found.missing == ["select_stock"]
    assert cluster.operations == []
    assert scans(cluster)["seq_scan"] <= answered(only(cluster, DATABASE))
    assert drift(cluster) == ["postgres-db: index for select_stock"]
    restore_declared(cluster)
    assert drift(cluster) == []


def test_definitions_are_logged() -> None:
    cluster = without_index()
    IndexBuild(cluster, cluster.service(DATABASE), "select_stock", 30.0, concurrently=True)
    text = "\n".join(recent(cluster, DATABASE, since_ns=59 * SECOND, limit=1000, grep="INDEX"))
    assert "statement: DROP INDEX stock_ledger_sku_idx" in text
    assert "statement: CREATE INDEX CONCURRENTLY stock_ledger_sku_idx ON stock_ledger (sku)" in text


def test_a_copy_without_an_index_goes_on_like_the_original() -> None:
    cluster = without_index()
    copy = Cluster.restore(cluster.snapshot())
    for each in (cluster, copy):
        IndexBuild(each, each.service(DATABASE), "select_stock", 20.0, concurrently=False)
        each.run_for(40)
    assert digest(copy) == digest(cluster)
