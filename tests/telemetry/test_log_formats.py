"""Every program's lines are in its own format, held against lines that the real one printed."""

import json
import re
from itertools import product

import pytest

from cluster_sim import Cluster, seven_services
from cluster_sim.engine.failures import STATUS, Failure
from cluster_sim.engine.service import LogRecord
from cluster_sim.specs import Language
from cluster_sim.telemetry.logs import recent, render
from cluster_sim.telemetry.logs.golang import LIBRARY as GO
from cluster_sim.telemetry.logs.java import LIBRARY as JAVA
from cluster_sim.telemetry.logs.python import LIBRARY as PYTHON

from .captured import POSTGRES, REDIS

EVERYTHING = 100_000

POSTGRES_LINE = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} UTC) \[(?P<pid>[1-9]\d*)\] "
    r"(?:(?P<user>[\w\[\]]+)@(?P<database>[\w\[\]]+) )?(?P<severity>LOG|FATAL|ERROR|DETAIL|STATEMENT):  (?P<text>\S.*)"
)
POSTGRES_TEXTS = tuple(
    re.compile(text)
    for text in (
        r"listening on IPv4 address \"[\d.]+\", port \d+",
        r"database system was shut down at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC",
        r"database system is ready to accept connections",
        r"connection received: host=[\d.]+ port=\d+",
        r"connection authorized: user=\w+ database=\w+( application_name=\S+)?",
        r"remaining connection slots are reserved for non-replication superuser connections",
        r"duration: \d+\.\d{3} ms  execute <unnamed>: \S.*",
        r"parameters: \$1 = '[^']*'(, \$\d = '[^']*')*",
        r"terminating connection due to administrator command",
        r"canceling statement due to (statement timeout|user request)",
        r"checkpoint starting: (time|shutdown immediate)",
        r"checkpoint complete: wrote \d+ buffers \(\d+\.\d%\); 0 WAL file\(s\) added, 0 removed, \d+ recycled; "
        r"write=\d+\.\d{3} s, sync=\d+\.\d{3} s, total=\d+\.\d{3} s; sync files=\d+, longest=\d+\.\d{3} s, "
        r"average=\d+\.\d{3} s; distance=\d+ kB, estimate=\d+ kB",
        r"database system is shut down",
        r"(?i)(select|insert|update) .*",
    )
)
REDIS_LINE = re.compile(
    r"[1-9]\d*:(?:signal-handler \(\d{10}\) (?P<signal>.*)"
    r"|[MC] \d\d (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d\.\d{3} [*#] (?P<text>\S.*))"
)
KUBERNETES_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ   (Normal|Warning)   \w+   pod/[\w-]+   \S.*")
GC_LINE = re.compile(
    r"\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000\]\[info\]\[gc\] GC\(\d+\) Pause \w+ \([^)]+\)"
    r"( \(G1 Evacuation Pause\))? \d+M->\d+M\(\d+M\) \d+\.\d{3}ms"
)
JSON_SERVICES = ("payment-service", "checkout-service", "inventory-service", "auth-service")


def lines(cluster: Cluster, service: str, grep: str | None = None) -> list[str]:
    return recent(cluster, service, limit=EVERYTHING, grep=grep)


def without_events(found: list[str]) -> list[str]:
    return [line for line in found if not KUBERNETES_LINE.fullmatch(line)]


def postgres(line: str) -> re.Match[str]:
    """The parts of a line of postgres."""
    match = POSTGRES_LINE.fullmatch(line)
    assert match, line
    return match


def entries(cluster: Cluster, service: str, grep: str | None = None) -> list[dict]:
    return [json.loads(line) for line in lines(cluster, service, grep) if line.startswith("{")]


# ---------------------------------------------------------------- datastores


@pytest.mark.parametrize("line", POSTGRES)
def test_the_patterns_match_what_postgres_printed(line: str) -> None:
    match = POSTGRES_LINE.fullmatch(line)
    assert match
    assert any(text.fullmatch(match["text"]) for text in POSTGRES_TEXTS)


@pytest.mark.parametrize("line", REDIS)
def test_the_pattern_matches_what_redis_printed(line: str) -> None:
    assert REDIS_LINE.fullmatch(line)


def test_every_postgres_line_has_the_prefix_of_the_real_server(cluster: Cluster) -> None:
    found = without_events(lines(cluster, "postgres-db"))
    assert found
    assert [line for line in found if not POSTGRES_LINE.fullmatch(line)] == []


def test_postgres_texts_are_those_of_the_real_server(cluster: Cluster) -> None:
    other = [
        r"starting PostgreSQL 15\.20 .*",
        r"listening on Unix socket .*",
        r"received fast shutdown request",
        r"aborting any active transactions",
        r"background worker \"logical replication launcher\" \(PID \d+\) exited with exit code 1",
        r"shutting down",
    ]
    known = (*POSTGRES_TEXTS, *(re.compile(text) for text in other))
    texts = [postgres(line)["text"] for line in without_events(lines(cluster, "postgres-db"))]
    assert [text for text in texts if not any(pattern.fullmatch(text) for pattern in known)] == []


