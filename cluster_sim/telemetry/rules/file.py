"""The rules as Prometheus reads them from a rule file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...clock import WINDOW_S
from .rule import AlertRule, Rule

_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))


def rule_file(rules: Iterable[Rule], interval_s: int = WINDOW_S) -> dict[str, Any]:
    """The contents of a rule file, in the order in which the rules are evaluated.

    Source: https://prometheus.io/docs/prometheus/2.42/configuration/recording_rules/ and alerting_rules/.
    """
    groups: dict[str, list[dict[str, Any]]] = {}
    for rule in rules:
        groups.setdefault(rule.group, []).append(_entry(rule))
    return {
        "groups": [
            {"name": name, "interval": duration(interval_s), "rules": entries} for name, entries in groups.items()
        ]
    }


def _entry(rule: Rule) -> dict[str, Any]:
    if not isinstance(rule, AlertRule):
        labels = {"labels": dict(rule.labels)} if rule.labels else {}
        return {"record": rule.record, "expr": rule.expr, **labels}
    entry: dict[str, Any] = {"alert": rule.alert, "expr": rule.expr}
    if rule.for_s:
        entry["for"] = duration(rule.for_s)
    if rule.keep_firing_for_s:
        entry["keep_firing_for"] = duration(rule.keep_firing_for_s)
    return {**entry, "labels": dict(rule.all_labels), "annotations": dict(rule.annotations)}


def rule_file_text(rules: Iterable[Rule], interval_s: int = WINDOW_S) -> str:
    """The rule file as YAML."""
    return "\n".join(_yaml(rule_file(rules, interval_s), "")) + "\n"


def duration(seconds: float) -> str:
    """A duration as Prometheus writes it: 150 s is `2m30s`."""
    rest = round(seconds * 1000)
    if rest == 0:
        return "0s"
    written = ""
    for unit, milliseconds in _UNITS:
        count, rest = divmod(rest, milliseconds)
        written += f"{count}{unit}" if count else ""
    return written


def _yaml(value: Mapping[str, Any], indent: str) -> Iterator[str]:
    """A mapping in block style; text is quoted as in JSON, which is YAML too, expressions are block scalars."""
    for key, inner in value.items():
        if isinstance(inner, list):
            yield f"{indent}{key}:"
            for item in inner:
                lines = list(_yaml(item, indent + "    "))
                yield f"{indent}  - {lines[0].lstrip()}"
                yield from lines[1:]
        elif isinstance(inner, Mapping):
            yield f"{indent}{key}:"
            yield from _yaml(inner, indent + "  ")
        elif key == "expr":
            yield f"{indent}{key}: |-"
            yield from (f"{indent}  {line}" for line in inner.splitlines())
        else:
            yield f"{indent}{key}: {json.dumps(inner)}"
