"""Who there is in a generated cluster, and who calls whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from math import ceil

import numpy as np

from ..rng import Streams
from ..specs import (
    BreakerSpec,
    CacheRead,
    CacheWrite,
    CallTo,
    IfItems,
    Language,
    Operation,
    PickItems,
    RetrySpec,
    Sometimes,
    Step,
    Work,
)
from .platform import ERRORS, SETTINGS, VERIFY

DOMAIN_SIZE = 11
"""Services of a domain, about (chosen)."""

EDGE_SHARE, LEAF_SHARE = 0.13, 0.39
"""Services that users call, and services that call nobody, databases and caches among them.

Source: Winchester et al., Complexity at Scale: A Quantitative Analysis of an Alibaba Microservice Deployment
(arXiv 2504.13141, 2025), table 1. The long tails of workload and dependencies are from there as well, and from Luo et
al., Characterizing Microservice Dependency and Performance (SoCC 2021); how long they are is chosen.
"""

SKEW = 0.8
"""Exponent of Zipf's law of how much is asked of a domain, and of how popular its leaves are with others (chosen)."""

OFTEN, SHARED, CONFIGURED, STORING = 0.5, 0.4, 0.15, 0.35
"""Probabilities (chosen): a call in a domain is made every time; a service of a middle layer calls a leaf of another
domain; it reads settings; it keeps data."""

WORK_S = (0.002, 0.004, 0.005, 0.003)
"""Mean seconds of work by layer, give or take half (chosen)."""
TIMEOUT_S = (8.0, 4.0, 2.0, 1.0)
"""Patience with a service, by its layer: less than the caller's caller has (chosen)."""

PICK = PickItems(count=4, population=400, exponent=0.9)
"""The keys that a request looks up (chosen)."""

_DOMAINS = (
    "orders", "catalog", "search", "cart", "pricing", "shipping", "billing", "reviews", "accounts", "media",
    "recommendations", "promotions", "returns", "fraud", "delivery", "warehouse", "suppliers", "messaging",
    "content", "subscriptions", "ledger", "payouts", "support", "bookings", "locations", "loyalty", "invoices",
    "taxes", "wallets", "campaigns", "coupons", "gifts", "profiles", "addresses", "currency", "feeds", "social",
    "chat", "uploads", "documents", "partners", "marketplace", "sellers", "ads", "experiments", "contracts",
    "refunds", "audits", "devices", "sessions", "quotes", "insurance", "credit", "rentals", "events", "tickets",
)  # fmt: skip
_MIDDLE = ("service", "planner", "history", "tracker", "limits", "sync", "composer", "matcher", "scheduler", "router")
_LEAVES = ("validator", "formatter", "scoring", "templates", "units", "rates", "flags")


class Layer(IntEnum):
    """Calls go from a layer to those below."""

    EDGE = 0
    UPPER = 1
    LOWER = 2
    LEAF = 3
    STORE = 4


_STORES = {
    Language.POSTGRES: (
        ("select", "SELECT", "items", (Work(mean_s=0.003, sigma=0.5, per_item=True),)),
        ("insert", "INSERT", "items", (Work(mean_s=0.006, sigma=0.5),)),
    ),
    Language.REDIS: (
        ("get", "MGET", "item:*", (Work(mean_s=0.0002, sigma=0.3), CacheRead())),
        ("set", "SET", "item:*", (Work(mean_s=0.0002, sigma=0.3), CacheWrite())),
    ),
}
"""Name, method, route and steps of what databases and caches do; the times are chosen."""

_METHODS = {"view": "GET", "read": "GET", "change": "POST", "write": "POST"}


@dataclass
class Node:
    """A service of a domain.

    Attributes:
        steps: operation → what it does; a store does the same everywhere.
    """

    name: str
    domain: int
    layer: Layer
    language: Language
    steps: dict[str, list[Step]] = field(default_factory=dict)

    @property
    def team(self) -> str:
        """Who owns it."""
        return f"{_DOMAINS[self.domain]}-team"

    def operations(self) -> tuple[Operation, ...]:
        """What it does."""
        if self.layer is Layer.STORE:
            return tuple(
                Operation(name=name, method=method, route=route, steps=steps, may_fail=False)
                for name, method, route, steps in _STORES[self.language]
            )
        return tuple(
            Operation(
                name=name,
                method=_METHODS[name],
                route=f"/v1/{self.name.partition('-')[2]}/{name}",
                steps=tuple(steps),
                error_probability=ERRORS,
            )
            for name, steps in self.steps.items()
        )


