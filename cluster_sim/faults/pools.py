"""Faults of connections that are leaked, held or all opened at once."""
