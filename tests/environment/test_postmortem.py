"""Postmortems: honest ones are paid however they are written, and nothing else is."""

from __future__ import annotations

import pytest

from env.diagnosis import read_statement, text_of
from env.episode import EpisodeRecord, Event, Fix
from env.grading import Explained
from env.models import Action, ActionType
from env.postmortem import Concept, coverage, is_sentence, is_true
from env.tasks import TASKS

HONEST = {
    "task_medium": [
        "The checkout-service errors were due to inventory-service being slow. The root cause was redis-cache running "
        "out of memory after an orphaned batch filled it. All new writes were refused (OOM).",
        "Checkout timeouts were caused by slow responses from inventory-service. The root cause: the Redis cache was "
        "full, used_memory equalled maxmemory and every SET failed with OOM.",
        "Initially we suspected postgres-db was the root cause because its queries were slow. That was wrong. The root "
        "cause is redis-cache: its memory was exhausted and writes failed with OOM errors.",
        "## Summary\nStock look-ups took seconds for half an hour.\n\n## Root cause\nredis-cache ran out of memory: a "
        "batch job had written keys without a TTL under noeviction.\n\n## Impact\ncheckout-service timed out.",
        "- Root cause: redis-cache\n- Mechanism: memory exhaustion, used memory at maxmemory\n- Effect: all new writes "
        "were refused with OOM\n- Fix: flush_redis_cache",
        "Redis was the culprit. Its memory had filled up with keys that never expire, so it rejected all writes. "
        "inventory-service, unable to cache, sent every read to postgres-db.",
        "The cascade began in redis-cache and spread to inventory-service, postgres-db, checkout-service and "
        "payment-service in turn. The root cause was that redis-cache reached its memory limit. Clients saw OOM "
        "command not allowed.",
        "The origin of the incident is redis-cache. Used memory stood at maxmemory with the noeviction policy, and "
        "that is why Redis refused every write. We escalated to infra-team and applied flush_redis_cache.",
        "The incident was caused by redis-cache hitting its memory limit. Because no memory was left for new keys, "
        "SET commands were answered with OOM, the hit ratio fell and the database had to serve the reads.",
        "We first blamed the database, which was not the root cause: postgres-db was healthy. The actual root cause "
        "is redis-cache. It had run out of memory and every write was refused.",
    ],
    "task_hard": [
        "The intermittent 401s were caused by auth-service replicas disagreeing about the JWT key. The root cause was "
        "an incomplete secret rotation pushed by config-service: one replica never received the new key.",
        "Root cause: config-service. Mechanism: partial rollout of the signing secret. auth-service replica auth-1 "
        "missed the update and answered 401.",
        "Root cause: config-service did not push the new JWT secret to every auth-service replica. Tokens signed by "
        "one pod failed verification on another, and users saw 401 at random.",
        "The root cause was config-service, whose key rotation was half-finished. Two of three auth-service pods had "
        "the new key while the third still held the old one. It rejected valid tokens with 401.",
        "## Root cause\nThe rotation of the JWT secret by config-service stopped after two pods.\n\n## Impact\nThe "
        "replica with the old key answered 401 to a third of the requests.",
        "Users were refused now and then, because auth-service replicas held different signing keys. The origin was "
        "config-service: its rollout of the new secret was partial. Requests that reached the stale replica were "
        "rejected with 401.",
        "This outage was caused by config-service. It delivered the new signing secret to only two of the three "
        "replicas of auth-service, so tokens were refused as unauthorized whenever they met the other replica.",
        "At first we suspected a bug in checkout-service. That was wrong. The fault lies with config-service, which "
        "left the secret rotation unfinished. One auth-service replica kept the old key and returned 401s.",
        "The root cause was not auth-service but config-service. The secret rotation reached only some replicas. "
        "Signature verification failed on the others, with 401 as the answer.",
        "config-service was the root cause of the incident. One of three auth-service replicas did not receive the "
        "new JWT key, which made payment-service, checkout-service and inventory-service see intermittent 401 errors.",
    ],
}

FIXED = "The redis memory was at OOM of it. The jwt secret was partial on the replicas with 401."

