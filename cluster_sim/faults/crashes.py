"""Faults that make pods restart again and again."""
