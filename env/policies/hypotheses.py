"""The causes that the rule-based agent knows, each with what speaks for it and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .case import CaseFile
from .evidence import Clue, DisagreementClue, FractionClue, LogClue


@dataclass(frozen=True, kw_only=True)
class Hypothesis:
    """One cause of an incident.

    Attributes:
        root_cause: the service where it began.
        mechanism: the id of what went wrong there.
        team: who owns the cure.
        fix: the action that cures it.
        look_at: the services to read before saying so.
        clues: what speaks for it; without a decisive one it stays a suspicion.
        explanation: what went wrong, as sentences.
        cascade: how users came to feel it, as sentences.
        prevention: what keeps it from coming back, as sentences.
    """

    root_cause: str
    mechanism: str
    team: str
    fix: str
    look_at: tuple[str, ...]
    clues: tuple[Clue, ...]
    explanation: str
    cascade: str
    prevention: str

    def evidence(self, case: CaseFile) -> Iterator[tuple[Clue, str]]:
        """The clues that were found, the strongest first, each with what was read."""
        for clue in sorted(self.clues, key=lambda clue: -clue.weight):
            if (shown := clue.found(case)) is not None:
                yield clue, shown

    def weight(self, case: CaseFile) -> int:
        """How much speaks for it."""
        return sum(clue.weight for clue, _ in self.evidence(case))

    def proven(self, case: CaseFile) -> bool:
        """Something decisive was seen, and every service that belongs to it was looked at."""
        looked = all(service in case.investigated for service in self.look_at)
        return looked and any(clue.decisive for clue, _ in self.evidence(case))


SLOTS_REFUSED = r"remaining connection slots are reserved[\w\s-]*|sorry, too many clients already"
POOL_TIMED_OUT = r"Connection is not available, request timed out after \d+ms|QueuePool limit of size [^,]*"
WRITE_REFUSED = r"command not allowed when used memory > 'maxmemory'"
BAD_SIGNATURE = r"(?i)signature verification failed|the signature is invalid"
PARTLY_ACKED = r"\b(?P<acked>\d+)/(?!(?P=acked)\b)\d+ acked"

HYPOTHESES: tuple[Hypothesis, ...] = (
    Hypothesis(
        root_cause="postgres-db",
        mechanism="connection_limit",
        team="database-team",
        fix="increase_db_connections",
        look_at=("postgres-db",),
        clues=(
            LogClue(
                says="postgres-db refuses connections because its slots are used up",
                pattern=SLOTS_REFUSED,
                services=("postgres-db",),
                weight=4,
                decisive=True,
            ),
            FractionClue(
                says="almost every connection that postgres-db admits is in use",
                service="postgres-db",
                part=r"pg_stat_activity_count",
                whole=r"pg_settings_max_connections",
                at_least=0.9,
                weight=4,
                decisive=True,
            ),
            LogClue(
                says="clients of postgres-db are told that its connection slots are used up",
                pattern=SLOTS_REFUSED,
                weight=3,
            ),
            LogClue(says="connection pools time out waiting for the database", pattern=POOL_TIMED_OUT),
        ),
        explanation=(
            "postgres-db reached its connection limit. The connection pools of its clients together ask for"
            " more connections than max_connections admits, so postgres-db refuses new connections with"
            " 'too many clients' or 'remaining connection slots are reserved'."
        ),
        cascade=(
            "Pods of payment-service that could not get a database connection answered with 500 errors,"
            " and checkout-service failed wherever it called them."
        ),
        prevention=(
            "The pool sizes of all clients must be added up against max_connections before a scale-out,"
            " and a ticket must be opened when more than 80% of the connections are in use."
        ),
    ),
    Hypothesis(
        root_cause="redis-cache",
        mechanism="memory_exhaustion",
        team="infra-team",
        fix="flush_redis_cache",
        look_at=("redis-cache",),
        clues=(
            FractionClue(
                says="the used memory of redis-cache stands at maxmemory",
                service="redis-cache",
                part=r"redis_memory_used_bytes",
                whole=r"redis_memory_max_bytes|redis_config_maxmemory",
                at_least=0.97,
                weight=4,
                decisive=True,
            ),
            LogClue(
                says="clients of redis-cache have their writes refused for lack of memory",
                pattern=WRITE_REFUSED,
                weight=4,
                decisive=True,
            ),
        ),
        explanation=(
            "redis-cache ran out of memory. Its used memory reached maxmemory under the noeviction policy,"
            " so redis refused every write with an OOM error."
        ),
        cascade=(
            "Cached keys expired and could not be written again, so the cache hit ratio fell."
            " inventory-service fell back to slow queries against postgres-db, and checkout-service timed out"
            " waiting for inventory-service."
        ),
        prevention=(
            "Batch jobs must give their keys a TTL, redis-cache needs an eviction policy that suits a cache,"
            " and a ticket must be opened when redis memory passes 90% of maxmemory."
        ),
    ),
    Hypothesis(
        root_cause="config-service",
        mechanism="partial_rollout",
        team="security-team",
        fix="complete_secret_rotation",
        look_at=("auth-service", "config-service"),
        clues=(
            LogClue(
                says="config-service finished a rollout that only some replicas acknowledged",
                pattern=PARTLY_ACKED,
                services=("config-service",),
                at_least=1,
                weight=4,
                decisive=True,
            ),
            DisagreementClue(
                says="replicas of auth-service run different versions of their configuration",
                service="auth-service",
                metric=r"config_version_info",
                label="checksum",
                weight=4,
                decisive=True,
            ),
            DisagreementClue(
                says="replicas of auth-service sign with different keys",
                service="auth-service",
                metric=r"auth_token_validation_total\{[^}]*invalid_signature",
                label="kid",
                weight=2,
            ),
            LogClue(
                says="auth-service refuses tokens whose signature it cannot verify",
                pattern=BAD_SIGNATURE,
                services=("auth-service",),
                weight=2,
            ),
        ),
        explanation=(
            "config-service left the rotation of the JWT signing secret half done. The partial rollout"
            " brought the new secret to only some of the auth-service replicas, so they hold different keys."
        ),
        cascade=(
            "A token that one auth-service replica signed failed signature verification on a replica with the"
            " other key, so users received intermittent 401 errors."
        ),
        prevention=(
            "A secret rotation must not count as finished until every replica has acknowledged the new key,"
            " the old key must stay valid for verification until then, and replicas that disagree about the"
            " key must open a ticket."
        ),
    ),
)
