"""What can go wrong while an agent plays an episode.

PolicyError
├── EnvironmentUnavailable (ConnectionError)   no server, or no answer that makes sense
├── EnvironmentRefused (RuntimeError)          a request was refused: unknown task, episode over
│   └── ActionRefused (ValueError)             this action was refused, the episode goes on
├── ModelUnavailable (ConnectionError)         the language model gave no answer
│   └── ModelRefused                           and asking again will not help: bad key, unknown model
├── NotBriefed (RuntimeError)                  a policy that knows the truth was not told it
└── UnknownPolicy (LookupError)                no policy is called so
    └── PolicyUnavailable                      one is, and cannot be played here
OutOfTime (BaseException)                      the wall-clock budget is spent
"""

from __future__ import annotations


class PolicyError(Exception):
    """Base of this package's errors."""


class EnvironmentUnavailable(PolicyError, ConnectionError):
    """The environment cannot be played.

    Attributes:
        transient: nothing was begun and a later try may find the server.
    """

    def __init__(self, message: str, *, transient: bool = False) -> None:
        super().__init__(message)
        self.transient = transient


class EnvironmentRefused(PolicyError, RuntimeError):
    """The environment understood the request and will not do it."""


class ActionRefused(EnvironmentRefused, ValueError):
    """The environment refused one action and left the episode as it was."""


class ModelUnavailable(PolicyError, ConnectionError):
    """The language model gave no answer.

    Attributes:
        transient: asking again at once may help.
    """

    def __init__(self, message: str, *, transient: bool = False) -> None:
        super().__init__(message)
        self.transient = transient


class ModelRefused(ModelUnavailable):
    """The language model's server refuses this key, model or account, whatever is asked."""


class UnknownPolicy(PolicyError, LookupError):
    """No policy is called so."""


class PolicyUnavailable(UnknownPolicy):
    """There is such a policy, and something that it needs is missing here."""


class NotBriefed(PolicyError, RuntimeError):
    """A policy that knows the truth was not told it: it is played by sweeps and evaluations, never over HTTP."""


class OutOfTime(BaseException):
    """The wall-clock budget is spent. Derives from BaseException so that no retry loop swallows it."""
