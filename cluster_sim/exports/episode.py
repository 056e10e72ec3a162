"""What is exported: a healthy run, or an incident from its healthy history to some time after its onset."""

from __future__ import annotations

from dataclasses import dataclass

from ..clock import nanoseconds, unix_ms
from ..cluster import Cluster
from ..faults import Fault
from ..incident import HISTORY_S, Incident, begin
from ..recovery import is_safe, judge
from ..remediations import REMEDIATIONS, Remediation
from ..services import seven_services
from ..telemetry.alerts import Severity
from ..telemetry.series import NAME, Matcher, Series


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What happens in every episode of an export.

    Attributes:
        fault: None for healthy runs.
        duration_s: seconds from the onset to the end; of a healthy run, after as much history as an incident has.
        remediation: what is done about it, if anything.
        remediation_after_s: seconds from the page to the order of the remediation.
        find_fixes: whether every remediation is tried on a copy of the incident.
    """

    fault: Fault | None
    duration_s: float
    arrival_rate_hz: float
    noise: float
    remediation: Remediation | None = None
    remediation_after_s: float = 0.0
    find_fixes: bool = True

    @property
    def folder(self) -> str:
        """`<service>_<fault>`, with a single underscore: readers of the layout split the name there."""
        if self.fault is None:
            return "healthy"
        return f"{self.fault.service}_{self.fault.name.replace('_', '-')}"


@dataclass(frozen=True, kw_only=True)
class Episode:
    """A plan carried out on one seed.

    Attributes:
        cluster: as of the end.
        onset, paged, ordered: simulated nanoseconds of the onset, of the first page after it, and of the order of
            the remediation; None where there was none.
        pages: alerts that paged, as of the page.
        right_fixes: remediations that end the incident when they are ordered at the page; None if not tried.
    """

    plan: Plan
    seed: int
    cluster: Cluster
    onset: int | None = None
    paged: int | None = None
    ordered: int | None = None
    pages: tuple[str, ...] = ()
    right_fixes: tuple[str, ...] | None = None

    def series(self) -> list[Series]:
        """Every scraped and recorded series."""
        return self.cluster.metrics.select((Matcher(NAME, "!=", ""),), unix_ms(0), unix_ms(self.cluster.now))


def play(plan: Plan, seed: int) -> Episode:
    """Carry out a plan. An episode lasts until its page, and until its remediation has settled, if that is longer.

    Raises:
        NoPage: nothing paged after the onset.
    """
    spec = seven_services(plan.arrival_rate_hz)
    if plan.fault is None:
        healthy = Cluster(spec, seed, plan.noise)
        healthy.run_for(HISTORY_S + plan.duration_s)
        return Episode(plan=plan, seed=seed, cluster=healthy)
    incident = begin(plan.fault.spec(spec), plan.fault, seed, noise=plan.noise)
    cluster = incident.cluster
    pages = tuple(dict.fromkeys(alert.name for alert in cluster.alerts.firing(Severity.PAGE)))
    right_fixes = _right_fixes(incident) if plan.find_fixes else None
    ordered = None
    if plan.remediation is not None:
        cluster.run_for(plan.remediation_after_s)
        ordered = cluster.now
        plan.remediation.carry_out(cluster)
    cluster.run_until(max(cluster.now, incident.onset + nanoseconds(plan.duration_s)))
    return Episode(
        plan=plan,
        seed=seed,
        cluster=cluster,
        onset=incident.onset,
        paged=incident.paged,
        ordered=ordered,
        pages=pages,
        right_fixes=right_fixes,
    )


def _right_fixes(incident: Incident) -> tuple[str, ...]:
    """The remediations after which the root is safe and users are served well for the hold time; alone, each."""
    if incident.fault.harmless:
        return ()
    right = []
    for name, remediation in REMEDIATIONS.items():
        branch = incident.cluster.branch()
        remediation.carry_out(branch)
        # Most leave the root unsafe; only of the others does it matter how users fare afterwards.
        if is_safe(branch, incident.fault) and judge(branch, incident.fault).recovered:
            right.append(name)
    return tuple(right)