def test_a_refused_session_says_so_after_it_was_received_and_authorized(short_of_connections: Cluster) -> None:
    found = lines(short_of_connections, "postgres-db")
    at = next(i for i, line in enumerate(found) if "remaining connection slots" in line)
    session = [postgres(line) for line in found[at - 2 : at + 1]]
    assert [match["severity"] for match in session] == ["LOG", "LOG", "FATAL"]
    assert len({match["pid"] for match in session}) == 1
    assert session[0]["user"] == "[unknown]"
    assert (session[2]["user"], session[2]["database"]) == ("payments_app", "payments")


def test_a_slow_query_comes_with_its_parameters(healthy: Cluster) -> None:
    index = next(edge.index for edge in healthy.edges if edge.operation == "select_stock")
    record = LogRecord(healthy.now, "postgres-db-0", "access", (index, 200, 1_234_567_890, 42))
    first, second = render(healthy, "postgres-db", [record])
    assert "inventory_app@inventory LOG:  duration: 1234.568 ms  execute <unnamed>: SELECT " in first
    assert postgres(second)["severity"] == "DETAIL"
    assert postgres(first)["pid"] == postgres(second)["pid"]


def test_a_postgres_restart_shows_shutdown_and_start(restarted: Cluster) -> None:
    texts = [postgres(line)["text"] for line in without_events(lines(restarted, "postgres-db"))]
    order = [
        "received fast shutdown request",
        "terminating connection due to administrator command",
        "database system is shut down",
        "database system is ready to accept connections",
    ]
    places = [texts.index(text) for text in order]
    assert places == sorted(places)


def test_every_redis_line_is_in_the_format_of_the_real_server(cluster: Cluster) -> None:
    found = without_events(lines(cluster, "redis-cache"))
    assert found
    assert [line for line in found if not REDIS_LINE.fullmatch(line)] == []


def test_redis_writes_nothing_about_the_commands_it_refuses(out_of_memory: Cluster) -> None:
    keyspace = out_of_memory.service("redis-cache").keyspace
    assert keyspace
    assert keyspace.refused > 0
    assert lines(out_of_memory, "redis-cache", grep="oom |maxmemory|refused|denied") == []


# ---------------------------------------------------------------- applications


def test_application_lines_are_json_objects_with_the_conventional_keys(cluster: Cluster) -> None:
    for service in JSON_SERVICES:
        for line in without_events(lines(cluster, service)):
            if GC_LINE.fullmatch(line):
                continue
            entry = json.loads(line)
            assert list(entry)[:3] == ["timestamp", "level", "logger"]
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry["timestamp"])
            assert entry["event"]
            assert entry["k8s.pod.name"].startswith(service)


def test_requests_carry_a_trace_of_32_digits_that_all_their_services_share(healthy: Cluster) -> None:
    checkout = {entry["trace_id"] for entry in entries(healthy, "checkout-service") if "trace_id" in entry}
    payment = {entry["trace_id"] for entry in entries(healthy, "payment-service") if "trace_id" in entry}
    assert all(re.fullmatch(r"[0-9a-f]{32}", trace) for trace in checkout | payment)
    assert checkout & payment


def test_languages_write_levels_in_their_own_way(half_rotated: Cluster) -> None:
    java = {entry["level"] for entry in entries(half_rotated, "payment-service")}
    python = {entry["level"] for entry in entries(half_rotated, "auth-service")}
    assert {"INFO", "WARN"} <= java | {"WARN"}
    assert java <= {"DEBUG", "INFO", "WARN", "ERROR"}
    assert {"info", "warning"} <= python <= {"debug", "info", "warning", "error"}


def test_go_lines_are_logfmt_with_time_level_and_message_first(cluster: Cluster) -> None:
    found = without_events(lines(cluster, "config-service"))
    assert found
    pattern = re.compile(
        r'time=\S+Z level=(INFO|WARN|ERROR) logger=config\.\w+ msg=("[^"]+"|\S+)( [\w.]+=(".*?"|\S*))*'
    )
    assert [line for line in found if not pattern.fullmatch(line)] == []


def test_a_hikari_timeout_quotes_the_pool_as_it_was(short_of_connections: Cluster) -> None:
    pattern = re.compile(
        r"java\.sql\.SQLTransientConnectionException: HikariPool-1 - Connection is not available, request timed out "
        r"after 3000ms \(total=(\d+), active=(\d+), idle=(\d+), waiting=(\d+)\)"
    )
    found = [pattern.fullmatch(e.get("exception", "")) for e in entries(short_of_connections, "payment-service")]
    figures = [[int(group) for group in match.groups()] for match in found if match]
    assert figures
    assert all(total == active + idle for total, active, idle, _ in figures)


def test_an_error_answer_tells_the_cause_that_the_client_saw(short_of_connections: Cluster) -> None:
    answers = [e for e in entries(short_of_connections, "payment-service") if e["event"] == "unhandled exception"]
    causes = [e["error.type"] for e in answers]
    assert causes.count("java.sql.SQLTransientConnectionException") > len(causes) / 2


