"""What `uvicorn` serves in the tests that need a real server but no simulation."""

from env.server import create_app

from .fake_environment import TASKS, FakeEnvironment

app = create_app(FakeEnvironment, TASKS)
