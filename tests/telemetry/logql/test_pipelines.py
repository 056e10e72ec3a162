"""What a pipeline lets through, and which labels it finds."""

import pytest

from cluster_sim.telemetry import logql

from .small_store import SECOND, SmallStore, answer, entries, labels, lines

WEB = {"app": "web", "pod": "web-0"}
JSON = (
    '{"level":"warn","took":"120ms","size":"2KB","http":{"status":503,"ok":false},"pod":"other","tags":["a"],'
    '"none":null}'
)
LOGFMT = 'level=info msg="it \\"works\\"" took=1.5s status=200 empty='
PLAIN = "10.0.0.1 - alice [GET] 404"

STORE = SmallStore((1, WEB, JSON), (2, WEB, LOGFMT), (3, WEB, PLAIN), (4, {"app": "db"}, "FATAL: no slots"))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ('{app=~"web|db"} |= "FATAL"', ["FATAL: no slots"]),
        ('{app=~".+"} != "level"', [PLAIN, "FATAL: no slots"]),
        ('{app=~".+"} |~ "GET|slots"', [PLAIN, "FATAL: no slots"]),
        ('{app=~".+"} !~ "^1|^F" |= "level=info"', [LOGFMT]),
        ('{app=~".+"} |= "FATAL" or "GET"', [PLAIN, "FATAL: no slots"]),
        ('{app=~".+"} != "FATAL" or "level"', [PLAIN]),
        ('{app=~"we"}', []),
    ],
)
def test_lines_are_filtered(query: str, found: list[str]) -> None:
    assert lines(STORE, query) == found


def test_json_gives_every_scalar_a_label_and_leaves_the_streams_labels_alone() -> None:
    (found,) = labels(STORE, '{app="web"} | json | __error__=""')
    assert found == {
        **WEB,
        "level": "warn",
        "took": "120ms",
        "size": "2KB",
        "http_status": "503",
        "http_ok": "false",
        "pod_extracted": "other",
    }


def test_json_finds_what_a_path_names() -> None:
    (found,) = labels(STORE, '{app="web"} |= "{" | json status="http.status", tag="tags[0]", none="x.y"')
    assert found == {**WEB, "status": "503", "tag": "a"}


def test_a_line_that_is_no_json_says_so() -> None:
    (found,) = labels(STORE, '{app="db"} | json')
    assert found["__error__"] == "JSONParserErr"


def test_logfmt_reads_pairs_and_quotes() -> None:
    (found,) = labels(STORE, '{app="web"} |= "level=" | logfmt')
    assert found == {**WEB, "level": "info", "msg": 'it "works"', "took": "1.5s", "status": "200"}
    (named,) = labels(STORE, '{app="web"} |= "level=" | logfmt code="status"')
    assert named == {**WEB, "code": "200"}
    (kept,) = labels(STORE, '{app="web"} |= "level=" | logfmt --keep-empty')
    assert kept["empty"] == ""


def test_pattern_and_regexp_name_parts_of_a_line() -> None:
    (found,) = labels(STORE, '{app="web"} |= "GET" | pattern "<ip> - <_> [<method>] <code>"')
    assert found == {**WEB, "ip": "10.0.0.1", "method": "GET", "code": "404"}
    (named,) = labels(STORE, '{app="web"} |= "GET" | regexp "(?P<code>[0-9]+)$"')
    assert named == {**WEB, "code": "404"}


@pytest.mark.parametrize(
    ("condition", "passes"),
    [
        ('level="warn"', True),
        ('level=~"w"', False),
        ('level=~"w.*"', True),
        ('missing=""', True),
        ("http_status >= 500", True),
        ("http_status == 503 and took > 100ms", True),
        ("took > 1m or size >= 2KB", True),
        ("took > 1m, size >= 2KB", False),
        ("missing > 0", False),
        ('level="info" or (http_status < 600 and level!="info")', True),
    ],
)
def test_labels_are_compared(condition: str, passes: bool) -> None:
    assert bool(lines(STORE, f'{{app="web"}} |= "{{" | json | {condition}')) is passes


def test_a_value_that_is_no_number_is_an_error_and_not_a_no() -> None:
    (found,) = labels(STORE, '{app="web"} |= "{" | json | level > 5')
    assert found["__error__"] == "LabelFilterErr"


def test_lines_and_labels_can_be_rewritten() -> None:
    query = '{app="web"} |= "{" | json | label_format state=level, both="{{.http_status}}/{{.took}}" | keep state, both'
    (found,) = labels(STORE, query)
    assert found == {"state": "warn", "both": "503/120ms"}
    assert lines(STORE, '{app="web"} |= "{" | json | line_format "{{.level}} after {{.took}}"') == ["warn after 120ms"]
    (left,) = labels(STORE, '{app="db"} | json | drop __error__, __error_details__')
    assert left == {"app": "db"}


def test_a_template_cannot_grow_without_end() -> None:
    doubling = ' | label_format a="{{.a}}{{.a}}"' * 60
    with pytest.raises(logql.QueryError, match="characters"):
        lines(STORE, '{app="web"} | label_format a="{{.pod}}"' + doubling)


def test_the_limit_counts_from_the_end_that_is_asked_for() -> None:
    newest = lines(STORE, '{app="web"}', limit=2)
    oldest = lines(STORE, '{app="web"}', limit=2, newest_first=False)
    assert newest == [LOGFMT, PLAIN]
    assert oldest == [JSON, LOGFMT]
    assert [at for at, _ in entries(STORE, '{app="web"}')] == [3 * SECOND, 2 * SECOND, 1 * SECOND]


def test_both_ends_of_a_span_belong_to_it() -> None:
    assert lines(STORE, '{app="web"}', first=2 * SECOND, last=3 * SECOND) == [LOGFMT, PLAIN]


def test_an_interval_thins_a_stream_out() -> None:
    assert lines(STORE, '{app="web"}', interval=2 * SECOND, newest_first=False) == [JSON, PLAIN]


def test_an_answer_says_how_much_was_read() -> None:
    statistics = answer(STORE, '{app="web"} |= "GET"').statistics
    assert (statistics.lines, statistics.size, statistics.returned) == (3, len(JSON + LOGFMT + PLAIN), 1)
