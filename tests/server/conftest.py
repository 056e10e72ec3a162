"""A server on fake environments, and a client of it."""

import pytest
from starlette.testclient import TestClient

from env.server import ServerSettings, create_app

from .fake_environment import TASKS, FakeEnvironment


class FakeHouse:
    """Makes fake environments and remembers them, so that a test can look into the last."""

    def __init__(self):
        self.environments = []

    def __call__(self):
        self.environments.append(FakeEnvironment())
        return self.environments[-1]

    @property
    def last(self):
        return self.environments[-1]


@pytest.fixture
def house():
    return FakeHouse()


@pytest.fixture
def app(house):
    return create_app(house, TASKS, ServerSettings(max_sessions=8))


@pytest.fixture
def client(app):
    with TestClient(app) as client:
        yield client