def test_a_refused_cache_write_is_told_in_the_words_of_redis_py(out_of_memory: Cluster) -> None:
    refused = [e for e in entries(out_of_memory, "inventory-service") if e["event"] == "cache write failed"]
    assert refused
    text = "redis.exceptions.OutOfMemoryError: command not allowed when used memory > 'maxmemory'."
    assert {e["exception"] for e in refused} == {text}
    assert {e["level"] for e in refused} == {"warning"}


def test_a_rejected_token_names_its_key_and_the_pod(half_rotated: Cluster) -> None:
    rejected = [e for e in entries(half_rotated, "auth-service") if e["event"] == "token rejected"]
    assert {e["exception"] for e in rejected} == {"Signature verification failed"}
    assert len({e["jwt.kid"] for e in rejected}) == 2
    assert len({e["k8s.pod.name"] for e in rejected}) == 3


def test_the_rollout_line_counts_who_acknowledged(half_rotated: Cluster) -> None:
    revision = half_rotated.config.current.revision
    (rollout,) = lines(half_rotated, "config-service", grep="rolled out")
    assert f'msg="secret jwt-signing rev {revision} rolled out: 2/3 acked"' in rollout
    (timeout,) = lines(half_rotated, "config-service", grep="timed out")
    assert re.search(r"pod=auth-service-\d", timeout)
    assert f"kid={half_rotated.config.current.kid}" in timeout


def test_of_the_secret_only_its_name_its_key_id_and_its_checksum_are_told(half_rotated: Cluster) -> None:
    loaded = [e for e in entries(half_rotated, "auth-service") if e["event"] == "signing secret loaded"]
    assert loaded
    told = {"secret", "rev", "kid", "checksum", "timestamp", "level", "logger", "event", "k8s.pod.name"}
    assert all(set(e) == told and e["secret"] == "jwt-signing" for e in loaded)
    assert all(re.fullmatch(r"[0-9a-f]{12}", e["checksum"]) for e in loaded)


# ---------------------------------------------------------------- words


@pytest.mark.parametrize("library", [JAVA, PYTHON, GO], ids=["java", "python", "go"])
def test_a_client_has_words_for_every_failure_of_every_kind_of_server(library) -> None:
    for table in (library.http, library.postgres, library.redis):
        assert set(table) == set(Failure)


def test_every_failure_of_every_call_is_rendered_on_both_sides(healthy: Cluster) -> None:
    for edge, failure in product(healthy.edges, Failure):
        seen = LogRecord(healthy.now, "pod", "call_failed", (edge.index, failure, 1, 9, STATUS[failure], 5, 3, 2, 1))
        answered = LogRecord(healthy.now, "pod", "failure", (edge.index, failure, 1000, 9))
        if edge.client in healthy.services:
            assert len(render(healthy, edge.client, [seen])) == 1
            assert "{" not in render(healthy, edge.client, [seen])[0][1:]
        render(healthy, edge.server, [answered])


def test_an_open_breaker_is_told_as_resilience4j_does(healthy: Cluster) -> None:
    edge = healthy.edge("checkout-service", "inventory-service")
    record = LogRecord(healthy.now, "pod", "call_failed", (edge.index, Failure.BREAKER_OPEN, 0, 9, 503))
    (line,) = render(healthy, "checkout-service", [record])
    assert (
        "CircuitBreaker 'inventory-service' is OPEN and does not permit further calls" in json.loads(line)["exception"]
    )


@pytest.mark.parametrize("service", list(seven_services().services), ids=lambda service: service.name)
def test_an_unknown_event_is_an_error_and_not_an_empty_line(healthy: Cluster, service) -> None:
    with pytest.raises(KeyError, match="never_heard_of"):
        render(healthy, service.name, [LogRecord(0, "pod", "never_heard_of", ())])


@pytest.mark.parametrize("language", [Language.POSTGRES, Language.REDIS, Language.GO, Language.PYTHON, Language.JAVA])
def test_values_cannot_break_out_of_their_line(healthy: Cluster, language: Language) -> None:
    service = next(s for s in healthy.services.values() if s.spec.language is language)
    evil = 'x"\n2025-03-14 09:00:00 FATAL:  forged\r\x1b[31m'
    record = LogRecord(healthy.now, evil, "kubernetes", ("Normal", "Scheduled", evil))
    records = [record]
    if language in (Language.GO, Language.PYTHON, Language.JAVA):
        records.append(LogRecord(healthy.now, evil, "secret_loaded", (7, evil)))
        records.append(LogRecord(healthy.now, evil, "token_rejected", (Failure.INVALID_SIGNATURE, evil, 7, 9)))
    if language is Language.POSTGRES:
        records.append(LogRecord(healthy.now, evil, "connection_opened", (evil, evil, 7)))
    for one in records:
        for line in render(healthy, service.name, [one]):
            assert line.isprintable()