class Graph:
    """The services of all domains with their calls, drawn from a seed.

    Attributes:
        weights: share of the users' requests by domain.
    """

    def __init__(self, services: int, seed: int) -> None:
        self._draws = Streams(seed).window("topology", services)
        own = services - 2  # beside the two that all domains share
        domains = max(round(own / DOMAIN_SIZE), 1)
        self.nodes: list[Node] = []
        for domain in range(domains):
            self._populate(domain, own // domains + (domain < own % domains))
        for domain in range(domains):
            self._connect(domain)
        self._share()
        popularity = 1 / np.arange(1, domains + 1) ** SKEW
        self.weights: list[float] = (popularity / popularity.sum()).tolist()

    def within(self, domain: int, *layers: Layer) -> list[Node]:
        """The services of a domain in some layers."""
        return [node for node in self.nodes if node.domain == domain and node.layer in layers]

    # ------------------------------------------------------------ draws

    def _chance(self, probability: float) -> bool:
        return bool(self._draws.random() < probability)

    def _one(self, nodes: list[Node]) -> Node:
        return nodes[int(self._draws.integers(len(nodes)))]

    # ------------------------------------------------------------ who there is

    def _populate(self, domain: int, size: int) -> None:
        name = _DOMAINS[domain]
        gateways = max(round(EDGE_SHARE * size), 1)
        leaves = max(round(LEAF_SHARE * size) - 2, 0)
        middle = size - gateways - leaves - 2
        for kind in ("gateway", "mobile-gateway", "partner-gateway")[:gateways]:
            self._add(f"{name}-{kind}", domain, Layer.EDGE)
        for place, role in enumerate(_MIDDLE[:middle]):
            self._add(f"{name}-{role}", domain, Layer.UPPER if place < ceil(middle / 2) else Layer.LOWER)
        for role in _LEAVES[:leaves]:
            self._add(f"{name}-{role}", domain, Layer.LEAF)
        self.nodes.append(Node(f"{name}-db", domain, Layer.STORE, Language.POSTGRES))
        self.nodes.append(Node(f"{name}-cache", domain, Layer.STORE, Language.REDIS))

    def _add(self, name: str, domain: int, layer: Layer) -> None:
        language = (Language.JAVA, Language.PYTHON, Language.GO)[int(self._draws.integers(3))]
        node = Node(name, domain, layer, language)
        for operation in ("view", "change") if layer is Layer.EDGE else ("read", "write"):
            mean_s = round(WORK_S[layer] * (0.5 + self._draws.random()), 4)
            node.steps[operation] = [Work(mean_s=mean_s, sigma=0.5)]
        if layer is Layer.EDGE:
            node.steps["change"].append(VERIFY)
        self.nodes.append(node)

    # ------------------------------------------------------------ who calls whom

    def _connect(self, domain: int) -> None:
        """Everybody in a domain is called by somebody above, and its stores are used."""
        gateways, uppers = self.within(domain, Layer.EDGE), self.within(domain, Layer.UPPER)
        for place, gateway in enumerate(gateways):
            self._call(gateway, uppers[place % len(uppers)], often=True)
        for upper in uppers[len(gateways) :]:
            self._call(self._one(gateways), upper, often=self._chance(OFTEN))
        for lower in self.within(domain, Layer.LOWER):
            self._call(self._one(uppers), lower, often=self._chance(OFTEN))
        middle = self.within(domain, Layer.UPPER, Layer.LOWER)
        for leaf in self.within(domain, Layer.LEAF):
            self._call(self._one(middle), leaf, often=self._chance(OFTEN))
        database, cache = self.within(domain, Layer.STORE)
        for node in middle:
            if node is middle[0] or self._chance(STORING):
                _keep_data(node, database.name, cache.name)

    def _share(self) -> None:
        """Some leaves are called from other domains as well, a few of them by very many."""
        leaves = [node for node in self.nodes if node.layer is Layer.LEAF]
        order = self._draws.permutation(len(leaves)).tolist()
        weights = 1 / np.arange(1, len(leaves) + 1) ** SKEW
        for node in self.nodes:
            if node.layer not in (Layer.UPPER, Layer.LOWER):
                continue
            if leaves and self._chance(SHARED):
                popular = leaves[order[int(self._draws.choice(len(leaves), p=weights / weights.sum()))]]
                if popular.domain != node.domain:
                    self._call(node, popular, often=False)
            if self._chance(CONFIGURED):
                node.steps["read"].append(Sometimes(probability=0.03, steps=(SETTINGS,)))

    def _call(self, client: Node, server: Node, *, often: bool) -> None:
        retry = RetrySpec(attempts=int(self._chance(0.5)))
        breaker = BreakerSpec() if self._chance(0.25) else None
        probability = float(self._draws.choice((0.2, 0.35, 0.5)))
        for own, operation in zip(client.steps, server.steps, strict=True):
            call = CallTo(
                service=server.name,
                operation=operation,
                timeout_s=TIMEOUT_S[server.layer],
                retry=retry,
                breaker=breaker,
            )
            client.steps[own].append(call if often else Sometimes(probability=probability, steps=(call,)))


def _keep_data(node: Node, database: str, cache: str) -> None:
    """Reads go through the cache, writes to the database."""
    look = CallTo(service=cache, operation="get", timeout_s=0.25, optional=True, answers_items=True)
    fill = (
        CallTo(service=database, operation="select", timeout_s=4.0, pool=database),
        CallTo(service=cache, operation="set", timeout_s=0.25, optional=True),
    )
    node.steps["read"] += [PICK, look, IfItems(steps=fill)]
    node.steps["write"].append(CallTo(service=database, operation="insert", timeout_s=4.0, pool=database))
