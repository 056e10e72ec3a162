"""Telemetry: what is scraped, alerted on, logged and exposed. It reads the cluster and never changes it."""
