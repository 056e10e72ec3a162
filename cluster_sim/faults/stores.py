"""Faults of the cache: what is written to it, by whom, and whether it can save."""
