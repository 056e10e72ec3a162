"""The processes in which sessions are played, beside the one that serves them."""

from .calls import Export, Exposition, Reset, State, Step, UseTool, encode
from .crew import Crew, importable
from .process import Answer
from .threads import Threads
from .worker import Worker, WorkerLost

__all__ = [
    "Answer",
    "Crew",
    "Export",
    "Exposition",
    "Reset",
    "State",
    "Step",
    "Threads",
    "UseTool",
    "Worker",
    "WorkerLost",
    "encode",
    "importable",
]
