"""How the scene of an episode is set, and copied."""

from __future__ import annotations

from copy import copy
from dataclasses import fields, replace

from cluster_sim import SIZE, Address, Cluster, Incident, NoPage, Split, WarmUps, begin, build, seven_services

from .actions import Scene
from .episode import EpisodeRecord
from .errors import BadRequest, UnknownTask
from .models import DEFAULT_SPLIT, EpisodeOptions
from .tasks import GENERATED, TASK_IDS, TASKS


def begin_scene(task_id: str, seed: int, options: EpisodeOptions, warm_ups: WarmUps | None = None) -> Scene:
    """The scene at the page.

    Args:
        warm_ups: incidents begun before, if any are kept.

    Raises:
        UnknownTask: there is no such task.
        BadRequest: with these options the incident hurts nobody enough for a page.
    """
    if task_id not in TASK_IDS:
        raise UnknownTask(task_id)
    thorough = task_id == GENERATED
    try:
        incident = _generated(seed, options, warm_ups) if thorough else _fixed(task_id, seed, options, warm_ups)
    except NoPage:
        raise BadRequest("seed: nobody is paged in this world with these options; take another seed") from None
    fault = incident.fault
    owner = "" if fault.harmless else fault.team
    record = EpisodeRecord(task_id=task_id, seed=seed)
    return Scene(incident.cluster, fault, owner, record, thorough=thorough, onset=incident.onset)


def _fixed(task_id: str, seed: int, options: EpisodeOptions, warm_ups: WarmUps | None) -> Incident:
    """The incident of one of the fixed tasks."""
    for name in ("split", "index", "difficulty"):
        if getattr(options, name) is not None:
            raise BadRequest(f"{name}: only task {GENERATED} has it", (name,))
    begin_incident = begin if warm_ups is None else warm_ups.begin
    spec = seven_services(options.arrival_rate_hz)
    return begin_incident(spec, TASKS[task_id].root, seed, noise=options.noise)


def _generated(seed: int, options: EpisodeOptions, warm_ups: WarmUps | None) -> Incident:
    """The incident at an address."""
    return build(address_of(seed, options), warm_ups).incident


def address_of(seed: int, options: EpisodeOptions) -> Address:
    """Which generated incident is meant; without an index the seed stands for one."""
    return Address(
        split=Split(options.split or DEFAULT_SPLIT),
        index=seed % SIZE if options.index is None else options.index,
        difficulty=options.difficulty,
        noise=options.noise,
        rate_hz=options.arrival_rate_hz,
    )


def episode_name(task_id: str, seed: int, options: EpisodeOptions) -> str:
    """`task_easy-7`, or `generated-v2-test-17-d3`, which begins with the version of the generator."""
    return f"{task_id}-{address_of(seed, options).name if task_id == GENERATED else seed}"


def copy_scene(scene: Scene, cluster: Cluster | None = None) -> Scene:
    """An independent scene that goes on identically.

    Args:
        cluster: a copy of the cluster, where there is one already.
    """
    record = replace(
        scene.record, **{field.name: copy(getattr(scene.record, field.name)) for field in fields(scene.record)}
    )
    return replace(
        scene,
        cluster=cluster or scene.cluster.branch(),
        record=record,
        looked=dict(scene.looked),
        before=copy(scene.before),
    )
