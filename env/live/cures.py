"""Which remediation ends an incident: found by trying them on a world of its own, as the proof table does."""

from __future__ import annotations

from cluster_sim import REMEDIATIONS, Fault, NoPage, Remediation, begin, judge, seven_services


def right_cure(fault: Fault, seed: int, arrival_rate_hz: float, noise: float) -> str | None:
    """The first remediation after which the incident is over; None if nobody would be paged, or none alone suffices.

    Those of the team that owns the repair are tried first, and among them those on the service at fault.
    """
    try:
        incident = begin(fault.spec(seven_services(arrival_rate_hz)), fault, seed, noise=noise)
    except NoPage:
        return None
    for remediation in sorted(REMEDIATIONS.values(), key=lambda r: _remoteness(r, fault)):
        branch = incident.cluster.branch()
        remediation.carry_out(branch)
        if fault.distance(branch) == 0 and judge(branch, fault).recovered:
            return remediation.name
    return None


def _remoteness(remediation: Remediation, fault: Fault) -> int:
    return 2 * (remediation.team != fault.team) + (remediation.target != fault.service)
