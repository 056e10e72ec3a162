"""The OpenMetrics page: its form, and what Prometheus makes of it."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from cluster_sim.exports.openmetrics import page
from cluster_sim.telemetry.series import STALE
from tests.exports.series import START_MS, series
from tests.support.real_prometheus import serving

METADATA = {
    "requests": ("counter", 'Requests, "good" and bad.'),
    "commits": ("counter", "Transactions."),
    "load": ("gauge", "Load."),
    "duration_seconds": ("histogram", "Durations."),
    "pause_seconds": ("summary", "Pauses."),
}
AWKWARD = 'a "b" \\ c\nd ü'
SERIES = [
    series([1, 2, 3, STALE, 0, 4], name="requests_total", pod="one", start_ms=START_MS + 251),
    series([5, 6], name="requests_total", pod="two"),
    series([1, 2], name="commits"),
    series([0.1, 3e-9, float("nan"), float("inf"), float("-inf"), 7e20], name="load", query=AWKWARD),
    series([2, 4], name="duration_seconds_bucket", le="+Inf", route="/a"),
    series([1, 2], name="duration_seconds_bucket", le="10.0", route="/a"),
    series([0, 1], name="duration_seconds_bucket", le="2.5", route="/a"),
    series([2, 4], name="duration_seconds_count", route="/a"),
    series([4.5, 20.25], name="duration_seconds_sum", route="/a"),
    series([3, 3], name="pause_seconds_count"),
    series([0.5, 0.75], name="pause_seconds_sum"),
    series([1, 1], name="ALERTS", alertstate="firing"),
]


def text() -> str:
    """The page of all of them."""
    return "".join(page(SERIES, METADATA))


def ask(base: str, query: str, at_ms: int) -> list[dict]:
    """The result of an instant query."""
    parameters = urllib.parse.urlencode({"query": query, "time": at_ms / 1000})
    with urllib.request.urlopen(f"{base}/api/v1/query?{parameters}", timeout=10) as answer:
        return json.load(answer)["data"]["result"]


def test_a_strict_parser_reads_families_in_one_piece():
    """Types, help, no counter without `_total`, buckets in order, the end."""
    # One instant only: of several instants of one histogram this parser loses samples.
    first = "".join(page([one._replace(times=one.times[:1], values=one.values[:1]) for one in SERIES], METADATA))
    families = {family.name: family for family in text_string_to_metric_families(first)}
    assert {name: family.type for name, family in families.items()} == {
        "ALERTS": "unknown",
        "commits": "unknown",
        "duration_seconds": "histogram",
        "load": "gauge",
        "pause_seconds": "summary",
        "requests": "counter",
    }
    assert families["requests"].documentation == METADATA["requests"][1]
    assert families["load"].samples[0].labels == {"query": AWKWARD}
    bounds = [sample.labels["le"] for sample in families["duration_seconds"].samples if "le" in sample.labels]
    assert bounds == ["2.5", "10.0", "+Inf"]
    assert first.endswith("# EOF\n")


def test_a_histogram_is_written_instant_by_instant():
    """Its buckets by bound, its count and its sum of one scrape stand together."""
    lines = [line.split() for line in text().splitlines() if line.startswith("duration_seconds_")]
    one_scrape = ['bucket{le="2.5",', 'bucket{le="10.0",', 'bucket{le="+Inf",', "count{", "sum{"]
    assert [
        name.removeprefix("duration_seconds_").removesuffix('route="/a"}') for name, _, _ in lines
    ] == one_scrape * 2
    assert [at for _, _, at in lines] == ["1741942800"] * 5 + ["1741942815"] * 5


def test_samples_of_a_series_are_in_the_order_of_time_and_gaps_are_absent():
    """Where a series is stale, nothing stands."""
    lines = [line.split() for line in text().splitlines() if line.startswith('requests_total{pod="one"}')]
    assert [(value, at) for _, value, at in lines] == [
        ("1", "1741942800.251"),
        ("2", "1741942815.251"),
        ("3", "1741942830.251"),
        ("0", "1741942860.251"),
        ("4", "1741942875.251"),
    ]


def test_the_order_of_the_series_does_not_matter():
    """The page depends on what there is, not on how it comes."""
    assert "".join(page(reversed(SERIES), METADATA)) == text()


@pytest.mark.slow
def test_prometheus_holds_every_sample_to_the_bit_and_millisecond():
    """Blocks made by promtool answer with our instants and values, and rates see the reset."""
    with serving(text()) as base:
        found = ask(base, '{__name__!=""}[10m]', START_MS + 90_000)
        rate = ask(base, 'increase(requests_total{pod="one"}[2m])', START_MS + 90_000)
    held = {tuple(sorted(one["metric"].items())): one["values"] for one in found}
    expected = {}
    for one in SERIES:
        expected[tuple(one.labels.items())] = [
            [at / 1000, value]
            for at, value in zip(one.times.tolist(), one.values.tolist(), strict=True)
            if one.labels.get("pod") != "one" or at != START_MS + 45_251
        ]
    assert held.keys() == expected.keys()
    for labels, values in expected.items():
        assert [at for at, _ in held[labels]] == [at for at, _ in values]
        # `==` on the text of the floats, so that NaN equals NaN.
        assert [str(float(value)) for _, value in held[labels]] == [str(float(value)) for _, value in values]
    assert float(rate[0]["value"][1]) == pytest.approx((2 + 4) * 90.251 / 75, rel=0.2)
