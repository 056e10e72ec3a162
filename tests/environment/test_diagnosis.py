"""Root-cause statements: read however they are put, and never out of a guess, a denial or a question."""

from __future__ import annotations

import pytest

from env.diagnosis import read_statement, text_of

MEMORY = ("redis-cache", "memory_exhaustion")
ROLLOUT = ("config-service", "partial_rollout")


def read(details):
    """Service and mechanism of a statement that was found."""
    statement = read_statement(details)
    assert statement is not None, details
    return statement.service, statement.mechanism


@pytest.mark.parametrize(
    "text",
    [
        "The root cause is redis-cache, which ran out of memory.",
        "Root cause: redis was at maxmemory.",
        "Root cause: memory exhaustion on redis-cache, not postgres-db",
        "Root cause is Redis: memory full",
        "Root cause: redis-cache hit its memory limit.",
        "The culprit was redis-cache; it hit its memory limit.",
        "The root cause of the checkout-service timeouts is redis-cache: OOM.",
        "redis-cache is the root cause of the checkout-service timeouts, it ran out of memory.",
        "The root cause is redis-cache, which made inventory-service slow. It had exhausted its memory.",
        "Root cause: redis-cache ran out of memory, causing slow queries of inventory-service and checkout-service.",
        "The cascade originated in redis-cache (OOM).",
        "The fault lies with redis-cache: out of memory.",
        "The incident was caused by redis-cache running out of memory.",
        "The checkout errors were due to inventory-service being slow. The root cause is redis-cache: OOM.",
        "Initially we suspected postgres-db was the root cause. That was wrong. Root cause: redis-cache, OOM.",
        "There is no doubt that redis-cache is the root cause: memory exhausted.",
        "## Root cause\n\nRedis-cache ran out of memory.\n",
        "**Root cause:** `redis-cache`\n**Mechanism:** memory_exhaustion",
        "The root cause wasn’t postgres-db but redis-cache: it was out of memory.",
        '```json\n{"root_cause": "redis-cache", "mechanism": "memory_exhaustion"}\n```',
    ],
)
def test_a_claim_in_prose_is_read(text):
    """A negation strikes only the clause that it denies, and what was once suspected is no claim."""
    assert read(text) == MEMORY


@pytest.mark.parametrize(
    "text",
    [
        "This was caused by config-service: the partial rollout of the secret.",
        "Root cause: config-service did not push the new key to all replicas (partial rollout)",
        "Root cause: config-service didn’t push the new key to every replica.",
        "Cause: config-service rolled out the secret to 2 of 3 pods",
        "Root cause: config-service, incomplete JWT secret rotation",
        "Root cause: config-service left a partial secret rotation behind.",
        "The root cause is config-service, which pushed the new JWT secret to only two of three auth replicas.",
        "Root cause: a half-finished rotation by config-service.",
        "The origin is config-service: one replica never received the new key.",
        "The root cause is config-service, whose rollout stopped after two pods.",
        "Root cause: config-service. Mechanism: partial rollout of the secret.",
    ],
)
def test_a_partial_rollout_is_read_however_it_is_put(text):
    """Not only by its name."""
    assert read(text) == ROLLOUT


@pytest.mark.parametrize(
    "fields",
    [
        {"root_cause": "redis-cache", "mechanism": "memory_exhaustion"},
        {"root_cause": "redis", "mechanism": "OOM"},
        {"root_cause": "redis-cache ", "mechanism": "Memory Exhaustion"},
        {"root-cause": "Redis-Cache", "mechanism": ["memory_exhaustion"]},
        {"Root cause": ["redis-cache"], "Mechanism": "out of memory"},
        {"rootCause": "redis-cache ran out of memory"},
        {"root_cause": {"service": "redis-cache", "mechanism": "memory_exhaustion"}},
        {"summary": "Root cause: redis-cache, OOM."},
        '{"root_cause": "redis-cache", "mechanism": "memory_exhaustion", "confidence": 0.9}',
    ],
)
def test_fields_are_read_through_the_words_for_them(fields):
    """Ids or how people write them; under any spelling of the key."""
    assert read(fields) == MEMORY