DISHONEST = {
    "task_medium": [
        FIXED,
        f"{FIXED} The root cause is redis-cache.",
        "It was not redis, and memory was fine, and there was no OOM at all in it.",
        "the redis the memory was the OOM the secret the partial the replicas the 401 the it the was",
        "Root cause: redis-cache. the redis the memory was the OOM the redis the limit the it the was of the.",
        "The fault lies with payment-service. The memory of redis-cache was full and its writes met OOM errors.",
        "The root-cause was never redis-cache but payment-service. Redis memory was full and writes met OOM errors.",
        "The root cause is redis-cache or config-service. The memory of redis was full and its writes met OOM errors.",
        "The memory of redis-cache was full and its writes were refused with OOM errors, as far as we can see.",
        "The root cause is redis-cache. The root cause is postgres-db. The memory of redis was full, hence the OOM.",
        "Is redis-cache the root cause? Was the memory of redis-cache full, and were its writes refused with OOM?",
    ],
    "task_hard": [
        FIXED,
        f"{FIXED} The root cause is config-service.",
        "The root cause is config-service. It was never the secret, no replica was affected and there was no 401.",
        "the jwt the secret was the partial the replicas the 401 the it the was",
        "The root cause: config-service. Secret replicas partial 401 secret replicas partial 401 secret replicas.",
        "The fault lies with payment-service. The JWT secret was rotated on only two of three replicas, hence 401s.",
        "The root-cause was never config-service but payment-service. The secret rotation was partial on replicas.",
        "The root cause is config-service, auth-service or redis-cache. The JWT secret was rotated on some replicas.",
        "The root cause is config-service, which ran into its connection limit with too many clients at the time.",
        "The secret rotation was incomplete on the replicas of auth-service and users were answered with 401 errors.",
        "The root cause is redis-cache. The rotation of the JWT secret was partial, and replicas answered with 401.",
    ],
}

HIDDEN = "The root cause was payment-service, which had been deployed at noon."


def explained(task_id: str) -> Explained:
    """The postmortem line of a task."""
    return next(line for line in TASKS[task_id].criteria if isinstance(line, Explained))


def filed(task_id: str, details, *, looked: bool = True) -> EpisodeRecord:
    """An episode that was handled as it should be, with this postmortem."""
    fix, team = TASKS[task_id].root, {"task_medium": "infra-team", "task_hard": "security-team"}[task_id]
    return EpisodeRecord(
        task_id=task_id,
        seed=1,
        step=4,
        investigated={fix.service: 1} if looked else {},
        escalated=[team],
        fixes=[Fix(name="flush_redis_cache", step=3, wrong=False)],
        postmortem=text_of(details),
        postmortem_statement=read_statement(details),
    )


def earned(task_id: str, details, **kwargs) -> float:
    """What it earns."""
    return explained(task_id).earned(filed(task_id, details, **kwargs))


def cases(texts):
    """Task and text, pair by pair."""
    return [pytest.param(task, text, id=f"{task}-{n}") for task, all_ in texts.items() for n, text in enumerate(all_)]


@pytest.mark.parametrize(("task_id", "text"), cases(HONEST))
def test_an_honest_postmortem_is_paid(task_id, text):
    """Two thirds at the least, whichever words it is in."""
    assert earned(task_id, text) >= 0.13


def test_most_honest_postmortems_earn_full_marks():
    """All but a few concepts are found."""
    full = [earned(task, text) == pytest.approx(0.20) for task, texts in HONEST.items() for text in texts]
    assert sum(full) >= 17


@pytest.mark.parametrize(("task_id", "text"), cases(DISHONEST))
def test_a_postmortem_that_says_nothing_true_earns_nothing(task_id, text):
    """Guesses, denials, soups of words, questions, and texts for every occasion."""
    assert earned(task_id, text) == 0


@pytest.mark.parametrize("task_id", HONEST)
def test_the_postmortem_of_another_incident_earns_nothing(task_id):
    """Nor does one that holds both."""
    (other,) = set(HONEST) - {task_id}
    for text in HONEST[other]:
        assert earned(task_id, text) == 0
        assert earned(task_id, f"{text} {HONEST[task_id][0]}") == 0


