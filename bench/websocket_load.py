"""Many clients of /ws in one thread: raw sockets and frames made beforehand, so that they take little CPU."""

from __future__ import annotations

import base64
import json
import os
import selectors
import socket
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import quantiles
from time import perf_counter, process_time
from typing import Any

TEXT, PING, PONG = 0x81, 0x89, 0x8A
"""First bytes of whole frames; source: RFC 6455, section 5.2."""
UNMASKED = b"\0\0\0\0"
"""A mask that changes nothing; a client has to send one."""
CHUNK_BYTES = 1 << 16
PATIENCE_S = 60.0


def frame(content: Any) -> bytes:
    """A frame of OpenEnv, as a client sends it."""
    payload = json.dumps(content).encode()
    if len(payload) >= 126:
        return bytes([TEXT, 0x80 | 126]) + len(payload).to_bytes(2, "big") + UNMASKED + payload
    return bytes([TEXT, 0x80 | len(payload)]) + UNMASKED + payload


@dataclass(eq=False)
class Client:
    """One connection.

    Attributes:
        due: when the frame under way was to be sent; 0 while none is.
        late: when those were to be sent that wait for it.
        sent: steps so far.
    """

    socket: socket.socket
    due: float = 0.0
    late: deque[float] = field(default_factory=deque)
    sent: int = 0
    received: bytearray = field(default_factory=bytearray)


@dataclass(frozen=True)
class Load:
    """What was measured.

    Attributes:
        latencies_s: from when a step was to be sent until its answer was there, in order of size.
        wall_s, cpu_s: the time that it took, and the CPU of the clients in it.
    """

    latencies_s: list[float]
    wall_s: float
    cpu_s: float

    @property
    def rate(self) -> float:
        """Steps per second."""
        return len(self.latencies_s) / self.wall_s

    def percentile_ms(self, percent: int) -> float:
        """Of the latencies."""
        return quantiles(self.latencies_s, n=100)[percent - 1] * 1e3


class Clients:
    """Connections that play an episode each; to be closed."""

    def __init__(self, port: int, count: int) -> None:
        self._open = ExitStack()
        self._selector = self._open.enter_context(selectors.DefaultSelector())
        self.all = [Client(self._open.enter_context(connected(port))) for _ in range(count)]
        for client in self.all:
            self._selector.register(client.socket, selectors.EVENT_READ, client)

    def __enter__(self) -> Clients:
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def reset(self, tasks: Sequence[str]) -> float:
        """Begins an episode on every connection, of all tasks and a few seeds; how long it took, in seconds."""
        began = perf_counter()
        for number, client in enumerate(self.all):
            self._send(
                client, frame({"type": "reset", "data": {"task_id": tasks[number % len(tasks)], "seed": number // 8}})
            )
        missing = len(self.all)
        while missing:
            missing -= len(self._answered())
        return perf_counter() - began

    def play(self, steps: int, frames: Sequence[bytes], rate_hz: float | None = None) -> Load:
        """So many steps on every connection: each as soon as the one before is answered, or at a rate over all."""
        for client in self.all:
            client.sent = 0
        total = steps * len(self.all)
        latencies: list[float] = []
        cpu, began = process_time(), perf_counter()
        plan: deque[tuple[float, Client]] = deque()
        if rate_hz is None:
            for client in self.all:
                self._step(client, frames, perf_counter())
        else:
            plan.extend((began + at / rate_hz, self.all[at % len(self.all)]) for at in range(total))
        while len(latencies) < total:
            now = perf_counter()
            while plan and plan[0][0] <= now:
                due, client = plan.popleft()
                if client.due:
                    client.late.append(due)
                else:
                    self._step(client, frames, due)
            for client in self._answered(max(plan[0][0] - now, 0.0) if plan else PATIENCE_S):
                now = perf_counter()
                latencies.append(now - client.due)
                client.due = 0.0
                if client.late:
                    self._step(client, frames, client.late.popleft())
                elif rate_hz is None and client.sent < steps:
                    self._step(client, frames, now)
        return Load(sorted(latencies), perf_counter() - began, process_time() - cpu)

    def _step(self, client: Client, frames: Sequence[bytes], due: float) -> None:
        client.due = due
        self._send(client, frames[client.sent % len(frames)])
        client.sent += 1

    def _send(self, client: Client, content: bytes) -> None:
        if client.socket.send(content) != len(content):
            raise RuntimeError("the server does not read")

    def _answered(self, patience_s: float = PATIENCE_S) -> list[Client]:
        """The clients whose answers are complete; those that were refused end the measurement."""
        ready = self._selector.select(patience_s)
        if not ready and patience_s >= PATIENCE_S:
            raise TimeoutError("the server does not answer")
        answered = []
        for key, _ in ready:
            client: Client = key.data
            read = client.socket.recv(CHUNK_BYTES)
            if not read:
                raise ConnectionError("the server closed the connection")
            held = client.received
            held += read
            while (size := frame_bytes(held)) is not None and len(held) >= size:
                if held[0] == PING:
                    payload = held[2:size]
                    self._send(client, bytes([PONG, 0x80 | len(payload)]) + UNMASKED + payload)
                else:
                    if b'"observation"' not in held[:40]:
                        raise RuntimeError(held[:size].decode(errors="replace"))
                    answered.append(client)
                del held[:size]
        return answered


def frame_bytes(received: bytearray) -> int | None:
    """The size of the frame that begins here, if that much of it is there; source: RFC 6455, section 5.2."""
    if len(received) < 10:
        return 2 + received[1] if len(received) >= 2 and received[1] < 126 else None
    short = received[1]
    if short < 126:
        return 2 + short
    return 4 + int.from_bytes(received[2:4], "big") if short == 126 else 10 + int.from_bytes(received[2:10], "big")


def connected(port: int) -> socket.socket:
    """A connection to /ws on loopback, its handshake done; no extensions are offered."""
    opened = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    key = base64.b64encode(os.urandom(16)).decode()
    head = f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    opened.sendall(f"{head}Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += opened.recv(1)
    if b" 101 " not in answer:
        raise ConnectionError(answer.decode(errors="replace"))
    return opened
