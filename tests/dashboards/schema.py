"""Checks JSON against the types that Grafana generates from its own schemas.

`grafana-foundation-sdk` holds a class for every kind of object, made from the CUE schemas of Grafana's repository. Its
`from_json` reads what it knows and checks nothing, so this walks the result along the classes' annotations, and
compares what it would write with what was read: keys that the schema does not know, and keys that it wants.
"""

from __future__ import annotations

import enum
import json
import types
import typing
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

register_default_plugins()


def violations(data: dict[str, Any]) -> list[str]:
    """Where a dashboard is not what the schema says."""
    model = Dashboard.from_json(data)
    found = list(_wrong(model, Dashboard, "dashboard"))
    written = json.loads(json.dumps(model, cls=JSONEncoder))
    return found + list(_different(data, written, "dashboard"))


def _different(read: Any, written: Any, path: str) -> typing.Iterator[str]:
    if isinstance(read, dict) and isinstance(written, dict):
        yield from (f"{path}.{key} is not in the schema" for key in read.keys() - written.keys())
        yield from (f"{path}.{key} is missing" for key in written.keys() - read.keys())
        for key in read.keys() & written.keys():
            yield from _different(read[key], written[key], f"{path}.{key}")
    elif isinstance(read, list) and isinstance(written, list) and len(read) == len(written):
        for number, (one, other) in enumerate(zip(read, written, strict=True)):
            yield from _different(one, other, f"{path}[{number}]")
    elif read != written:
        yield f"{path} is {read!r}, which reads as {written!r}"


def _wrong(value: Any, kind: Any, path: str) -> typing.Iterator[str]:
    """Where a value is not of a type."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind in (Any, object) or isinstance(kind, typing.TypeVar):
        if hasattr(value, "to_json"):  # an object of a class of its own: a panel's options, a query
            yield from _wrong(value, type(value), path)
    elif origin in (typing.Union, types.UnionType):
        if all(list(_wrong(value, one, path)) for one in arguments):
            yield from _wrong(value, next(one for one in arguments if one is not type(None)), path)
    elif origin is typing.Literal:
        if value not in arguments:
            yield f"{path} is {value!r}, not one of {arguments}"
    elif origin is list:
        if not isinstance(value, list):
            yield f"{path} is not a list"
            return
        for number, one in enumerate(value):
            yield from _wrong(one, arguments[0], f"{path}[{number}]")
    elif origin is dict:
        if not isinstance(value, dict):
            yield f"{path} is not an object"
            return
        for key, one in value.items():
            yield from _wrong(one, arguments[1], f"{path}.{key}")
    elif isinstance(kind, type) and issubclass(kind, enum.Enum):
        if value not in {member.value for member in kind}:
            yield f"{path} is {value!r}, not a {kind.__name__}"
    elif kind is float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            yield f"{path} is {value!r}, not a number"
    elif kind in (str, bool, int, type(None)):
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            yield f"{path} is {value!r}, not of type {kind.__name__}"
    elif isinstance(value, dict) and hasattr(kind, "from_json"):  # not every from_json reads what is inside
        model = kind.from_json(value)
        yield from _wrong(model, kind, path)
        yield from _different(value, json.loads(json.dumps(model, cls=JSONEncoder)), path)
    elif hasattr(value, "to_json"):
        if not isinstance(value, kind):
            yield f"{path} is a {type(value).__name__}, not a {kind.__name__}"
        for name, inner in typing.get_type_hints(type(value)).items():
            yield from _wrong(getattr(value, name), inner, f"{path}.{name}")
    else:
        yield f"{path} is {value!r}, not a {kind}"
