"""LogQL's tokens."""

from __future__ import annotations

import re
from typing import NamedTuple

from .errors import ParseError
from .units import duration_ns, size_bytes

LONGEST_QUERY = 131_072
"""Characters of a query; source: loki, pkg/logql/syntax/parser.go, maxInputSize."""

_TOKEN = re.compile(
    r"""
    (?P<SPACE>   (?: \s+ | \#[^\n]* )+ )
  | (?P<WORD>    [A-Za-z_][A-Za-z0-9_]* )
  | (?P<NUMBER>  (?: \d+ (?:\.\d*)? | \.\d+ ) (?: [eE][-+]?\d+ (?![A-Za-z0-9_]) | [0-9A-Za-zµμ.]* ) )
  | (?P<STRING>  "(?:[^"\\\n]|\\.)*" | `[^`]*` )
  | (?P<RANGE>   \[[^\]]*\] )
  | (?P<FLAG>    --[a-z][a-z-]* )
  | (?P<SYMBOL>  \|=|\|~|\|>|!=|!~|!>|=~|==|>=|<=|[|=<>{}(),+\-*/%^.] )
    """,
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|[0-7]{3}|.)", re.DOTALL)
_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "\\": "\\", '"': '"', "'": "'"}

KEYWORDS = frozenset(
    (
        *("by", "without", "on", "ignoring", "group_left", "group_right", "bool", "offset", "and", "or", "unless"),
        *("json", "logfmt", "regexp", "pattern", "unpack", "unwrap", "line_format", "label_format", "decolorize"),
        *("drop", "keep", "ip", "vector", "label_replace", "rate", "count_over_time", "bytes_rate", "bytes_over_time"),
        *("sum", "avg", "min", "max", "count", "topk", "bottomk", "stddev", "stdvar", "sort", "sort_desc"),
    )
)
"""The words that an error calls by their name and not IDENTIFIER."""


class Token(NamedTuple):
    """A token.

    Attributes:
        kind: WORD, NUMBER, DURATION, BYTES, STRING, RANGE, FLAG, SYMBOL or END.
        text: as it is written; of a STRING what it says.
        value: of a NUMBER or BYTES; nanoseconds of a DURATION or RANGE.
        line, column: where it begins, counted from 1.
    """

    kind: str
    text: str
    value: float
    line: int
    column: int

    @property
    def name(self) -> str:
        """What a syntax error calls it."""
        if self.kind == "END":
            return "$end"
        if self.kind == "WORD":
            return self.text if self.text in KEYWORDS else "IDENTIFIER"
        return self.text if self.kind in ("SYMBOL", "FLAG") else self.kind


def tokens(text: str) -> list[Token]:
    """The tokens of a query, END last.

    Raises:
        ParseError: something in it is no token.
    """
    if len(text) > LONGEST_QUERY:
        raise ParseError(f"input size too long ({len(text)} > {LONGEST_QUERY})")
    found: list[Token] = []
    place, line, begun = 0, 1, 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        column = place - begun + 1
        if match is None or match.lastgroup is None:
            raise _not_a_token(text, place, line, column)
        if match.lastgroup != "SPACE":
            found.append(_token(match.lastgroup, match[0], line, column))
        breaks = match[0].count("\n")
        if breaks:
            line += breaks
            begun = place + match[0].rindex("\n") + 1
        place = match.end()
    found.append(Token("END", "", 0, line, place - begun + 1))
    return found


def _token(kind: str, text: str, line: int, column: int) -> Token:
    if kind == "STRING":
        return Token(kind, _unquoted(text, line, column), 0, line, column)
    if kind == "RANGE":
        length = duration_ns(text[1:-1].strip())
        if length is None or length <= 0:
            raise ParseError(f'not a valid duration string: "{text[1:-1]}"', line, column)
        return Token(kind, text, length, line, column)
    if kind == "NUMBER":
        return _number(text, line, column)
    return Token(kind, text, 0, line, column)


def _number(text: str, line: int, column: int) -> Token:
    length = duration_ns(text)
    if length is not None:
        return Token("DURATION", text, length, line, column)
    size = size_bytes(text)
    if size is not None:
        return Token("BYTES", text, size, line, column)
    try:
        return Token("NUMBER", text, float(text), line, column)
    except ValueError:
        raise ParseError(f"syntax error: {text[:40]} is neither a number nor a duration", line, column) from None


def _unquoted(text: str, line: int, column: int) -> str:
    if text[0] == "`":
        return text[1:-1]

    def said(match: re.Match[str]) -> str:
        code = match[1]
        if code in _SIMPLE:
            return _SIMPLE[code]
        number = int(code[1:], 16) if code[0] in "xuU" and len(code) > 1 else None
        number = int(code, 8) if number is None and len(code) == 3 else number
        if number is None or number > 0x10FFFF or 0xD800 <= number < 0xE000:
            raise ParseError("invalid char escape", line, column)
        return chr(number)

    return _ESCAPE.sub(said, text[1:-1])


def _not_a_token(text: str, place: int, line: int, column: int) -> ParseError:
    if text[place] == "[":
        return ParseError("missing closing ']' in duration", line, column)
    if text[place] in '"`':
        return ParseError("literal not terminated", line, column)
    return ParseError(f"syntax error: unexpected {text[place]!r}", line, column)
