"""Named random streams: every draw is a function of (seed, stream, window or key), never of what was drawn before."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

_MASK = (1 << 64) - 1


def mix(value: int) -> int:
    """A 64-bit finaliser (splitmix64, Steele, Lea and Flood 2014): spreads nearby integers over the whole range."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


class Streams:
    """The random streams of one seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._keys: dict[str, int] = {}

    def __getstate__(self) -> dict[str, int]:
        return {"seed": self.seed}  # the keys follow from it

    def __setstate__(self, state: dict[str, int]) -> None:
        self.seed = state["seed"]
        self._keys = {}

    def key(self, stream: str) -> int:
        """The 64-bit key of a stream."""
        key = self._keys.get(stream)
        if key is None:
            digest = blake2b(f"{self.seed}/{stream}".encode(), digest_size=8).digest()
            key = self._keys[stream] = int.from_bytes(digest, "big")
        return key

    def window(self, stream: str, window: int) -> np.random.Generator:
        """The generator of one stream in one 15-second window of simulated time."""
        return np.random.Generator(np.random.PCG64(mix(self.key(stream) ^ mix(window))))

    def bits(self, stream: str, *keys: int) -> int:
        """64 random bits that belong to these keys."""
        value = self.key(stream)
        for key in keys:
            value = mix(value ^ mix(key & _MASK))
        return value

    def uniform(self, stream: str, *keys: int) -> float:
        """A number in [0, 1) that belongs to these keys."""
        return (self.bits(stream, *keys) >> 11) * 2.0**-53
