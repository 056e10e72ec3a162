"""Grading in full: what users suffered, what the agent broke, knew and can show, and what it took."""

from .assess import Assessment, assess
from .yardstick import Yardstick, Yardsticks

__all__ = ["Assessment", "Yardstick", "Yardsticks", "assess"]
