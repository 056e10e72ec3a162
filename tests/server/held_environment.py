"""A fake environment that tells where it is played, and takes as long as a file is missing; and servers of it."""

import os
import time
from pathlib import Path

from env.server import ServerSettings, create_app

from .fake_environment import TASKS, FakeEnvironment

PATIENCE_S = 30.0
BALLAST_BYTES = 64_000_000


class HeldEnvironment(FakeEnvironment):
    """A step at "hold" with a path in its details waits until that file is there; one at "die" ends its process."""

    read_api = True

    def step(self, action):
        match action.target:
            case "hold":
                until = Path(action.details)
                until.with_suffix(".entered").touch()
                patience_s = time.monotonic() + PATIENCE_S
                while not until.exists():
                    assert time.monotonic() < patience_s
                    time.sleep(0.002)
            case "die":
                os._exit(3)
            case "grow":
                self.ballast = os.urandom(1) * BALLAST_BYTES
        return super().step(action)

    @property
    def cluster(self):
        """What a held read reads: the number of steps and of reads before."""
        return (len(self.actions), len(self.reads))

    def branch(self):
        branch = super().branch()
        branch.actions, branch.reads = list(self.actions), list(self.reads)
        return branch

    def state(self):
        return {**super().state(), "pid": os.getpid()}


def two_processes(**settings):
    """An application with up to two worker processes."""
    return create_app(HeldEnvironment, TASKS, ServerSettings(processes=2, **settings))


app = two_processes()
