"""How the scene of an episode is set, and copied."""

from __future__ import annotations

from copy import copy
from dataclasses import fields, replace

from cluster_sim import Cluster, NoPage, WarmUps, begin, seven_services

from .actions import Scene
from .episode import EpisodeRecord
from .errors import BadRequest, UnknownTask
from .models import EpisodeOptions
from .tasks import TASKS


def begin_scene(task_id: str, seed: int, options: EpisodeOptions, warm_ups: WarmUps | None = None) -> Scene:
    """The scene at the page.

    Args:
        warm_ups: incidents begun before, if any are kept.

    Raises:
        UnknownTask: there is no such task.
        BadRequest: with these options the incident hurts nobody enough for a page.
    """
    if task_id not in TASKS:
        raise UnknownTask(task_id)
    fault = TASKS[task_id].root
    begin_incident = begin if warm_ups is None else warm_ups.begin
    try:
        incident = begin_incident(seven_services(options.arrival_rate_hz), fault, seed, noise=options.noise)
    except NoPage:
        raise BadRequest("seed: nobody is paged in this world with these options; take another seed") from None
    return Scene(incident.cluster, fault, fault.team, EpisodeRecord(task_id=task_id, seed=seed))


def copy_scene(scene: Scene, cluster: Cluster | None = None) -> Scene:
    """An independent scene that goes on identically.

    Args:
        cluster: a copy of the cluster, where there is one already.
    """
    record = replace(
        scene.record, **{field.name: copy(getattr(scene.record, field.name)) for field in fields(scene.record)}
    )
    return replace(scene, cluster=cluster or scene.cluster.branch(), record=record, looked=dict(scene.looked))
