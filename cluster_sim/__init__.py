"""A cluster of services simulated request by request, its faults and its remediations."""

from __future__ import annotations

from . import native  # before every other: it decides where the others are imported from
from .baseline import drift, restore_declared
from .capacity import Capacity, provisioned
from .catalogue import catalogue
from .causality import CausalGraph, spread
from .clock import EPOCH_UNIX_S, WINDOW, WINDOW_S, moment, nanoseconds, rfc3339, seconds, unix_ms
from .cluster import Cluster
from .errors import ClusterSimError, DuplicateName, InvalidSpec, NoPage, UnknownName
from .evidence import found
from .faults import FAULTS, TASK_FAULTS, Evidence, Family, Fault, Mechanism, Plan, Sustained, Trigger, twins_of
from .generator import (
    DIFFICULTIES,
    SIZE,
    Address,
    Blueprint,
    Generated,
    InvalidAddress,
    Split,
    attempts,
    build,
    draw,
)
from .harm import EndpointHarm, Harm, Outcomes, bad_minutes, harm, patience_s
from .incident import Incident, begin
from .invariants import GRAVE, REMOVED, broken
from .oracle import Examination, examine
from .recovery import Recovery, good_share, is_safe, judge
from .remediations import REMEDIATIONS, TEAMS, Remediation
from .rng import Streams
from .saved import Saved
from .services import ALERT_RULES, DEFAULT_ARRIVAL_RATE_HZ, ENDPOINTS, RECORDING_RULES, RULES, SERVICES, seven_services
from .specs import ClusterSpec, EndpointSpec, ServiceSpec
from .telemetry import logql, promql, traces
from .telemetry.alerts import Alert, AlertRule, RecordingRule, Severity
from .telemetry.collector import detail, exposition
from .telemetry.golden import Golden
from .telemetry.logs import ClusterLogs
from .telemetry.logs import recent as recent_logs
from .telemetry.rules.file import rule_file, rule_file_text
from .telemetry.series import Matcher, Series
from .topologies import generated
from .warmup import WarmUps

__all__ = [
    "ALERT_RULES",
    "DEFAULT_ARRIVAL_RATE_HZ",
    "DIFFICULTIES",
    "ENDPOINTS",
    "EPOCH_UNIX_S",
    "FAULTS",
    "GRAVE",
    "RECORDING_RULES",
    "REMEDIATIONS",
    "REMOVED",
    "RULES",
    "SERVICES",
    "SIZE",
    "TASK_FAULTS",
    "TEAMS",
    "WINDOW",
    "WINDOW_S",
    "Address",
    "Alert",
    "AlertRule",
    "Blueprint",
    "Capacity",
    "CausalGraph",
    "Cluster",
    "ClusterLogs",
    "ClusterSimError",
    "ClusterSpec",
    "DuplicateName",
    "EndpointHarm",
    "EndpointSpec",
    "Evidence",
    "Examination",
    "Family",
    "Fault",
    "Generated",
    "Golden",
    "Harm",
    "Incident",
    "InvalidAddress",
    "InvalidSpec",
    "Matcher",
    "Mechanism",
    "NoPage",
    "Outcomes",
    "Plan",
    "RecordingRule",
    "Recovery",
    "Remediation",
    "Saved",
    "Series",
    "ServiceSpec",
    "Severity",
    "Split",
    "Streams",
    "Sustained",
    "Trigger",
    "UnknownName",
    "WarmUps",
    "attempts",
    "bad_minutes",
    "begin",
    "broken",
    "build",
    "catalogue",
    "detail",
    "draw",
    "drift",
    "examine",
    "exposition",
    "found",
    "generated",
    "good_share",
    "harm",
    "is_safe",
    "judge",
    "logql",
    "moment",
    "nanoseconds",
    "native",
    "patience_s",
    "promql",
    "provisioned",
    "recent_logs",
    "restore_declared",
    "rfc3339",
    "rule_file",
    "rule_file_text",
    "seconds",
    "seven_services",
    "spread",
    "traces",
    "twins_of",
    "unix_ms",
]
