"""A cluster of services simulated request by request, its faults and its remediations."""

from __future__ import annotations

from .catalogue import catalogue
from .clock import WINDOW, WINDOW_S, moment, nanoseconds, rfc3339, seconds
from .cluster import Cluster
from .errors import ClusterSimError, DuplicateName, InvalidSpec, NoPage, UnknownName
from .faults import FAULTS, Fault, Mechanism
from .incident import Incident, begin
from .recovery import Recovery, good_share, is_safe, judge
from .remediations import REMEDIATIONS, TEAMS, Remediation
from .services import ALERT_RULES, DEFAULT_ARRIVAL_RATE_HZ, ENDPOINTS, SERVICES, seven_services
from .specs import ClusterSpec, EndpointSpec, ServiceSpec
from .telemetry.alerts import Alert, AlertRule, Severity
from .telemetry.collector import detail, exposition
from .telemetry.logs import recent as recent_logs
from .telemetry.scrape import Golden

__all__ = [
    "ALERT_RULES",
    "DEFAULT_ARRIVAL_RATE_HZ",
    "ENDPOINTS",
    "FAULTS",
    "REMEDIATIONS",
    "SERVICES",
    "TEAMS",
    "WINDOW",
    "WINDOW_S",
    "Alert",
    "AlertRule",
    "Cluster",
    "ClusterSimError",
    "ClusterSpec",
    "DuplicateName",
    "EndpointSpec",
    "Fault",
    "Golden",
    "Incident",
    "InvalidSpec",
    "Mechanism",
    "NoPage",
    "Recovery",
    "Remediation",
    "ServiceSpec",
    "Severity",
    "UnknownName",
    "begin",
    "catalogue",
    "detail",
    "exposition",
    "good_share",
    "is_safe",
    "judge",
    "moment",
    "nanoseconds",
    "recent_logs",
    "rfc3339",
    "seconds",
    "seven_services",
]
