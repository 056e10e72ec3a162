"""What the environment refuses, and the HTTP status each refusal answers with.

    EnvError
    ├── UnknownTask (KeyError)         404
    ├── UnknownSession (KeyError)      404
    ├── ReadAPIClosed (PermissionError) 403 a read API of a scored episode
    ├── NotReset (RuntimeError)        409  a step before the first reset
    ├── EpisodeOver (RuntimeError)     409  a step after done
    ├── EpisodeRunning (RuntimeError)  409  what there is only of a finished episode
    ├── NoTrajectory (LookupError)     409  an episode that cannot be played again
    ├── ReadsUsedUp (RuntimeError)     409  a read over MCP past the limit of simulated time
    ├── TaskMismatch (ValueError)      409  a task_id that is not the session's
    ├── BadRequest (ValueError)        422  an input that is not of the published shape
    │   └── MalformedJSON              422  … or not JSON at all
    ├── BodyTooLarge (ValueError)      413
    └── OverCapacity (RuntimeError)    503  with .retry_after_s

`message` is written here and never quotes what the client sent; the data of an error are its arguments.
"""


class EnvError(Exception):
    """A refusal: the episode stays as it was."""

    status = 400
    code = "REFUSED"
    frame_code = "EXECUTION_ERROR"
    """The code of OpenEnv's WebSocket error frame."""
    message = "refused"

    def __str__(self) -> str:
        return self.message


class UnknownTask(EnvError, KeyError):
    """No task is called so; the argument is the name."""

    status = 404
    code = "UNKNOWN_TASK"
    frame_code = "VALIDATION_ERROR"
    message = "task_id: no such task; GET /tasks lists them"


class UnknownSession(EnvError, KeyError):
    """No session has this id (any more); the argument is the id."""

    status = 404
    code = "UNKNOWN_SESSION"
    frame_code = "SESSION_ERROR"
    message = "session_id: no such session, it may have been evicted when idle; POST /reset opens one"


class ReadAPIClosed(EnvError, PermissionError):
    """A read API was asked about an episode that was not reset with `read_api=true`."""

    status = 403
    code = "READ_API_CLOSED"
    message = "the read APIs are closed in this episode; reset with read_api=true opens them, and the result records it"


class NotReset(EnvError, RuntimeError):
    """A step was asked for before any episode began."""

    status = 409
    code = "NOT_RESET"
    message = "no episode is running here; reset first"


class EpisodeOver(EnvError, RuntimeError):
    """A step was asked for after the episode was done."""

    status = 409
    code = "EPISODE_OVER"
    message = "the episode is done; reset to start another"


class EpisodeRunning(EnvError, RuntimeError):
    """The trajectory of an episode was asked for before it was done."""

    status = 409
    code = "EPISODE_RUNNING"
    message = "the episode is not done; its trajectory can be had when it is"


class NoTrajectory(EnvError, LookupError):
    """The trajectory of a stay on the live cluster was asked for."""

    status = 409
    code = "NO_TRAJECTORY"
    message = "a stay on the live cluster cannot be played again, and has no trajectory"


class ReadsUsedUp(EnvError, RuntimeError):
    """The reads of this episode have taken all the simulated time that they may."""

    status = 409
    code = "READS_USED_UP"
    message = "the reads of this episode have used up the simulated time they may take; the five actions are left"


class TaskMismatch(EnvError, ValueError):
    """The request names another task than the one its session plays."""

    status = 409
    code = "TASK_MISMATCH"
    message = "task_id: the session plays another task"


class BadRequest(EnvError, ValueError):
    """The input has not the published shape.

    Attributes:
        message: what is wrong, led by the field's name.
        fields: the names of the fields at fault.
    """

    status = 422
    code = "VALIDATION_ERROR"
    frame_code = "VALIDATION_ERROR"

    def __init__(self, message: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message, fields)
        self.message = message
        self.fields = fields


class MalformedJSON(BadRequest):
    """The input is not JSON: truncated, NaN or Infinity, a lone surrogate, nested too deeply, not UTF-8."""

    code = "INVALID_JSON"
    frame_code = "INVALID_JSON"


class BodyTooLarge(EnvError, ValueError):
    """A request body or a WebSocket frame passes the limit; the argument is the limit in bytes."""

    status = 413
    code = "BODY_TOO_LARGE"
    frame_code = "VALIDATION_ERROR"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(limit_bytes)
        self.limit_bytes = limit_bytes
        self.message = f"larger than {limit_bytes} bytes"


class OverCapacity(EnvError, RuntimeError):
    """Every session is taken and none has been idle for long.

    Attributes:
        retry_after_s: whole seconds after which a try is worth making.
    """

    status = 503
    code = "OVER_CAPACITY"
    frame_code = "CAPACITY_REACHED"
    message = "every session is in use; try again later"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(retry_after_s)
        self.retry_after_s = retry_after_s
