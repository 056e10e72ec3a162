"""A server that is kept busy by one held step, so that all other sessions are played in its worker processes."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from starlette.testclient import TestClient

PATIENCE_S = 30.0


def eventually(holds):
    """Asserts that something comes true."""
    patience_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < patience_s
        time.sleep(0.01)


class Crowd:
    """A client of an application, and its sessions."""

    def __init__(self, app, client, folder):
        self.app, self.client, self.folder = app, client, folder
        self.runner = app.state.runner
        self._threads = ThreadPoolExecutor(8)
        self._held = 0

    def reset(self, **options):
        return self.client.post("/reset", json={"task_id": "task_hard", **options}).json()["session_id"]

    def step(self, session_id, target="payment-service", **fields):
        action = {"action_type": "investigate", "target": target, **fields}
        return self.client.post("/step", params={"session_id": session_id}, json=action)

    def state(self, session_id):
        return self.client.get("/state", params={"session_id": session_id}).json()

    def pid(self, session_id):
        return self.state(session_id)["pid"]

    def workers(self):
        return [worker.process.pid for worker in self.runner.crew.workers if not worker.lost]

    def metric(self, name):
        lines = self.client.get("/metrics").text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))

    @contextmanager
    def held(self, session_id):
        """While a session's step goes on; yields the step, of which the result is its answer."""
        self._held += 1
        until = self.folder / f"{self._held}.held"
        step = self._threads.submit(self.step, session_id, "hold", details=str(until))
        try:
            eventually(until.with_suffix(".entered").exists)
            yield step
        finally:
            until.touch()
        assert step.result(PATIENCE_S).status_code in (200, 404)

    def elsewhere(self, count, **options):
        """Sessions in worker processes."""
        with self.held(self.reset()):
            return [self.reset(**options) for _ in range(count)]

    def kill(self, pid):
        """As the kernel does when memory runs out."""
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: pid not in self.workers())


@contextmanager
def crowd(app, folder):
    """A running application and its clients."""
    with TestClient(app) as client:
        crowd = Crowd(app, client, folder)
        yield crowd
        crowd._threads.shutdown()
