"""From text to tree: what Prometheus 2.42 takes, and nothing else."""

from __future__ import annotations

import threading

import pytest

from cluster_sim.telemetry.promql import (
    Aggregate,
    Binary,
    Call,
    Matching,
    Number,
    QueryError,
    Range,
    Selector,
    Subquery,
    Text,
    children,
    formatted,
    parse,
    parse_selector,
    type_of,
)
from cluster_sim.telemetry.series import Matcher


def refused(text: str) -> str:
    """The message with which a query is refused."""
    with pytest.raises(QueryError) as caught:
        parse(text)
    assert caught.value.kind == "bad_data"
    return caught.value.message


def test_a_query_becomes_a_tree_of_our_own():
    """Durations are milliseconds, labels are sorted, the metric's name is a condition like others."""
    tree = parse('sum by (pod, job) (rate(x{a=~"b.*"}[5m] offset -1m30s)) / on(job) group_left(zone) y @ 12.5')
    rate = Call(
        function="rate",
        arguments=(
            Range(
                selector=Selector(
                    matchers=(Matcher("a", "=~", "b.*"), Matcher("__name__", "=", "x")), offset_ms=-90_000
                ),
                range_ms=300_000,
            ),
        ),
    )
    assert tree == Binary(
        operator="/",
        left=Aggregate(operator="sum", expr=rate, labels=("job", "pod")),
        right=Selector(matchers=(Matcher("__name__", "=", "y"),), at=12_500),
        matching=Matching(cardinality="many-to-one", on=True, labels=("job",), include=("zone",)),
    )


def test_subqueries_know_their_step_or_none():
    """Without a step it is the evaluation's default."""
    assert isinstance(tree := parse("x[10m:]"), Subquery)
    assert (tree.range_ms, tree.step_ms) == (600_000, None)
    assert isinstance(tree := parse("x[10m:15s] @ end()"), Subquery)
    assert (tree.step_ms, tree.at) == (15_000, "end")


def test_the_tree_can_be_walked_in_the_order_of_the_text():
    """Parameters before what is aggregated."""
    names: list[str] = []

    def walk(expr):
        if isinstance(expr, Selector):
            names.append(expr.matchers[-1].value)
        for child in children(expr):
            walk(child)

    walk(parse("topk(scalar(a), b) + histogram_quantile(0.9, rate(c[1m])) and -(d) or max_over_time(e[5m:1m])"))
    assert names == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [("1 + time()", "scalar"), ("x", "vector"), ("x[5m]", "matrix"), ("x[5m:1m]", "matrix"), ('"text"', "string"),
     ("-(x)", "vector"), ("1 + x", "vector"), ("scalar(x) > bool 1", "scalar"), ("sum(x)", "vector")],
)  # fmt: skip
def test_every_expression_has_a_type(text, kind):
    """The types of Prometheus."""
    assert type_of(parse(text)) == kind


@pytest.mark.parametrize(
    ("text", "value"), [(r'"a\n\x41\u00e9"', "a\nAé"), (r"`a\nb\q`", r"a\nb\q"), ('`"`', '"'), (r"'\''", "'")]
)
def test_strings_are_read_as_go_reads_them(text, value):
    """Escapes between quotes, none between backticks."""
    assert parse(text) == Text(value=value)


@pytest.mark.parametrize(
    "text",
    ["1h", "x[5]", "x[5m:1]", "x offset 5", 'x{"a"="b"}', '{"x"}', 'sum by ("a") (x)', 'x{a="b" or c="d"}',
     "a + fill(0) b", "limitk(2, x)", "info(x)", "start()", "sort_by_label(x)", "first_over_time(x[5m])",
     "x[5m] anchored"],
)  # fmt: skip
def test_what_newer_releases_added_is_refused(text):
    """2.42 refuses it too."""
    assert "parse error" in refused(text)


def test_holt_winters_has_its_old_name():
    """Newer releases call it double_exponential_smoothing."""
    assert type_of(parse("holt_winters(x[5m], 0.5, 0.5)")) == "vector"
    refused("double_exponential_smoothing(x[5m], 0.5, 0.5)")


@pytest.mark.parametrize("text", ["x @ -5", "x @ 1e12", "x @ 1e20", "x @ NaN", "x @ Inf", "x[99999y]", "x offset 400y"])
def test_times_out_of_range_are_refused(text):
    """None of them crashes."""
    refused(text)


def test_places_are_told_where_they_are_known():
    """Line and column, from 1."""
    assert refused("x +\n 1h").startswith("2:2: parse error: unexpected duration")


TOO_DEEP = {
    "parentheses": "(" * 5000 + "x" + ")" * 5000,
    "calls": "abs(" * 5000 + "x" + ")" * 5000,
    "chain": "x" + "+x" * 5000,
    "powers": "x" + "^x" * 5000,
    "signs": "-" * 5000 + "x",
    "braces": "{" * 5000,
    "brackets": "[" * 5000,
    "quotes": "`" * 5001,
    "length": "x" * 100_000,
    "tree": "x" + "+x" * 300,
    "numbers": "1" + "+1" * 499,
}


@pytest.mark.parametrize("name", TOO_DEEP)
def test_deep_and_long_queries_are_refused_in_any_thread(name):
    """The grammar library would end the process: it descends on the stack."""
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(refused(TOO_DEEP[name])))
    thread.start()
    thread.join(30)
    assert found


@pytest.mark.parametrize("pattern", ["(", "(?=a)", "a{2000}", "(((a{100}){100}){100})", "[", "*", "(a)" * 2000])
def test_patterns_that_are_not_re2_are_refused(pattern):
    """Lookarounds and monsters."""
    refused(f'x{{a=~"{pattern}"}}')


def test_a_selector_stands_alone_in_match():
    """`match[]` takes neither expressions nor other times."""
    assert parse_selector('{a="b"}') == (Matcher("a", "=", "b"),)
    for text in ("x + 1", "x[5m]", "x offset 5m", "x @ 5", "sum(x)"):
        with pytest.raises(QueryError):
            parse_selector(text)


def test_queries_can_be_laid_out():
    """As `format_query` does."""
    assert formatted("sum(x)by(a)") == "sum by (a) (x)"


def test_numbers_are_read_as_go_reads_them():
    """Hexadecimal and octal, too."""
    for text, value in (("0x1F", 31.0), ("0777", 511.0), ("1e3", 1000.0), (".5", 0.5), ("-1", -1.0)):
        assert parse(text) == Number(value=value)
