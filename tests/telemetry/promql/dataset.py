"""Series for comparing with a real Prometheus: counters, gauges and histograms with everything that goes wrong."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cluster_sim.telemetry.series import Series

from .memory import MemorySource, series, source

START_MS = 1_741_953_600_000
"""2025-03-14 12:00:00 UTC."""

LENGTH_MS = 45 * 60_000
INTERVAL_MS = 15_000
BOUNDS = ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf")

Values = Callable[[int], np.ndarray]


class Builder:
    """Collects series; each target is sampled at its own offset, and may be down for a while."""

    def __init__(self, seed: int) -> None:
        self.draw = np.random.default_rng(seed)
        self.found: list[Series] = []

    def target(self, *, begin: float = 0.0, end: float = 1.0, down: tuple[float, float] | None = None) -> list[int]:
        """Sampling instants of a target, from and to parts of the whole span, but for the time it is down."""
        offset = int(self.draw.integers(0, INTERVAL_MS))
        times = np.arange(START_MS + offset, START_MS + LENGTH_MS, INTERVAL_MS)
        part = (times - START_MS) / LENGTH_MS
        keep = (part >= begin) & (part <= end)
        if down is not None:
            keep &= (part < down[0]) | (part > down[1])
        return [int(time) for time in times[keep]]

    def add(self, name: str, labels: dict[str, str], times: list[int], values: np.ndarray | list[float]) -> None:
        self.found.append(series(name, labels, times, [float(value) for value in values]))

    def counter(self, size: int, rate: float, restarts: list[int]) -> np.ndarray:
        """Counts that begin anew at each restart."""
        steps = self.draw.poisson(rate, size)
        total = np.cumsum(steps)
        for at in restarts:
            if at < size:
                total[at:] -= total[at]
        return total


def dataset(seed: int = 20250314) -> MemorySource:
    """Several hundred series over three quarters of an hour."""
    build = Builder(seed)
    _requests(build)
    _latencies(build)
    _gauges(build)
    _odd(build)
    return source(*build.found)


def _requests(build: Builder) -> None:
    """Counters of eight pods of four services: restarts, a pod that ends, one that begins late, gaps."""
    for number, job in enumerate(("checkout", "payment", "inventory", "auth")):
        for pod in ("a", "b"):
            ends, begins = (job, pod) == ("payment", "b"), (job, pod) == ("auth", "b")
            gap = {"checkout": (0.4, 0.44), "inventory": (0.5, 0.7)}.get(job) if pod == "a" else None
            times = build.target(begin=0.55 if begins else 0.0, end=0.6 if ends else 1.0, down=gap)
            instance = {"job": job, "instance": f"{job}-{pod}:8080"}
            restarts = [60, 100] if pod == "b" else ([20] if number == 2 else [])
            build.add("up", instance, times, [1.0 if build.draw.random() > 0.05 else 0.0 for _ in times])
            build.add("process_start_time_seconds", instance, times, [times[0] / 1000 - 7.5] * len(times))
            build.add("build_info", {**instance, "version": f"1.{number}.{int(pod == 'b')}"}, times, [1.0] * len(times))
            build.add("memory_bytes", instance, times, 2e8 + 1e6 * np.cumsum(build.draw.normal(size=len(times))))
            for code, rate in (("200", 30.0), ("404", 0.4), ("500", 1.5)):
                for method in ("GET", "POST"):
                    labels = {**instance, "code": code, "method": method}
                    build.add("http_requests_total", labels, times, build.counter(len(times), rate, restarts))


def _latencies(build: Builder) -> None:
    """Histograms of two routes of three services; one service loses its buckets for a time."""
    for job in ("checkout", "payment", "auth"):
        for route in ("/pay", "/login"):
            times = build.target(down=(0.3, 0.5) if job == "auth" else None)
            labels = {"job": job, "instance": f"{job}-a:8080", "route": route}
            counts = build.draw.poisson(np.linspace(0.1, 3.0, len(BOUNDS)), (len(times), len(BOUNDS)))
            cumulative = np.cumsum(np.cumsum(counts, axis=0), axis=1)
            for column, bound in enumerate(BOUNDS):
                build.add("request_seconds_bucket", {**labels, "le": bound}, times, cumulative[:, column])
            build.add("request_seconds_count", labels, times, cumulative[:, -1])
            build.add("request_seconds_sum", labels, times, np.cumsum(build.draw.random(len(times))))
    times = build.target()
    for bound, value in (("1", 3.0), ("1.0", 4.0), ("2", 6.0), ("many", 9.0), ("+Inf", 11.0)):
        build.add("odd_bucket", {"kind": "twice", "le": bound}, times, value * np.arange(len(times)))
    for bound, value in (("1", 3.0), ("2", 2.0), ("5", 7.0), ("+Inf", 6.5)):
        build.add("odd_bucket", {"kind": "falling", "le": bound}, times, value * np.arange(len(times)))
    for bound, value in (("1", 3.0), ("2", 6.0)):
        build.add("odd_bucket", {"kind": "endless", "le": bound}, times, value * np.arange(len(times)))
    for bound, value in (("-1", 3.0), ("0", 6.0), ("+Inf", 9.0)):
        build.add("odd_bucket", {"kind": "negative", "le": bound}, times, value * np.arange(len(times)))
    build.add("odd_bucket", {"kind": "lonely", "le": "+Inf"}, times, np.arange(len(times)))


def _gauges(build: Builder) -> None:
    """Gauges with few and with many values, negative ones, ones that end, and two metrics with equal labels."""
    for zone in ("north", "south", "east"):
        for rack in ("1", "2", "3"):
            times = build.target(end=0.7 if rack == "3" else 1.0)
            labels = {"zone": zone, "rack": rack}
            build.add("temperature_celsius", labels, times, 5 * build.draw.normal(size=len(times)))
            build.add("queue_length", labels, times, build.draw.integers(0, 5, len(times)))
            build.add("queue_limit", labels, times, [4.0] * len(times))
    for service in ("postgres", "redis"):
        for state in ("active", "idle", "waiting"):
            times = build.target()
            build.add(
                "pool_connections", {"service": service, "state": state}, times, build.draw.poisson(6, len(times))
            )
    times = build.target()
    build.add("pool_limit", {"service": "postgres", "tier": "gold"}, times, [20.0] * len(times))
    build.add("pool_limit", {"service": "redis", "tier": "silver"}, times, [12.5] * len(times))
    build.add("clock_seconds", {}, times, np.array(times) / 1000 + build.draw.normal(size=len(times)))


def _odd(build: Builder) -> None:
    """Infinities, NaN, huge, tiny and constant values; labels that need quoting; a series with few samples."""
    times = build.target()
    size = len(times)
    mixed = build.draw.choice([np.nan, np.inf, -np.inf, 0.0, 1.0, -1.0], size)
    build.add("odd_value", {"kind": "mixed"}, times, mixed)
    build.add("odd_value", {"kind": "missing"}, times, np.where(build.draw.random(size) < 0.3, np.nan, 2.5))
    build.add("odd_value", {"kind": "endless"}, times, [np.inf] * size)
    build.add("odd_value", {"kind": "huge"}, times, 1e308 * build.draw.random(size))
    build.add("odd_value", {"kind": "tiny"}, times, 1e-300 * build.draw.integers(0, 9, size))
    build.add("odd_value", {"kind": "constant"}, times, [0.1] * size)
    build.add("odd_value", {"kind": "wide"}, times, 10.0 ** build.draw.integers(-12, 12, size))
    build.add("odd_label", {"text": 'say "hi"\\n', "other": "a,b=c"}, times, np.arange(size))
    build.add("odd_label", {"text": "línea\nnueva", "other": "{}"}, times, np.arange(size) * 2.0)
    build.add("rare_total", {"job": "checkout"}, times[:: size // 3], np.arange(len(times[:: size // 3])) * 10.0)
    build.add("single_total", {"job": "checkout"}, times[size // 2 : size // 2 + 1], [7.0])
