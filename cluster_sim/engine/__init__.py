"""The engine: SimPy's clock, request programs and the elements they contend for."""
