"""Three incidents written by hand in the formats of the real programs, and an environment that plays them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from env.models import Action, ActionType, Observation

SERVICES = (
    "config-service",
    "checkout-service",
    "postgres-db",
    "payment-service",
    "auth-service",
    "redis-cache",
    "inventory-service",
)
TEAMS = (
    "network-team",
    "database-team",
    "payments-team",
    "security-team",
    "infra-team",
    "checkout-team",
    "platform-team",
    "inventory-team",
)
FIXES = (
    "restart_payment_service",
    "complete_secret_rotation",
    "flush_all_redis_keys",
    "increase_db_connections",
    "flush_redis_cache",
    "failover_postgres",
)
ACTIONS = [
    *(f"investigate:{service}" for service in SERVICES),
    *(f"escalate:{team}" for team in TEAMS),
    *(f"apply_fix:{fix}" for fix in FIXES),
    "postmortem:<text>",
    "no_op",
]

Telemetry = dict[str, tuple[list[str], dict[str, Any]]]


@dataclass(frozen=True, kw_only=True)
class Story:
    """One incident.

    Attributes:
        pages: the services that page, each with its measured text.
        telemetry: log lines and detailed figures by service, of those that have something to tell.
        max_steps: the step limit.
        needs_postmortem: whether it is only over with a postmortem.
    """

    task_id: str
    pages: tuple[tuple[str, str, str], ...]
    telemetry: Telemetry
    root_cause: str
    mechanism: str
    team: str
    fix: str
    max_steps: int
    needs_postmortem: bool


def refused(second: int, pid: int) -> str:
    return (
        f"2026-11-20 20:34:{second:02d}.930 UTC [{pid}] payments_app@payments FATAL:  remaining connection"
        " slots are reserved for non-replication superuser connections"
    )


CONNECTIONS = Story(
    task_id="task_easy",
    pages=(("HighErrorRate", "payment-service", "payment-service 5xx ratio 38.2% > 5% for 1m"),),
    telemetry={
        "payment-service": (
            [
                '{"timestamp":"2026-11-20T20:34:26.931Z","level":"error","logger":"payment.api",'
                '"event":"unhandled exception","http.response.status_code":500,'
                '"error.type":"OperationalError","exception":"connection to server at \\"postgres-db\\",'
                " port 5432 failed: FATAL:  remaining"
                ' connection slots are reserved for non-replication superuser connections"}',
                "java.sql.SQLTransientConnectionException: HikariPool-1 - Connection is not available,"
                " request timed out after 3000ms (total=0, active=0, idle=0, waiting=7)",
            ]
            * 3,
            {"hikaricp_connections_pending": 7.0},
        ),
        "postgres-db": (
            [refused(second, 24690 + second) for second in range(20, 40)],
            {
                'pg_stat_activity_count{datname="payments",state="active"}': 3.0,
                'pg_stat_activity_count{datname="payments",state="idle"}': 94.0,
                "pg_settings_max_connections": 100.0,
            },
        ),
    },
    root_cause="postgres-db",
    mechanism="connection_limit",
    team="database-team",
    fix="increase_db_connections",
    max_steps=10,
    needs_postmortem=False,
)

MEMORY = Story(
    task_id="task_medium",
    pages=(
        ("HighLatency", "checkout-service", "checkout-service p99 4.8s > 2s for 1m"),
        ("HighLatency", "inventory-service", "inventory-service p99 3.9s > 1s for 1m"),
    ),
    telemetry={
        "checkout-service": (
            ["httpx.ReadTimeout calling inventory-service GET /v1/stock after 2000ms"] * 5,
            {"http_server_active_requests": 40.0},
        ),
        "inventory-service": (
            [
                "WARNING inventory.cache redis.exceptions.OutOfMemoryError: command not allowed when used"
                " memory > 'maxmemory'. cache write failed, falling back to db",
                "java.sql.SQLTransientConnectionException: HikariPool-1 - Connection is not available,"
                " request timed out after 3000ms (total=10, active=10, idle=0, waiting=37)",
            ]
            * 6,
            {"hikaricp_connections_pending": 37.0},
        ),
        "redis-cache": (
            ["3165:M 20 Nov 2026 20:36:48.573 * 1 changes in 1 seconds. Saving..."],
            {
                "redis_memory_used_bytes": 268_500_000.0,
                "redis_memory_max_bytes": 268_435_456.0,
                'redis_errors_total{err="OOM"}': 812.0,
            },
        ),
        "postgres-db": (
            ["2026-11-20 20:34:26.930 UTC [24690] inv@inventory LOG:  duration: 606.774 ms  statement: select 1"],
            {
                'pg_stat_activity_count{datname="inventory",state="active"}': 60.0,
                "pg_settings_max_connections": 100.0,
            },
        ),
    },
    root_cause="redis-cache",
    mechanism="memory_exhaustion",
    team="infra-team",
    fix="flush_redis_cache",
    max_steps=15,
    needs_postmortem=True,
)

ROTATION = Story(
    task_id="task_hard",
    pages=(("HighUnauthorizedRatio", "auth-service", "auth-service 401 ratio 31.0% > 5% for 1m"),),
    telemetry={
        "auth-service": (
            ["auth-2 WARN jwt verify failed: Signature verification failed kid=2026-11-b"] * 9,
            {
                'auth_token_validation_total{result="invalid_signature",kid="2026-11-b",pod="auth-2"}': 91.0,
                'auth_token_validation_total{result="invalid_signature",kid="2026-05-a",pod="auth-0"}': 44.0,
                'config_version_info{version="41",checksum="9f2c",pod="auth-2"}': 1.0,
                'config_version_info{version="42",checksum="d01a",pod="auth-0"}': 1.0,
            },
        ),
        "config-service": (
            ["INFO config.rollout secret jwt-signing rev 42 rolled out: 2/3 acked, auth-2 timeout"],
            {},
        ),
    },
    root_cause="config-service",
    mechanism="partial_rollout",
    team="security-team",
    fix="complete_secret_rotation",
    max_steps=20,
    needs_postmortem=True,
)

STORIES = {story.task_id: story for story in (CONNECTIONS, MEMORY, ROTATION)}

HEALTHY_LINE = '{"level":"warning","event":"retrying once","error":"ReadTimeout"}'


@dataclass
class StoryEnvironment:
    """Plays the stories: logs come with an investigation, the right fix clears the pages.

    Attributes:
        fix_works: whether the right fix clears the pages.
        actions: what was done since the last reset.
    """

    stories: dict[str, Story] = field(default_factory=lambda: STORIES)
    fix_works: bool = True
    seed: int | None = None
    actions: list[Action] = field(default_factory=list)
    story: Story = CONNECTIONS

    def reset(self, task_id: str, seed: int) -> Observation:
        self.story = self.stories[task_id]
        self.seed = seed
        self.actions = []
        return self._seen("You have been paged.")

    def step(self, action: Action) -> Observation:
        assert not self.done, "a step after done"
        self.actions.append(action)
        looked = action.target if action.action_type is ActionType.INVESTIGATE else None
        return self._seen(f"{action.action_type} carried out.", looked=looked, reward=0.1)

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = {"task_id": self.story.task_id, "step_count": len(self.actions)}
        return {**state, "done": True, "score": 0.99 if self.solved else 0.2} if self.done else state

    def did(self, action_type: ActionType, target: str | None = None) -> bool:
        return any(a.action_type is action_type and target in (None, a.target) for a in self.actions)

    @property
    def cured(self) -> bool:
        return self.fix_works and self.did(ActionType.APPLY_FIX, self.story.fix)

    @property
    def solved(self) -> bool:
        written = self.did(ActionType.POSTMORTEM) or not self.story.needs_postmortem
        return self.cured and written and self.did(ActionType.ESCALATE, self.story.team)

    @property
    def done(self) -> bool:
        return self.solved or len(self.actions) >= self.story.max_steps

    def _seen(self, message: str, looked: str | None = None, reward: float | None = None) -> Observation:
        lines, figures = self.story.telemetry.get(looked or "", ([HEALTHY_LINE], {}))
        metrics: dict[str, dict[str, Any]] = {service: {"error_ratio": 0.01} for service in SERVICES}
        for _, service, _ in self.story.pages:
            metrics[service]["error_ratio"] = 0.01 if self.cured else 0.3
        if looked is not None:
            metrics.setdefault(looked, {}).update(figures)
        return Observation(
            step=len(self.actions),
            alerts=[self._page(*page) for page in self.story.pages],
            logs={} if looked is None else {looked: lines},
            metrics=metrics,
            available_actions=ACTIONS,
            message=message,
            task_id=self.story.task_id,
            task_description="Users report errors. Find the cause and cure it.",
            done=self.done,
            reward=reward,
        )

    def _page(self, name: str, service: str, measured: str) -> str:
        status = "RESOLVED" if self.cured else "FIRING:1"
        return (
            f"[{status}] {name} {service} (prod-sim critical on-call) | {measured}"
            f" | since 2026-11-20T20:33:30Z | runbook=https://runbooks.example/{name}"
            f" | PD#Q1A2B3 urgency=high service={service}"
        )
