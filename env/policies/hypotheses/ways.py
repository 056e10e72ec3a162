"""The ways that trouble usually takes, from where it begins to the services that users meet."""

from __future__ import annotations

from ..spread import paths, through

THROUGH_PAYMENT = through("payment-service", "checkout-service")
THROUGH_INVENTORY = through("inventory-service", "checkout-service")
THROUGH_AUTH = paths(through("auth-service", "payment-service"), through("auth-service", "checkout-service"))

THROUGH_KEYS = paths(through("config-service", "auth-service"), THROUGH_AUTH)
"""Replicas that hold different keys refuse each other's tokens."""

PAYMENTS_LOCKED_OUT = paths(through("postgres-db", "payment-service"), THROUGH_PAYMENT)
"""Payments get no connection, or no further with it; inventory-service keeps those that it has."""

THROUGH_DATABASE = paths(
    PAYMENTS_LOCKED_OUT, through("postgres-db", "inventory-service"), through("inventory-service", "checkout-service")
)
"""Everybody who waits for the database, and whoever waits for them."""

THROUGH_CACHE = paths(through("redis-cache", "inventory-service"), THROUGH_DATABASE)
"""What the cache does not answer goes to the database, which is no match for it."""

CACHE_LOST = tuple(edge for edge in THROUGH_CACHE if edge not in THROUGH_PAYMENT)
"""Where no stock is reserved any more, checkout-service does not come to charge for it."""

ACROSS_NODES = paths(THROUGH_INVENTORY, THROUGH_AUTH, THROUGH_PAYMENT)
"""New connections to whatever runs on the node."""

EVERYWHERE = paths(ACROSS_NODES, THROUGH_CACHE)
"""All that is called from the node, or calls it."""
