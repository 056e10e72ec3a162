"""A small client of the environment's HTTP API: one instance plays one episode at a time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import httpx

from ..models import Action, Observation
from .errors import ActionRefused, EnvironmentRefused, EnvironmentUnavailable

RESET_TRIES = 5
"""How often a reset that found no server, or a full one, is tried; chosen."""
RETRY_PAUSE_S = 1.0
"""Seconds between two tries; chosen."""
REFUSED_ACTION = frozenset({413, 422})
"""Statuses that refuse an action and leave the episode as it was."""


class EnvironmentClient:
    """The server's side of one episode, with the same verbs as the environment itself.

    Args:
        base_url: where the server is, as `http://localhost:7860`.
        timeout_s: seconds to wait for an answer.
        pause: waits a number of seconds between tries.
    """

    def __init__(self, base_url: str, *, timeout_s: float = 60.0, pause: Callable[[float], None] = time.sleep) -> None:
        # The environment is a known address, so that a proxy for the model's sake does not apply to it.
        self._http = httpx.Client(timeout=timeout_s, trust_env=False)
        self._base_url = base_url.rstrip("/")
        self._pause = pause
        self._session: dict[str, str] = {}
        self._info: dict[str, Any] = {}

    def __enter__(self) -> EnvironmentClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back the connections."""
        self._http.close()

    def reset(self, task_id: str, seed: int) -> Observation:
        """Start an episode, in the session of the one before where the server still has it.

        Raises:
            EnvironmentUnavailable: no server, or no answer of the API's shape.
            EnvironmentRefused: the server refused the task or the seed.
        """
        try:
            body = self._reset_patiently({"task_id": task_id, "seed": seed})
        except EnvironmentRefused:
            if not self._session:
                raise
            self._session = {}
            body = self._reset_patiently({"task_id": task_id, "seed": seed})
        session_id = body.get("session_id")
        if not isinstance(session_id, str):
            raise EnvironmentUnavailable("the answer to reset names no session")
        self._session = {"X-Session-Id": session_id}
        return self._observed(body)

    def step(self, action: Action) -> Observation:
        """Take one action. It is sent once: an action that may have arrived is not repeated.

        Raises:
            ActionRefused: the server refused this action; the episode is as it was.
            EnvironmentRefused: the server refused for another reason, as that the episode is over.
            EnvironmentUnavailable: no server, or no answer of the API's shape.
        """
        return self._observed(self._post("/step", action.model_dump(mode="json", exclude_none=True)))

    def state(self) -> dict[str, Any]:
        """The session's state; it holds the score once the episode is done."""
        return self._body(self._send("GET", "/state"))

    def info(self) -> dict[str, Any]:
        """The extras of the last answer."""
        return dict(self._info)

    def _reset_patiently(self, request: Mapping[str, Any]) -> dict[str, Any]:
        for _ in range(RESET_TRIES - 1):
            try:
                return self._post("/reset", request)
            except EnvironmentUnavailable as failure:
                if not failure.transient:
                    raise
            self._pause(RETRY_PAUSE_S)
        return self._post("/reset", request)

    def _post(self, path: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        # ASCII escapes keep lone surrogates of a model's text out of the UTF-8 encoder.
        content = json.dumps(payload, ensure_ascii=True).encode("ascii")
        return self._body(self._send("POST", path, content))

    def _send(self, method: str, path: str, content: bytes | None = None) -> httpx.Response:
        headers = {"Content-Type": "application/json", **self._session}
        try:
            return self._http.request(method, self._base_url + path, content=content, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as failure:
            raise EnvironmentUnavailable(
                f"{path}: {type(failure).__name__}: {failure}",
                transient=isinstance(failure, httpx.ConnectError),
            ) from failure

    def _body(self, response: httpx.Response) -> dict[str, Any]:
        path = response.request.url.path
        try:
            body = response.json()
        except ValueError:
            body = None
        if response.is_success and isinstance(body, dict):
            return body
        reason = f"{path} answered {response.status_code}: {_reason(body)}"
        if response.is_success or response.status_code >= 500:
            raise EnvironmentUnavailable(reason, transient=response.status_code == 503)
        if path.endswith("/step") and response.status_code in REFUSED_ACTION:
            raise ActionRefused(reason)
        raise EnvironmentRefused(reason)

    def _observed(self, body: Mapping[str, Any]) -> Observation:
        observation = body.get("observation")
        info = body.get("info")
        self._info = info if isinstance(info, dict) else {}
        if not isinstance(observation, dict):
            raise EnvironmentUnavailable("the answer holds no observation")
        beside = {name: body[name] for name in ("reward", "done", "metadata") if body.get(name) is not None}
        fields = {**beside, **{name: value for name, value in observation.items() if value is not None}}
        known = {name: value for name, value in fields.items() if name in Observation.model_fields}
        try:
            return Observation.model_validate(known)
        except ValueError as failure:
            raise EnvironmentUnavailable(f"the observation does not fit the schema: {failure}") from failure


def _reason(body: object) -> str:
    if isinstance(body, dict):
        return str(next((body[key] for key in ("detail", "error", "message") if key in body), body))
    return "no JSON object"
