"""Log lines, rendered from the cluster's records in each program's own format when somebody reads them."""

from __future__ import annotations

from .reader import recent, render
from .streams import ClusterLogs
from .written import Written

__all__ = ["ClusterLogs", "Written", "recent", "render"]