@pytest.mark.parametrize("key", ["summary", "root_cause", "notes", "Root cause"])
@pytest.mark.parametrize("task_id", HONEST)
def test_a_wrong_root_cause_spoils_it_under_any_key(task_id, key):
    """What the fields say right, the prose says wrong."""
    right = HONEST[task_id][0]
    assert earned(task_id, {"text": right}) >= 0.13
    assert earned(task_id, {"text": right, key: HIDDEN}) == 0
    assert earned(task_id, {"root_cause": TASKS[task_id].root.service, "text": [right, {key: HIDDEN}]}) == 0
    assert earned(task_id, {"text": right, "Root cause": "payment-service"}) == 0


@pytest.mark.parametrize("task_id", HONEST)
def test_a_right_cause_that_was_not_looked_at_earns_nothing(task_id):
    """Neither without a look nor with one after the fact."""
    text = HONEST[task_id][0]
    assert earned(task_id, text, looked=False) == 0
    record = filed(task_id, text)
    record.events.append(Event(step=4, action=Action(action_type=ActionType("postmortem"), details=text), reward=0))
    record.investigated[TASKS[task_id].root.service] = 5
    assert explained(task_id).earned(record) == 0


def test_naming_another_mechanism_as_the_cause_earns_nothing():
    """The right service is not enough."""
    text = "The root cause is redis-cache, which suffered a network partition. {} new writes were refused with OOM."
    assert earned("task_medium", text.format("In the memory of Redis, all")) == 0


MEMORY = (
    Concept(name="redis", pattern="redis", about=frozenset({"redis-cache"})),
    Concept(name="memory", pattern="memory", about=frozenset({"redis-cache"})),
)


def record() -> EpisodeRecord:
    """An episode in which one team was paged and one fix applied."""
    return filed("task_medium", "")


def test_true_sentences_cover_concepts():
    """Each concept once."""
    assert coverage("The redis-cache had no memory left for new keys.", MEMORY, record()) == 1
    assert coverage("The redis-cache refused what its clients wanted to write.", MEMORY, record()) == 0.5


@pytest.mark.parametrize(
    "text",
    [
        "redis memory OOM maxmemory cascade inventory checkout postgres auth config payment",
        "redis, memory, oom, eviction, noeviction, limit, cache, leak",
        "redis memory redis memory redis memory redis memory.",
        "REDIS! MEMORY! OOM!",
        "redis\nmemory\noom",
        "It was not redis, and memory was fine, and there was no memory problem in it.",
        "We suspected that redis had no memory left for new keys.",
    ],
)
def test_words_without_sentences_earn_nothing(text):
    """Keywords are not an explanation, and denials are none either."""
    assert coverage(text, MEMORY, record()) == 0


def test_a_concept_said_of_another_service_is_not_covered():
    """The memory of the wrong service is not the cause."""
    assert coverage("The payment-service had no memory left for anything new.", MEMORY, record()) == 0


def test_a_false_consequence_costs_its_sentence_only():
    """A connection limit that was not reached explains nothing here, but may be an error in good faith."""
    concepts = explained("task_medium").concepts
    text = "The redis memory was full, so postgres-db reached its connection limit."
    assert coverage(text, concepts, record(), "memory_exhaustion") == 0
    assert coverage(f"{text} Redis refused all new writes.", concepts, record(), "memory_exhaustion") > 0.5


def test_claims_of_actions_that_were_not_taken_are_false():
    """A sentence about them counts for nothing."""
    assert is_true("We applied flush_redis_cache after we had paged infra-team.", record())
    assert not is_true("We applied restart_redis and its memory was free again.", record())
    assert not is_true("We escalated to database-team because of the memory of redis.", record())


def test_sentences_and_lists_are_told_apart():
    """By glue words, a verb and the number of things listed."""
    assert is_sentence("A batch job filled the memory of the cache with keys that never expire.")
    assert is_sentence(
        "redis-cache refused writes, so inventory-service fell back to postgres-db, checkout-service timed out on it, "
        "payment-service was called again and again, and auth-service saw the retries."
    )
    assert not is_sentence("payment, postgres, redis, inventory, checkout, auth and config were all involved in it.")
    assert not is_sentence("memory oom cache redis filled")


@pytest.mark.parametrize("piece", ["the redis ", "(OOM) of ", "memory-", "was the not ", "redis's "])
def test_long_text_is_graded_without_backtracking(piece):
    """Sixteen thousand characters of anything; a test that hangs has failed."""
    assert earned("task_medium", "Root cause: redis-cache. " + piece * (16_384 // len(piece))) == 0
