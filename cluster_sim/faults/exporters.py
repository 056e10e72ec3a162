"""Faults in which a store is reported down."""
