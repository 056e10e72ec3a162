"""The log of a Redis server: `PID:ROLE DD Mon YYYY HH:MM:SS.mmm LEVEL message`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...clock import MILLISECOND, SECOND
from .scene import Scene, milliseconds, one_line

if TYPE_CHECKING:
    from ...engine.service import LogRecord

VERSION = "7.0.15"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
NOTICE, WARNING = "*", "#"
SERVER_PID = 1
"""The server is the first process of its container."""

SAVE_AFTER_CHANGES, SAVE_AFTER_S = 100, 120
"""`save 120 100` (chosen)."""


class RedisFormat:
    """The log of a Redis server. It has no line for a refused command, an eviction or a failed client."""

    ENTRYPOINT_FAILED = "cp: error writing '/data/conf/redis.conf': No space left on device"
    """The container's entrypoint copies the configuration to the volume before it starts the server."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def lines(self, record: LogRecord, before: LogRecord | None) -> list[str]:
        """The lines of a record."""
        data: tuple[Any, ...] = record.data
        match record.event:
            case "kubernetes":
                return [self.scene.kubernetes_event(record)]
            case "bgsave_started":
                return self._bgsave_started(record.at, *data)
            case "bgsave_finished":
                return self._bgsave_finished(record.at, *data)
            case "started":
                return self._started(record.at, *data)
            case "entrypoint_failed":
                return [self.ENTRYPOINT_FAILED]
            case "stopping":
                return self._stopping(record.at, *data)
            case "failure" | "access":
                return []
        raise KeyError(record.event)

    def _write(self, at: int, level: str, text: str, *, pid: int = SERVER_PID, role: str = "M") -> str:
        return one_line(f"{pid}:{role} {self._stamp(at)} {level} {text}")

    def _stamp(self, at: int) -> str:
        when = self.scene.moment(at)
        return f"{when.day:02d} {_MONTHS[when.month - 1]} {when:%Y %H:%M:%S}.{milliseconds(at):03d}"

    def _bgsave_started(self, at: int, pid: int) -> list[str]:
        return [
            self._write(at, NOTICE, f"{SAVE_AFTER_CHANGES} changes in {SAVE_AFTER_S} seconds. Saving..."),
            self._write(at, NOTICE, f"Background saving started by pid {pid}"),
        ]

    def _bgsave_finished(self, at: int, pid: int) -> list[str]:
        cow = 1 + self.scene.streams.bits("log/cow", at) % 6
        earlier = at - 90 * MILLISECOND
        return [
            self._write(earlier, NOTICE, "DB saved on disk", pid=pid, role="C"),
            self._write(
                earlier + MILLISECOND,
                NOTICE,
                f"Fork CoW for RDB: current {cow} MB, peak {cow} MB, average {cow} MB",
                pid=pid,
                role="C",
            ),
            self._write(at, NOTICE, "Background saving terminated with success"),
        ]

    def _started(self, at: int, startup: int) -> list[str]:
        begun = at - startup
        port = self.scene.service.spec.port
        banner = (
            "oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo",
            f"Redis version={VERSION}, bits=64, commit=00000000, modified=0, pid={SERVER_PID}, just started",
            "Configuration loaded",
        )
        return [
            *(self._write(begun, WARNING, text, role="C") for text in banner),
            self._write(begun + MILLISECOND, NOTICE, "monotonic clock: POSIX clock_gettime"),
            self._write(begun + 2 * MILLISECOND, NOTICE, f"Running mode=standalone, port={port}."),
            self._write(begun + 2 * MILLISECOND, WARNING, "Server initialized"),
            self._write(begun + 3 * MILLISECOND, NOTICE, f"Loading RDB produced by version {VERSION}"),
            self._write(at, NOTICE, f"DB loaded from disk: {startup / SECOND:.3f} seconds"),
            self._write(at, NOTICE, "Ready to accept connections"),
        ]

    def _stopping(self, at: int, reason: str) -> list[str]:
        if reason in {"OOMKilled", "Error"}:  # SIGKILL leaves no time for last words
            return []
        signal = (
            f"{SERVER_PID}:signal-handler ({self.scene.epoch_s + at // SECOND}) Received SIGTERM scheduling shutdown..."
        )
        return [
            signal,
            self._write(at, WARNING, "User requested shutdown..."),
            self._write(at, NOTICE, "Saving the final RDB snapshot before exiting."),
            self._write(at, NOTICE, "DB saved on disk"),
            self._write(at, WARNING, "Redis is now ready to exit, bye bye..."),
        ]
