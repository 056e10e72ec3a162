"""The read APIs of a cluster, in the wire formats of the real servers."""

from . import alertmanager, jaeger, loki, prometheus, prometheus_status  # noqa: F401 - the last adds routes to Prometheus'
from .access import ReadAPI

APIS: tuple[ReadAPI, ...] = (prometheus.api, alertmanager.api, jaeger.api, loki.api)

__all__ = ["APIS", "ReadAPI"]
