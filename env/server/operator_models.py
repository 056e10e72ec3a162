"""What the operator's routes take."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..live.settings import FASTEST, NOISIEST, SLOWEST
from ..models import Name

HIGHEST_FACTOR = 10.0
"""Times the declared rate (chosen: above it nothing but overload is to be seen)."""


class Order(BaseModel):
    """A body: known fields only, and at least one of them."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="after")
    def _says_something(self) -> Order:
        if not self.model_dump(exclude_none=True):
            raise ValueError("should hold at least one field")
        return self


class FaultOrder(Order):
    """A fault to inject."""

    fault: Name


class FixOrder(Order):
    """A remediation to order."""

    fix: Name


class Traffic(Order):
    """What users and the background do.

    Attributes:
        rate_factor: on the declared rate of users' requests, from the next 15-second window on.
        noise: level of background trouble and unevenness; 1 is usual, 0 none.
    """

    rate_factor: Annotated[float, Field(ge=0, le=HIGHEST_FACTOR, allow_inf_nan=False)] | None = None
    noise: Annotated[float, Field(ge=0, le=NOISIEST, allow_inf_nan=False)] | None = None


class Pace(Order):
    """How live time passes.

    Attributes:
        speed: simulated seconds per second.
    """

    speed: Annotated[float, Field(ge=SLOWEST, le=FASTEST, allow_inf_nan=False)] | None = None
    paused: bool | None = None
