"""Faults that make calls slow: links, providers, code that asks too often, threads that wait."""
