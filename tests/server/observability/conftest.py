"""An incident whose telemetry may be read: in this process, and in a server of its own for outside programs."""

from __future__ import annotations

import pytest
import requests
from starlette.testclient import TestClient

from env.server import create_app
from tests.server_process import running_server

RESET = "/reset?task_id=task_easy&seed=3&read_api=true"


class Incident:
    """A session and how it is asked.

    Attributes:
        now_s: Unix time of its simulated now.
    """

    def __init__(self, client):
        self.client = client
        self.session_id = client.post(RESET).json()["session_id"]
        self.path = f"/sessions/{self.session_id}"

    @property
    def cluster(self):
        return self.client.app.state.runner.store.get(self.session_id).environment.cluster

    @property
    def now_s(self):
        return self.cluster.epoch_s + self.cluster.now / 1e9

    def get(self, path, **params):
        return self.client.get(f"{self.path}/{path}", params=params or None)

    def post(self, path, **form):
        return self.client.post(f"{self.path}/{path}", data=form)


@pytest.fixture(scope="session")
def client():
    """The real application."""
    with TestClient(create_app()) as client:
        yield client


@pytest.fixture(scope="session")
def incident(client):
    """An incident that the tests only look at."""
    return Incident(client)


@pytest.fixture(scope="session")
def served():
    """The base URL of a session on a running server."""
    with running_server("main:app") as base:
        session_id = requests.post(f"{base}{RESET}", timeout=60).json()["session_id"]
        yield f"{base}/sessions/{session_id}"
