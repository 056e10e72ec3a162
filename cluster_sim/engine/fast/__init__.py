"""The vectorised executor: a stretch of simulated time computed at once, where it is proven equal to the events."""
