"""Loki's HTTP API over a session: the shapes, the parameters, the clocks, and how it refuses."""

from __future__ import annotations

import time

import pytest

SECOND = 1_000_000_000
RANGE = "loki/loki/api/v1/query_range"
INSTANT = "loki/loki/api/v1/query"
REFUSALS = '{service="postgres-db"} |= "remaining connection slots"'


def data(answer):
    """The data of a good answer."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/json")
    body = answer.json()
    assert body["status"] == "success"
    return body["data"]


def entries(found):
    """The entries of all streams: (nanoseconds, line)."""
    assert found["resultType"] == "streams"
    return [(int(at), line) for stream in found["result"] for at, line in stream["values"]]


# ------------------------------------------------------------ queries


def test_a_log_query_answers_with_streams(incident):
    found = data(incident.get(RANGE, query=REFUSALS, limit=5))
    (stream,) = found["result"]
    assert stream["stream"]["pod"] == "postgres-db-0"
    assert stream["stream"]["detected_level"] == "fatal"
    assert len(stream["values"]) == 5
    assert all("FATAL:  remaining connection slots" in line for _, line in stream["values"])
    summary = found["stats"]["summary"]
    assert summary["totalEntriesReturned"] == 5
    assert summary["totalLinesProcessed"] >= 5


def test_times_are_strings_of_nanoseconds_within_what_has_happened(incident):
    found = entries(data(incident.get(RANGE, query='{service=~".+"}', limit=1000)))
    assert len(found) == 1000
    assert all(incident.now_s - 3600 <= at / SECOND <= incident.now_s for at, _ in found)


def test_the_newest_come_first_unless_the_oldest_are_asked_for(incident):
    backward = entries(data(incident.get(RANGE, query='{pod="postgres-db-0"}', limit=50)))
    forward = entries(data(incident.get(RANGE, query='{pod="postgres-db-0"}', limit=50, direction="forward")))
    assert max(at for at, _ in forward) < min(at for at, _ in backward)
    (stream, *_) = data(incident.get(RANGE, query=REFUSALS, direction="FORWARD"))["result"]
    assert stream["values"] == sorted(stream["values"], key=lambda entry: int(entry[0]))


def test_a_form_is_as_good_as_a_query_string(incident):
    parameters = {"query": REFUSALS, "limit": "7"}
    assert incident.post(RANGE, **parameters).content == incident.get(RANGE, **parameters).content


def test_a_metric_query_over_a_range_answers_with_a_matrix(incident):
    end = int(incident.now_s)
    query = 'sum by (service)(count_over_time({job=~"shop/.+"}[1m]))'
    found = data(incident.get(RANGE, query=query, start=end - 300, end=end, step="60s"))
    assert found["resultType"] == "matrix"
    services = [series["metric"]["service"] for series in found["result"]]
    assert services == sorted(services)
    assert "payment-service" in services
    for series in found["result"]:
        assert {at for at, _ in series["values"]} <= {end - 300 + 60 * step for step in range(6)}
        assert all(float(value) > 0 for _, value in series["values"])


def test_a_metric_query_at_one_time_answers_with_a_vector(incident):
    found = data(incident.get(INSTANT, query=f"sum by (pod)(count_over_time({REFUSALS} [5m]))"))
    ((at, value),) = [series["value"] for series in found["result"]]
    assert found["resultType"] == "vector"
    assert at == pytest.approx(incident.now_s, abs=0.001)
    assert float(value) > 10
    before = incident.now_s - 400
    assert data(incident.get(INSTANT, query=f"sum(count_over_time({REFUSALS} [1m]))", time=before))["result"] == []


def test_the_health_check_of_grafana_is_answered(incident):
    (series,) = data(incident.get(INSTANT, query="vector(1)+vector(1)", time=4_000_000_000))["result"]
    assert (series["metric"], series["value"][1]) == ({}, "2")


def test_the_log_volume_of_grafana_is_counted_by_level(incident):
    query = 'sum by (level, detected_level) (count_over_time({service="payment-service"} |= `` | drop __error__ [15s]))'
    found = data(incident.get(RANGE, query=query, step="15s", since="10m"))
    assert {"info", "error"} <= {series["metric"]["detected_level"] for series in found["result"]}


@pytest.mark.parametrize("write", [lambda s: f"{s:.3f}", lambda s: str(int(s)), lambda s: str(int(s) * SECOND)])
def test_a_time_is_written_in_seconds_or_nanoseconds(incident, write):
    start, end = incident.now_s - 120, incident.now_s - 60
    found = entries(data(incident.get(RANGE, query='{service=~".+"}', start=write(start), end=write(end), limit=5000)))
    assert found
    assert all(int(start) <= at / SECOND < end for at, _ in found)


def test_a_time_is_written_as_a_date(incident):
    at = time.strftime("%Y-%m-%dT%H:%M:%S.5Z", time.gmtime(incident.now_s - 60))
    found = entries(data(incident.get(RANGE, query='{service=~".+"}', start=at, limit=5000)))
    assert found
    assert all(at / SECOND >= int(incident.now_s - 60) + 0.5 for at, _ in found)


def test_nothing_after_now_is_returned(incident):
    far = int(incident.now_s) + 10**6
    assert max(at for at, _ in entries(data(incident.get(RANGE, query='{service=~".+"}', end=far)))) <= (
        incident.now_s * SECOND
    )
    query = 'sum(count_over_time({service=~".+"}[1m]))'
    matrix = data(incident.get(RANGE, query=query, start=far - 10**6 - 60, end=far, step=60 * 60))
    assert all(at <= incident.now_s for series in matrix["result"] for at, _ in series["values"])
    assert data(incident.get(RANGE, query=query, start=far, end=far + 60))["result"] == []
    assert data(incident.get(INSTANT, query=query, time=far))["result"][0]["value"][0] <= incident.now_s + 0.001


def test_on_the_wall_clock_now_is_now(incident):
    before = time.time()
    found = entries(data(incident.get(RANGE, query='{service=~".+"}', clock="wall", since="1m")))
    assert found
    assert all(before - 61 <= at / SECOND <= time.time() for at, _ in found)
    start = f"{time.time() - 60:.0f}"
    shifted = data(incident.client.get(f"{incident.path}/wall/{RANGE}", params={"query": REFUSALS, "start": start}))
    assert entries(shifted)


# ------------------------------------------------------------ what there is


def test_labels_and_their_values_are_listed(incident):
    names = data(incident.get("loki/loki/api/v1/labels"))
    assert names == ["container", "job", "namespace", "pod", "service", "service_name", "stream"]
    services = data(incident.get("loki/loki/api/v1/label/service/values"))
    assert {"payment-service", "postgres-db"} <= set(services)
    (pod,) = data(incident.get("loki/loki/api/v1/label/pod/values", query='{service="postgres-db"}'))
    assert pod == "postgres-db-0"
    assert data(incident.get("loki/loki/api/v1/label/no_such_label/values")) == []


def test_series_are_the_streams_of_any_of_the_selectors(incident):
    path = f"{incident.path}/loki/loki/api/v1/series"
    chosen = {"match[]": ['{service="postgres-db",container=~".+"}', '{service="redis-cache",container=~".+"}']}
    for answer in (incident.client.get(path, params=chosen), incident.client.post(path, data=chosen)):
        assert [stream["service"] for stream in data(answer)] == ["postgres-db", "redis-cache"]
    assert len(data(incident.client.get(path))) > 10


def test_the_size_of_what_a_selector_reads_is_told(incident):
    found = incident.get("loki/loki/api/v1/index/stats", query='{service="payment-service"}').json()
    assert set(found) == {"streams", "chunks", "bytes", "entries"}
    assert 100 < found["entries"] < found["bytes"]


def test_grafana_finds_a_ready_loki(incident):
    assert incident.get("loki/ready").text == "ready\n"
    assert incident.get("loki/loki/api/v1/status/buildinfo").json()["version"].startswith("3.")


# ------------------------------------------------------------ refusals


def refusal(answer) -> str:
    """The text of an answer of status 400, in plain text as Loki's."""
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert len(answer.text) < 2000
    return answer.text.removesuffix("\n")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "parse error at line 1, col 1: syntax error: unexpected $end"),
        ('{service="x"', "parse error at line 1, col 13: syntax error: unexpected $end, expecting , or }"),
        ('unk({service="x"}[5m])', "parse error at line 1, col 1: syntax error: unexpected IDENTIFIER"),
        ('{service="x"} |~ "("', "parse error : error parsing regexp: missing ): ("),
        ('{service="x"} |~ "(x{1000}){1000}"', "parse error : error parsing regexp: invalid repetition size: {1000}"),
        ('{service=~".*"}', "parse error : queries require at least one regexp or equality matcher that does not have"),
    ],
)
def test_a_query_that_is_none_is_refused_in_lokis_words(incident, query, message):
    for path in (RANGE, INSTANT):
        assert refusal(incident.get(path, query=query)).startswith(message)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"limit": 5001}, "max entries limit per query exceeded, limit > max_entries_limit (5001 > 5000)"),
        ({"limit": 0}, "limit must be a positive value"),
        ({"limit": "many"}, 'strconv.Atoi: parsing "many": invalid syntax'),
        ({"start": 20, "end": 10}, "end timestamp must not be before or equal to start time"),
        ({"start": "yesterday"}, 'strconv.ParseInt: parsing "yesterday": invalid syntax'),
        ({"step": 0}, "zero or negative query resolution step parameters are not accepted. Try a positive integer"),
        ({"step": "x"}, 'cannot parse "x" to a valid duration'),
        ({"start": 0, "step": 1}, "exceeded maximum resolution of 11,000 points per time series."),
        ({"since": "long"}, "could not parse 'since' parameter: not a valid duration string: \"long\""),
        ({"direction": "sideways"}, "invalid direction 'sideways'"),
    ],
)
def test_a_parameter_that_is_none_is_refused_in_lokis_words(incident, parameters, message):
    assert refusal(incident.get(RANGE, query='{service="payment-service"}', **parameters)).startswith(message)


