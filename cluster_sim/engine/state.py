"""What the compiled kinds of a cluster's state have in common."""

from __future__ import annotations

from typing import Self

from mypy_extensions import mypyc_attr


@mypyc_attr(serializable=True)
class State:
    """A part of a cluster's state; it pickles, compiled or not."""

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        """An object whose attributes are not set yet.

        Compiled, a class that pickles would not have its `__init__` called unless it had a `__new__`
        (mypyc issue 1172).
        """
        return super().__new__(cls)
