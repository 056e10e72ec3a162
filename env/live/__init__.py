"""A cluster that runs with the wall clock, for Prometheus, Grafana, operators and agents to look at."""