def test_a_log_query_has_no_instant(incident):
    assert refusal(incident.get(INSTANT, query=REFUSALS)).startswith("log queries are not supported as an instant")


@pytest.mark.parametrize(
    "query",
    [
        '{service=~".+"} |~ "(a+)+$"',
        '{service=~".+"} |~ "[a-z].{200}zzz"',
        '{service=~"' + "(a*)*" * 50 + '"}',
        '{service=~".+"} |= "' + "x" * 5000 + '"',
        " + ".join(['sum(rate({service=~".+"}[1m]))'] * 90),
        '{service=~".+"} | json' + ' | label_format a="{{.pod}}{{.a}}{{.a}}"' * 90,
        'count_over_time({service=~".+"} | json | __error__="" [1m])',
    ],
    ids=lambda query: query[:30],
)
def test_a_query_that_is_too_much_work_is_answered_or_refused(incident, query):
    answer = incident.post(RANGE, query=query)
    assert answer.status_code in (200, 400)
    if answer.status_code == 400:
        refusal(answer)


@pytest.mark.parametrize("start", ["-9" * 30, "0001-01-01T00:00:00Z", "1e300", "NaN", "9" * 40, "\ud800", "1_000"])
def test_no_time_is_too_odd(incident, start):
    answer = incident.post(RANGE, query='rate({service="redis-cache"}[1m])', start=start.encode("utf-8", "replace"))
    assert answer.status_code in (200, 400)


def test_a_closed_or_unknown_session_is_refused_in_plain_text(client):
    closed = client.post("/reset", json={"task_id": "task_easy", "seed": 3}).json()["session_id"]
    for session_id, status in ((closed, 403), ("nobody", 404)):
        answer = client.get(f"/sessions/{session_id}/{RANGE}", params={"query": REFUSALS})
        assert answer.status_code == status
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert client.get(f"/live/{RANGE}", params={"query": REFUSALS}).status_code == 404