@pytest.mark.parametrize(
    ("details", "found"),
    [
        ({"root_cause": ["redis-cache", "postgres-db"], "mechanism": "memory_exhaustion"}, (None, MEMORY[1])),
        ({"root_cause": "redis-cache", "mechanism": ["memory_exhaustion", "partial_rollout"]}, (MEMORY[0], None)),
        ({"root_cause": "redis-cache", "mechanism": "OOM or partial rollout"}, (MEMORY[0], None)),
        ({"root_cause": "redis-cache, postgres-db", "mechanism": "x"}, (None, None)),
        ({"root_cause": "redis-cache", "rootCause": "config-service"}, (None, None)),
        ({"root_cause": "not redis-cache", "mechanism": 5}, (None, None)),
        ('{"root_cause": "redis-cache", "root_cause": "config-service", "mechanism": "OOM"}', (None, MEMORY[1])),
        ("The root cause is redis, postgres, auth, config, payment or checkout: oom, deadlock, dns.", (None, None)),
        ("The root cause is redis. The root cause is postgres.", (None, None)),
        ("The root cause is redis-cache.The root cause is postgres-db.", (None, None)),
        ("The root cause is redis-cache or maybe config-service, OOM.", (None, MEMORY[1])),
        ("The root cause is redis-cache, or it could be config-service. OOM.", (None, MEMORY[1])),
        ("The root cause is redis-cache and config-service: OOM.", (None, MEMORY[1])),
        ("redis-cache/config-service is the root cause: OOM.", (None, MEMORY[1])),
        ("The root cause is one of redis-cache, config-service, postgres-db. Memory: OOM.", (None, MEMORY[1])),
    ],
)
def test_several_answers_are_none(details, found):
    """Listing guesses names nothing."""
    assert read(details) == found


@pytest.mark.parametrize(
    "details",
    [
        None,
        "",
        "Please look at redis.",
        "redis-cache ran out of memory",
        {"evidence": ["x"]},
        {"service": "redis-cache", "mechanism": "memory_exhaustion"},
        "The cause is not redis.",
        "The root cause is anything but redis-cache.",
        "That redis-cache is the root cause was ruled out.",
        "The root cause cannot be redis-cache, it isnt out of memory",
        "redis-cache isn’t the root cause, OOM never happened.",
        "Is redis-cache the root cause? OOM?",
        "Paging you because of high latency in checkout-service; still looking.",
        "The checkout errors were due to inventory being slow.",
        "We are still looking for the root cause of the latency in checkout-service.",
        "We do not know the root cause yet, redis-cache looks odd.",
        "If redis-cache is the root cause, its memory should be full.",
        "The root cause is unknown.",
        '{"root_cause": ',
        '{"a":' * 3000,
    ],
)
def test_other_text_is_no_statement(details):
    """A note, a request, a question, a symptom or a denial says nothing of the root cause."""
    assert read_statement(details) is None


def test_a_field_without_a_claim_is_read_as_prose_under_its_key():
    """The key is part of what is said."""
    assert (
        text_of({"root_cause": ["redis-cache", {"x": 1}], "impact": "slow"}) == "root_cause: redis-cache\nimpact: slow"
    )
    assert text_of('{"a": "b", "a": "c"}') == "a: b\na: c"


@pytest.mark.parametrize(
    "piece",
    ["root cause ", "the incident ", "not ", "partial_", "root cause of redis or ", "(", "a,", "rotation not ", "’ "],
)
def test_long_text_is_read_without_backtracking(piece):
    """Sixteen thousand characters of anything; a test that hangs has failed."""
    statement = read_statement(piece * (16_384 // len(piece)))
    assert statement is None or statement.service in (None, "redis-cache")
