"""Grafana dashboards, their data sources and the alert rules, written from the catalogues."""
