"""The operator's routes of the live cluster: faults, fixes, traffic, pace, log. Whoever has the token may do it all."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import PlainTextResponse

from cluster_sim import FAULTS, REMEDIATIONS, rfc3339

from ..errors import BadRequest, EnvError
from ..live.cluster import LiveCluster
from ..live.log import Entry, Kind, entry_line, header_line
from .operator_models import FaultOrder, FixOrder, Pace, Traffic
from .reading import validated
from .strict_json import JSONAnswer, parse_object

SOURCE = "operator"
SHOWN = 200
"""Entries of the log in one answer."""


class TokenMissing(EnvError, PermissionError):
    """The request shows no token."""

    status = 401
    code = "TOKEN_MISSING"
    message = "Authorization: Bearer <token> is needed here"


class TokenWrong(EnvError, PermissionError):
    """The request shows another token."""

    status = 403
    code = "TOKEN_WRONG"
    message = "not the operator's token"


router = APIRouter(prefix="/operator", include_in_schema=False)


def install(app: FastAPI, token: str) -> None:
    """Opens the operator's routes to whoever has the token."""

    async def authorised(request: Request) -> None:
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not shown.strip():
            raise TokenMissing
        # Headers are decoded as Latin-1, environment variables as UTF-8: the bytes are what counts.
        if not hmac.compare_digest(shown.strip().encode("latin-1"), token.encode(errors="surrogateescape")):
            raise TokenWrong

    app.include_router(router, dependencies=[Depends(authorised)])


@router.get("/faults")
async def faults(request: Request) -> Response:
    """The faults that can happen to the live cluster."""
    return JSONAnswer(
        [
            {"fault": f.name, "service": f.service, "mechanism": f.mechanism, "team": f.team}
            for f in FAULTS.values()
            if f.portable
        ]
    )


@router.get("/fixes")
async def fixes(request: Request) -> Response:
    """The remediations there are."""
    return JSONAnswer(
        [
            {"fix": r.name, "target": r.target, "team": r.team, "duration_s": r.duration_s, "runbook": r.runbook}
            for r in REMEDIATIONS.values()
        ]
    )


@router.post("/faults")
async def inject(request: Request) -> Response:
    """Inject a fault, now."""
    order = validated(FaultOrder, parse_object(await request.body()))
    if order.fault not in FAULTS or not FAULTS[order.fault].portable:
        raise BadRequest("fault: no such fault; GET /operator/faults lists them", ("fault",))
    return await _change(request, Kind.INJECT, order.fault)


@router.post("/fixes")
async def fix(request: Request) -> Response:
    """Order a remediation; it comes into effect after its own duration."""
    order = validated(FixOrder, parse_object(await request.body()))
    if order.fix not in REMEDIATIONS:
        raise BadRequest("fix: no such remediation; GET /operator/fixes lists them", ("fix",))
    return await _change(request, Kind.FIX, order.fix)


@router.post("/restore")
async def restore(request: Request) -> Response:
    """Begin to bring everything back to what is declared; it may take several calls, a minute apart."""
    return await _change(request, Kind.RESTORE, "")


@router.post("/traffic")
async def traffic(request: Request) -> Response:
    """Set the factor on the users' rate, the level of background trouble, or both."""
    wanted = validated(Traffic, parse_object(await request.body()))
    given = [(Kind.RATE, wanted.rate_factor), (Kind.NOISE, wanted.noise)]
    live = _live(request)

    def change() -> list[Entry]:
        return [live.change(kind, value, SOURCE) for kind, value in given if value is not None]

    return JSONAnswer([_shown(live, entry) for entry in await asyncio.to_thread(change)])


@router.post("/pace")
async def pace(request: Request) -> Response:
    """Pause, go on, or change the speed."""
    wanted = validated(Pace, parse_object(await request.body()))
    live = _live(request)
    await asyncio.to_thread(live.set_pace, speed=wanted.speed, paused=wanted.paused, source=SOURCE)
    return JSONAnswer({"speed": live.pacer.speed, "paused": live.pacer.paused})


@router.get("/incidents")
async def incidents(request: Request) -> Response:
    """The faults that were injected, and how each goes on; newest first."""
    live = _live(request)
    return JSONAnswer(
        [
            {
                "fault": incident.fault.name,
                "source": incident.source,
                "began": _date(live, incident.began),
                "felt": incident.felt,
                "repaired": None if incident.repaired_at is None else _date(live, incident.repaired_at),
                "closed": incident.closed,
            }
            for incident in reversed(live.world.incidents)
        ]
    )


@router.get("/log")
async def log(request: Request) -> Response:
    """The newest entries of the action log, oldest first; how many older ones are no longer in memory."""
    live = _live(request)
    entries = await _locked(live, lambda: list(live.world.log)[-SHOWN:])
    return JSONAnswer(
        {
            "entries": [_shown(live, entry) for entry in entries],
            "dropped": live.world.dropped,
            "seed": live.world.header.seed,
        }
    )


@router.get("/log.jsonl", response_class=PlainTextResponse)
async def log_file(request: Request) -> Response:
    """The log as `python -m env replay` reads it."""
    live = _live(request)
    entries = await _locked(live, lambda: list(live.world.log))
    lines = [header_line(live.world.header), *map(entry_line, entries)]
    return PlainTextResponse("\n".join(lines) + "\n", media_type="application/jsonl")


async def _change(request: Request, kind: Kind, value: str | float) -> Response:
    live = _live(request)
    entry = await asyncio.to_thread(live.change, kind, value, SOURCE)
    return JSONAnswer(_shown(live, entry))


async def _locked(live: LiveCluster, read: Callable[[], list[Entry]]) -> list[Entry]:
    def locked() -> list[Entry]:
        with live.lock:
            return read()

    return await asyncio.to_thread(locked)


def _live(request: Request) -> LiveCluster:
    live: LiveCluster = request.app.state.live
    return live


def _shown(live: LiveCluster, entry: Entry) -> dict[str, Any]:
    return {**asdict(entry), "time": _date(live, entry.at)}


def _date(live: LiveCluster, at: int) -> str:
    return rfc3339(at, live.cluster.epoch_s)
