"""Files that are either complete or not there."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def write(path: Path, chunks: Iterable[str]) -> None:
    """Write a file under another name beside its own, and give it its name when it is complete."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="") as file:
            file.writelines(chunks)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
