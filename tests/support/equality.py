"""In what two clusters differ: in anything an episode can show, or that decides what happens to them later."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import islice

from cluster_sim.cluster import Cluster
from cluster_sim.engine.spans import RECORD_BYTES
from tests.support.portrait import AnyOrder, Data, portrait

_SHOWN = 100
"""Characters of a value that are shown."""


def differences(one: Cluster, other: Cluster, limit: int = 12) -> list[str]:
    """The first differences of two clusters, a line each: where it is, and both values. Empty if there are none.

    The numbers that events got when they were put on the queue do not count, only the order that follows from them.
    """
    return list(islice(_differ("", portrait(one), portrait(other)), limit))


def continued(one: Cluster, other: Cluster, seconds: float, limit: int = 12) -> list[str]:
    """The differences after both have gone on for some time, events only."""
    for cluster in (one, other):
        cluster.fast_forward = False
        cluster.run_for(seconds)
    return differences(one, other, limit)


def _differ(at: str, one: Data, other: Data) -> Iterator[str]:
    if type(one) is not type(other):
        yield f"{at}: {_short(one)} ({type(one).__name__}) | {_short(other)} ({type(other).__name__})"
    elif isinstance(one, dict):
        yield from _dictionaries(at, one, other)
    elif isinstance(one, list):
        yield from _sequences(at, one, other)
    elif isinstance(one, array):
        # By their bytes: values that stand for "no value any more" are not equal to themselves.
        if one.typecode != other.typecode or one.tobytes() != other.tobytes():
            yield from _first_element(at, one.tolist(), other.tolist())
    elif isinstance(one, bytes):
        if one != other:
            yield from _records(at, one, other)
    elif one != other and not (one != one and other != other):
        yield f"{at}: {_short(one)} | {_short(other)}"


def _dictionaries(at: str, one: dict, other: dict) -> Iterator[str]:
    for key in one:
        if key not in other:
            yield f"{at}[{key!r}]: {_short(one[key])} | missing"
        else:
            yield from _differ(f"{at}/{key}" if isinstance(key, str) else f"{at}[{key!r}]", one[key], other[key])
    for key in other:
        if key not in one:
            yield f"{at}[{key!r}]: missing | {_short(other[key])}"
    if isinstance(one, AnyOrder):
        return
    if one.keys() == other.keys():
        for place, (first, second) in enumerate(zip(one, other, strict=True)):
            if type(first) is not type(second):
                yield f"{at}: key {first!r} is {type(first).__name__} | {type(second).__name__}"
                return
            if first != second:
                yield f"{at}: another order from place {place} on: {_short(first)} | {_short(second)}"
                return


def _sequences(at: str, one: list, other: list) -> Iterator[str]:
    if len(one) != len(other):
        yield f"{at}: {len(one)} | {len(other)} elements"
    found = 0
    for place, (first, second) in enumerate(zip(one, other, strict=False)):
        inner = list(islice(_differ(f"{at}[{place}]", first, second), 4))
        yield from inner
        found += bool(inner)
        if found == 2:  # what follows a first difference differs as well, mostly
            break
    if found and len(one) == len(other) and sorted(map(repr, one)) == sorted(map(repr, other)):
        yield f"{at}: the same elements in another order"
    if len(one) != len(other):
        longer = one if len(one) > len(other) else other
        place = min(len(one), len(other))
        yield f"{at}[{place}]: only {'the first' if longer is one else 'the second'} has {_short(longer[place])}"


def _first_element(at: str, one: list, other: list) -> Iterator[str]:
    for place, (first, second) in enumerate(zip(one, other, strict=False)):
        if first != second:
            yield f"{at}[{place}]: {first} | {second} (of {len(one)} | {len(other)})"
            return
    yield f"{at}: {len(one)} | {len(other)} elements"


def _records(at: str, one: bytes, other: bytes) -> Iterator[str]:
    """Packed records of spans."""
    size = RECORD_BYTES
    first, second = ([packed[i : i + size] for i in range(0, len(packed), size)] for packed in (one, other))
    if sorted(first) == sorted(second):
        yield f"{at}: the same records in another order"
    else:
        yield f"{at}: {len(first)} | {len(second)} records, {len(set(first) ^ set(second))} in one only"


def _short(value: Data) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
