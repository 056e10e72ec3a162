"""The record that a sampled request leaves of a call, a wait or an answer: its fields, its kinds and its bytes."""

from __future__ import annotations

from struct import Struct
from typing import Final

import numpy as np

# Kinds of records.
REQUEST: Final = 0  # a user's request, from sending it to the answer
SERVED: Final = 1  # a call, at the pod that answered it
GIVEN_UP: Final = 2  # a call whose caller stopped waiting, as the caller saw it
UNSERVED: Final = 3  # a call that reached no pod
CONNECTION: Final = 4  # a wait for a connection
WORKER: Final = 5  # a wait in the queue of a pod

USER: Final = 0xFFFF
"""In the place of the caller's edge: the user."""
NOBODY: Final = 0xFFFE
"""In the place of the caller's edge: its caller had given up, or died."""

LAYOUT = (
    ("number", "q"),
    ("start", "q"),
    ("end", "q"),
    ("caller_start", "q"),
    ("edge", "H"),
    ("caller", "H"),
    ("pod", "H"),
    ("caller_pod", "H"),
    ("first", "H"),
    ("second", "H"),
    ("attempt", "H"),
    ("sampled", "B"),
    ("kind", "B"),
    ("failure", "B"),
)
"""The fields of a record and their formats, little-endian.

A record is made at its `end`. A call is known by its (number, edge, start), where the start is when it reached its
server; (number, caller, caller_start) name in the same way the call that made it. Pods are 0 where there is none.
`sampled` is that of the `Flow`. `first` and `second` are

- of a request: the endpoint and the status; its edge is the user, its caller nobody, `caller_start` who the user is;
- of a served call: 0, and how many items it has at its end;
- of a wait for a connection in vain: the connections that were open, and the others who waited.
"""

RECORD = Struct("<" + "".join(kind for _, kind in LAYOUT))
RECORD_BYTES = RECORD.size

SPAN = np.dtype([(name, {"q": "<i8", "H": "<u2", "B": "u1"}[kind]) for name, kind in LAYOUT])
"""A record, for numpy: the same bytes."""
