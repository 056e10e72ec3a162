"""Topologies in which faults can happen, each made of the usual one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from ..errors import UnknownName
from ..specs import ClusterSpec, ServiceSpec
from ..telemetry.rules.rule import AlertRule, Rule, Severity

Setting = Callable[[ClusterSpec], ClusterSpec]


@dataclass(frozen=True)
class PagedBy:
    """Some alerts wake the engineer here that are tickets elsewhere.

    Raises:
        UnknownName: when applied: there is no such alert.
    """

    alerts: tuple[str, ...]
    portable: ClassVar = True

    def __call__(self, spec: ClusterSpec) -> ClusterSpec:
        known = {rule.alert for rule in spec.rules if isinstance(rule, AlertRule)}
        for alert in self.alerts:
            if alert not in known:
                raise UnknownName("alert", alert)
        return replace(spec, rules=tuple(map(self._rule, spec.rules)))

    def _rule(self, rule: Rule) -> Rule:
        if isinstance(rule, AlertRule) and rule.alert in self.alerts:
            return replace(rule, severity=Severity.PAGE)
        return rule


@dataclass(frozen=True)
class TicketedBy:
    """Some rules that wake an engineer elsewhere are tickets here, `HighLatencyP99/payment-service` say.

    Raises:
        UnknownName: when applied: there is no such rule.
    """

    rules: tuple[str, ...]

    def __call__(self, spec: ClusterSpec) -> ClusterSpec:
        known = {rule.name for rule in spec.rules}
        for name in self.rules:
            if name not in known:
                raise UnknownName("alert", name)
        return replace(spec, rules=tuple(map(self._rule, spec.rules)))

    def _rule(self, rule: Rule) -> Rule:
        if isinstance(rule, AlertRule) and rule.name in self.rules:
            return replace(rule, severity=Severity.TICKET)
        return rule


@dataclass(frozen=True)
class Provisioned:
    """One service is provisioned otherwise: `changes` are fields of its `ServiceSpec`."""

    service: str
    changes: tuple[tuple[str, object], ...]

    def __call__(self, spec: ClusterSpec) -> ClusterSpec:
        spec.service(self.service)
        return replace(spec, services=tuple(map(self._service, spec.services)))

    def _service(self, service: ServiceSpec) -> ServiceSpec:
        return replace(service, **dict(self.changes)) if service.name == self.service else service  # type: ignore[arg-type]  # checked by the dataclass


@dataclass(frozen=True)
class All:
    """Several settings, one after another."""

    settings: tuple[Setting, ...]

    def __call__(self, spec: ClusterSpec) -> ClusterSpec:
        for setting in self.settings:
            spec = setting(spec)
        return spec
