"""Generated incidents: each a function of its address alone, in splits that share no fault or topology held out."""

from .address import DIFFICULTIES, SIZE, VERSION, Address, InvalidAddress, Split
from .blueprint import Blueprint, draw
from .build import Generated, attempts, build
from .decoys import Decoy

__all__ = [
    "DIFFICULTIES",
    "SIZE",
    "VERSION",
    "Address",
    "Blueprint",
    "Decoy",
    "Generated",
    "InvalidAddress",
    "Split",
    "attempts",
    "build",
    "draw",
]
