"""Pictures of dashboards where Grafana does not run: its panels drawn from real query results."""
