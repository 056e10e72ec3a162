"""Episodes as data sets: metrics, logs, traces and the truth, in formats that other programs read."""

from __future__ import annotations

from collections.abc import Mapping

from ..catalogue import catalogue
from . import logs, openmetrics, rca, traces
from .exporter import Exporter

FORMATS: Mapping[str, Exporter] = catalogue(Exporter, openmetrics, logs, traces, rca)

__all__ = ["FORMATS", "Exporter"]
