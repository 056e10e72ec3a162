"""Faults of capacity under load, and load that needs no repair."""
