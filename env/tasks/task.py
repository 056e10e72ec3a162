"""What a task is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cluster_sim import FAULTS, Fault

from ..grading import Criterion, Explained


@dataclass(frozen=True, kw_only=True)
class IncidentTask:
    """An incident to be handled, and how it is scored.

    Attributes:
        task_id: its name on the wire.
        description: symptoms, rules and schema; never the cause.
        difficulty: `easy`, `medium` or `hard`.
        max_steps: the step limit.
        split: `train`, `validation` or `test`.
        fault: the name of the fault.
        criteria: the lines of the score by the table.
        grading: how it is graded unless the episode's options say otherwise.
    """

    task_id: str
    title: str
    description: str
    difficulty: str
    max_steps: int
    fault: str
    criteria: tuple[Criterion, ...]
    grading: Literal["table", "full"] = "table"
    split: str = "train"

    @property
    def name(self) -> str:
        """Its name in the catalogue."""
        return self.task_id

    @property
    def root(self) -> Fault:
        """The fault itself."""
        return FAULTS[self.fault]

    @property
    def needs_postmortem(self) -> bool:
        """Whether it is over only with a postmortem."""
        return self.root.harmless or any(isinstance(criterion, Explained) for criterion in self.criteria)
