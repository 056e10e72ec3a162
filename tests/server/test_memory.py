"""What a reset has freed goes back to the system."""

import os

from env.workers.memory import EVERY_S, Memory

BLOCK_BYTES = 50_000
"""Small enough for the C library to keep it when it is freed."""


def resident_bytes():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_freed_memory_is_given_back_although_a_later_block_is_kept():
    """A hundred megabytes."""
    blocks = [bytearray(BLOCK_BYTES) for _ in range(2_000)]
    kept = bytearray(BLOCK_BYTES)
    full = resident_bytes()
    blocks.clear()
    assert Memory().give_back()
    assert full - resident_bytes() > 80_000_000
    assert len(kept) == BLOCK_BYTES


def test_it_is_not_given_back_again_a_moment_later():
    """As that takes its time."""
    now_s = 10.0
    memory = Memory(clock=lambda: now_s)
    done = []
    for waited_s in (0.0, EVERY_S / 2, EVERY_S):
        now_s += waited_s
        done.append(memory.give_back())
    assert done == [True, False, True]
