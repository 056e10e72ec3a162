"""A cluster of services simulated request by request."""
