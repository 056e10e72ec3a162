"""The incident-response environment. Import what you need from its modules: a client needs no simulator."""
