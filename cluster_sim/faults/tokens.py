"""Faults of keys, clocks and attackers that make users be refused."""
