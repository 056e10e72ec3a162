"""Which scrapes are in sight: of the last intervals before an evaluation, the newest scrape of each target."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from ...clock import WINDOW

if TYPE_CHECKING:
    from ..scrape import Block, Target


class Piece(NamedTuple):
    """Consecutive scrapes in a block.

    Attributes:
        first, size: which of the block's.
        row: the evaluation, of those in sight, at which the first of them was the newest.
    """

    block: Block
    first: int
    size: int
    row: int


class Sight(NamedTuple):
    """The scrapes in sight of several evaluations, target by target.

    Attributes:
        rows: evaluations that are looked back to, the present ones included.
        targets: of which there are any.
        blocks: of each target, oldest first.
        ends: where the scrapes end if all are there, in one block; else the pieces.
    """

    rows: int
    targets: list[Target]
    blocks: list[tuple[Block, ...]]
    ends: list[int | list[Piece]]


def look(targets: Iterable[Target], now: int, rows: int) -> Sight:
    """What is in sight of the evaluation at `now` and of so many in all, one every interval."""
    sight = Sight(rows, [], [], [])
    _, seen, blocks, ends = sight
    for target in targets:
        if not target.blocks:
            continue
        block = target.blocks[-1]
        times = block.times
        age = (now - times[-1]) // WINDOW  # below zero: there are newer scrapes than the one that is looked for
        end = len(times) + age
        if age <= 0 and end >= rows:
            blocks.append((block,))
            ends.append(end)
        elif pieces := _pieces(target.blocks, now, rows):
            blocks.append(tuple([piece.block for piece in pieces]))
            ends.append(pieces)
        else:
            continue
        seen.append(target)
    return sight


def _pieces(blocks: list[Block], now: int, rows: int) -> list[Piece]:
    pieces: list[Piece] = []
    for block in reversed(blocks):
        times = block.times
        age = (now - times[-1]) // WINDOW
        last = len(times) + min(age, 0)
        age = max(age, 0)
        if age >= rows:
            break
        if last > 0:
            size = min(last, rows - age)
            pieces.append(Piece(block, last - size, size, rows - age - size))
    return pieces[::-1]
