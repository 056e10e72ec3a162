"""What is LogQL and what is not; the errors are those that Loki gives."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_sim.telemetry import logql

QUERIES = (
    '{service="payment-service"}',
    '{service="payment-service", pod=~"payment.+",} != "a" |~ `b\\d+` or "c"',
    '{a="b"} | json | status >= 500 and (route != "/healthz" or took > 1.5s), size < 20KB x=~"y"',
    '{a="b"} | logfmt --strict --keep-empty level, code="http_status" | drop __error__, level="info" | keep x',
    '{a="b"} | json first="a.b[0]", second="[\\"http.route\\"]"',
    '{a="b"} | label_format c=d, e="{{.c}}!" | line_format "{{ .e }}"',
    '{a="b"} | pattern "<ip> - <_> [<at>]" | regexp "(?P<code>\\\\d+)$"',
    'rate({a="b"}[5m] |= "x")',
    'count_over_time(({a="b"} |= "x")[5m] offset 1m)',
    "sum by (pod) (bytes_rate({a=\"b\"}[1m])) / on (pod) sum(bytes_over_time({a='b'}[1h30m])) by (pod)".replace(
        "'", '"'
    ),
    'topk(3, sum without (pod) (rate({a="b"}[1m])) > bool 5)',
    'quantile_over_time(0.99, {a="b"} | json | unwrap duration(took) | __error__="" [1m]) by (pod)',
    "vector(1)+vector(1)",
    "-2 ^ 2 * (3 - 1)",
    '{a="b"} # a comment\n|= "x"',
)


@pytest.mark.parametrize("query", QUERIES)
def test_is_logql(query: str) -> None:
    assert isinstance(logql.parse(query), logql.LogQuery | logql.Metric)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ('unk({ foo = "bar" }[5m])', "parse error at line 1, col 1: syntax error: unexpected IDENTIFIER"),
        ('rate({ foo = "bar" }[5minutes])', 'parse error at line 1, col 21: not a valid duration string: "5minutes"'),
        ('rate({ foo = "bar" }[5)', "parse error at line 1, col 21: missing closing ']' in duration"),
        ('min({ foo = "bar" }[5m])', "parse error at line 1, col 20: syntax error: unexpected RANGE"),
        ('{foo="bar"', "parse error at line 1, col 11: syntax error: unexpected $end, expecting , or }"),
        ('{foo="bar"}\n| json |', "parse error at line 2, col 9: syntax error: unexpected $end, expecting IDENTIFIER"),
        ('{foo=~"("}', "parse error : error parsing regexp: missing ): ("),
        ('{foo="bar"} |= "unfinished', "parse error at line 1, col 16: literal not terminated"),
        ('sum_over_time({foo="bar"}[5m])', "parse error : invalid aggregation sum_over_time without unwrap"),
        ('rate({foo="bar"}[5m]) by (x)', "parse error : grouping not allowed for rate aggregation"),
        ('topk(0, rate({foo="bar"}[5m]))', "parse error : invalid parameter (must be greater than 0) topk(0,"),
    ],
)
def test_an_error_says_where_and_what(query: str, message: str) -> None:
    with pytest.raises(logql.ParseError) as caught:
        logql.parse(query)
    assert str(caught.value) == message


@pytest.mark.parametrize("selector", ["{}", '{a=~".*"}', '{a=""}', '{a!="b"}', '{a!~"b"}'])
def test_a_selector_has_to_ask_for_something(selector: str) -> None:
    with pytest.raises(logql.ParseError, match="at least one regexp or equality matcher"):
        logql.parse(selector)


@pytest.mark.parametrize(
    "query",
    [
        'absent_over_time({a="b"}[5m])',
        'label_replace(rate({a="b"}[5m]), "x", "$1", "a", "(.*)")',
        '{a="b"} | unpack',
        '{a="b"} |> "<_> error"',
        '{a="b"} | addr = ip("10.0.0.0/8")',
        '{a="b"} | line_format "{{.x | ToUpper}}"',
        'sum(rate({a="b"}[5m])) / on () group_left () rate({a="b"}[5m])',
    ],
)
def test_what_is_not_supported_is_said_to_be_so(query: str) -> None:
    with pytest.raises(logql.ParseError, match="is not supported here"):
        logql.parse(query)


@pytest.mark.parametrize(
    "query",
    [
        "(" * 3000,
        "+".join(["1"] * 5000),
        "^".join(["1"] * 3000),
        '{a="b"}' + ' |= "x"' * 3000,
        '{a="b"} | ' + "(" * 3000,
        '{a="b"} | ' + " or ".join(["x=1"] * 3000),
        "sum(" * 3000,
        "rate(" + "(" * 3000,
        '{a="' + "x" * 200_000 + '"}',
        '{a="b"} |~ "(x{1000}){1000}"',
        '{a="b"} |~ "' + "(" * 5000 + '"',
        'rate({a="b"}[99999999999999999999y])',
    ],
    ids=lambda query: query[:20],
)
def test_a_query_that_is_too_large_is_refused(query: str) -> None:
    with pytest.raises(logql.QueryError):
        logql.parse(query)


PIECES = [
    *"{}()[],|=!~+-*/^%<>",
    '{a="b"}',
    "| json",
    "[5m]",
    '"x"',
    "rate",
    "sum",
    "by",
    "unwrap",
    "and",
    "1",
    "2s",
    " ",
]


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join) | st.text(max_size=60))
def test_whatever_is_asked_there_is_a_tree_or_an_error(query: str) -> None:
    with suppress(logql.QueryError):
        assert isinstance(logql.parse(query), logql.LogQuery | logql.Metric)
