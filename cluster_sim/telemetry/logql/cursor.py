"""A place in the tokens of a query."""

from __future__ import annotations

from typing import NoReturn

from .errors import ParseError
from .lexer import Token, tokens


class Cursor:
    """Reads the tokens of a query one after the other."""

    def __init__(self, text: str) -> None:
        self._tokens = tokens(text)
        self._place = 0

    @property
    def token(self) -> Token:
        """The next token."""
        return self._tokens[self._place]

    @property
    def following(self) -> Token:
        """The token behind the next."""
        return self._tokens[min(self._place + 1, len(self._tokens) - 1)]

    def next(self) -> Token:
        """Take the next token."""
        token = self.token
        if token.kind != "END":
            self._place += 1
        return token

    def at(self, *texts: str) -> bool:
        """Whether the next token is one of these words or symbols."""
        return self.token.kind in ("WORD", "SYMBOL") and self.token.text in texts

    def accept(self, *texts: str) -> Token | None:
        """Take the next token if it is one of these words or symbols."""
        return self.next() if self.at(*texts) else None

    def expect(self, *texts: str) -> Token:
        """Take the next token, which must be one of these words or symbols."""
        if not self.at(*texts):
            self.refuse(" or ".join(texts))
        return self.next()

    def take(self, *kinds: str) -> Token:
        """Take the next token, which must be of one of these kinds."""
        if self.token.kind not in kinds:
            self.refuse(" or ".join("IDENTIFIER" if kind == "WORD" else kind for kind in kinds))
        return self.next()

    def refuse(self, expected: str = "") -> NoReturn:
        """Say that the next token does not belong there."""
        token = self.token
        hint = f", expecting {expected}" if expected else ""
        raise ParseError(f"syntax error: unexpected {token.name}{hint}", token.line, token.column)
