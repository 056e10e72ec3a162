"""Faults of what the database is asked: slow queries, locks, retries without end."""
