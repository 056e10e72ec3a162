"""Signs put together into few questions: a look at a service is dear, and one expression can ask for many signs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .evidence import SignClue

LONGEST = 2000
"""Characters that a query may have."""

_OR = "\nor "


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Signs that are asked for at once."""

    signs: tuple[SignClue, ...]

    @property
    def query(self) -> str:
        """One expression: a series labelled with its sign for each that is there."""
        return _OR.join(dict.fromkeys(map(_labelled, self.signs)))


def panels(signs: Iterable[SignClue]) -> Iterator[Panel]:
    """The signs, each once and in their order, in as few questions as their length allows."""
    waiting: list[SignClue] = []
    for sign in dict.fromkeys(signs):
        if waiting and len(Panel(signs=(*waiting, sign)).query) > LONGEST:
            yield Panel(signs=tuple(waiting))
            waiting = []
        waiting.append(sign)
    if waiting:
        yield Panel(signs=tuple(waiting))


def _labelled(clue: SignClue) -> str:
    name, at, _ = clue.sign.partition("@")
    value, source, pattern = (f"{name}@$1", "service", "(.*)") if at else (name, "", "")
    return f'label_replace({clue.expr}, "sign", "{value}", "{source}", "{pattern}")'
