"""Point for point against a real Prometheus 2.42: made-up series with everything that goes wrong."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.support.real_prometheus import program, serving

from .comparing import Comparison
from .dataset import LENGTH_MS, START_MS, dataset
from .generating import Generator
from .openmetrics import page
from .queries import ALL, FAMILIES
from .vocabulary import vocabulary

MINUTE_MS = 60_000
AT = ("1741955400", "1741954512.25")
"""Seconds of Unix time for `@`."""


@pytest.fixture(scope="module")
def comparison() -> Iterator[Comparison]:
    """The series in memory, and backfilled into a Prometheus."""
    source = dataset()
    with serving(page(source.series), config="global: {}\n") as url:
        yield Comparison(
            source,
            url,
            instants=tuple(START_MS + offset for offset in (30 * MINUTE_MS, 17 * MINUTE_MS + 7123, -1000)),
            spans=(
                (START_MS, START_MS + LENGTH_MS, MINUTE_MS),
                (START_MS + 10 * MINUTE_MS + 77, START_MS + 14 * MINUTE_MS, 15_000),
                (START_MS - 10 * MINUTE_MS, START_MS + 60 * MINUTE_MS, 421_000),
            ),
        )


def test_the_reference_is_prometheus_2_42():
    """Other releases differ in details that these tests look at."""
    printed = subprocess.run([program("prometheus"), "--version"], capture_output=True, text=True, check=True)
    assert "version 2.42." in printed.stdout + printed.stderr


def test_the_list_is_long_and_without_repetition():
    """At least 150 queries."""
    assert len(set(ALL)) == len(ALL) >= 150


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_listed_queries_give_the_same(comparison, family):
    """At several instants and over several spans, errors included."""
    assert comparison.differences(FAMILIES[family]) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_generated_queries_give_the_same(comparison, seed):
    """A hundred queries of each seed."""
    words = vocabulary(
        comparison.source.series,
        seed,
        histogram="request_seconds",
        untied=("memory_bytes", "temperature_celsius", "request_seconds_sum"),
        alike="queue_.*|temperature.*",
    )
    generator = Generator(words, seed, moments=AT)
    assert comparison.differences(generator.query() for _ in range(100)) == []
