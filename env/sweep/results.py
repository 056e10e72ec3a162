"""The finished file of a sweep: JSON lines or Parquet, by its name."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

from .errors import SweepRefused
from .partial import partial_path
from .row import COLUMNS

SUFFIXES = (".jsonl", ".parquet")
ROW_GROUP = 1000
"""Rows of a row group of Parquet: the same however they were played, so that the bytes are; chosen."""


def check_output(out: Path, *, overwrite: bool = False) -> None:
    """Raises SweepRefused where the results cannot be written."""
    check_format(out)
    _check_place(out)
    if out.exists() and not overwrite:
        raise SweepRefused(f"{out} is there already; --overwrite replaces it, --summary-only {out} reads it")


def check_trajectories(path: Path, out: Path, *, overwrite: bool = False) -> None:
    """Raises SweepRefused where trajectories cannot be written.

    Args:
        out: where the results go.
    """
    if path.suffix != ".jsonl":
        raise SweepRefused(f"{path} should end in .jsonl")
    if path.resolve() == out.resolve():
        raise SweepRefused(f"{path} cannot hold both the results and the trajectories")
    _check_place(path)
    if path.exists() and not overwrite:
        raise SweepRefused(f"{path} is there already; --overwrite replaces it")


def _check_place(path: Path) -> None:
    if path.is_dir():
        raise SweepRefused(f"{path} is a directory")
    if not path.parent.is_dir():
        raise SweepRefused(f"{path.parent} is no directory")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise SweepRefused(f"{path.parent} cannot be written to")


def check_format(path: Path) -> None:
    """Raises SweepRefused where the name says nothing of a format, or the format needs what is not installed."""
    if path.suffix not in SUFFIXES:
        raise SweepRefused(f"{path} should end in {' or '.join(SUFFIXES)}")
    if path.suffix == ".parquet" and find_spec("pyarrow") is None:
        raise SweepRefused("Parquet needs the package pyarrow: pip install 'incident-response-env[parquet]'")


def write(out: Path, lines: Iterable[bytes]) -> None:
    """Write the file; it is there as a whole, or as it was before."""
    unfinished = partial_path(out).with_suffix(".unfinished")
    try:
        if out.suffix == ".parquet":
            _write_parquet(unfinished, lines)
        else:
            with unfinished.open("wb") as file:
                file.writelines(lines)
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a finished file, in order.

    Raises:
        SweepRefused: it cannot be read, or is something else.
    """
    check_format(path)
    try:
        for row in _read_parquet(path) if path.suffix == ".parquet" else _read_lines(path):
            if not isinstance(row, dict) or row.keys() != COLUMNS:
                raise ValueError("other columns")
            yield row
    except FileNotFoundError:
        raise SweepRefused(f"{path} does not exist") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SweepRefused(f"{path} is no result of a sweep, or damaged: {type(error).__name__}") from None


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        yield from map(json.loads, file)


# ---------------------------------------------------------------- Parquet


def _schema() -> Any:
    import pyarrow as pa

    text, number, whole = pa.string(), pa.float64(), pa.int64()
    return pa.schema(
        {
            "version": text,
            "noise": number,
            "arrival_rate_hz": number,
            "reward_mode": text,
            "seed": whole,
            "task": text,
            "policy": text,
            "split": text,
            "difficulty": whole,
            "difficulty_played": whole,
            "trial": whole,
            "fault": text,
            "family": text,
            "outcome": text,
            "failure": text,
            "score": number,
            "resolved": pa.bool_(),
            "done": pa.bool_(),
            "steps": whole,
            "simulated_s": number,
            "after_page_s": number,
            "total_reward": number,
            "rewards": pa.list_(number),
            "lines": pa.map_(text, number),
            "deductions": pa.map_(text, number),
            "grading": text,
            "harm_excess": number,
            "bad_minutes": number,
            "bad_minutes_nothing": number,
            "bad_minutes_reference": number,
            "collateral_minutes": number,
            "actions": pa.list_(text),
            "observations": text,
        }
    )


def _write_parquet(path: Path, lines: Iterable[bytes]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    schema = _schema()
    left = iter(lines)
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        while rows := [_columns(json.loads(line)) for line in islice(left, ROW_GROUP)]:
            writer.write_table(pa.Table.from_pylist(rows, schema=schema), row_group_size=ROW_GROUP)


def _columns(row: dict[str, Any]) -> dict[str, Any]:
    """A row as Parquet holds it: details of an action are text or JSON, so each action is a text of JSON."""
    return row | {
        "lines": list(row["lines"].items()),
        "deductions": list(row["deductions"].items()),
        "actions": [json.dumps(action, separators=(",", ":")) for action in row["actions"]],
    }


def _read_parquet(path: Path) -> Iterator[dict[str, Any]]:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=ROW_GROUP):
            for row in batch.to_pylist():
                actions = [json.loads(action) for action in row["actions"]]
                yield row | {"lines": dict(row["lines"]), "deductions": dict(row["deductions"]), "actions": actions}
