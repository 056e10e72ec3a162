"""A first look at a query's text: what the grammar library must not be given, or takes and Prometheus 2.42 does not."""

from __future__ import annotations

import re

from .errors import bad

LONGEST = 32_768
"""Characters; a query full of regular expressions of this length is compiled in a second. Chosen."""

DEEPEST = 100
"""Parentheses inside each other. The grammar library descends on the machine's stack; chosen."""

MOST_OPERATORS = 500
"""Signs, arithmetic, comparisons and set operators; the grammar library takes quadratic time. Chosen."""

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|\#[^\n]*)
  | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)
  | (?P<duration>(?:[0-9]+(?:ms|[smhdwy]))+(?![0-9A-Za-z_.]))
  | (?P<number>(?:0[xX][0-9a-fA-F]+|[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?)(?![0-9A-Za-z_.]))
  | (?P<word>[A-Za-z_:][A-Za-z0-9_:]*)
  | (?P<sign>=~|!~|==|!=|<=|>=|[-+*/%^<>=])
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_SET_WORDS = frozenset({"and", "or", "unless", "atan2"})
_BEFORE_NAMES = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")


def prepared(text: str) -> str:
    """The text for the grammar library: raw strings become quoted ones, since it looks for escapes in both.

    Raises:
        QueryError: `bad_data` for text that is too much for the parser, and for newer syntax than Prometheus 2.42 has.
    """
    if len(text) > LONGEST:
        raise bad(f"the query is longer than {LONGEST} characters")
    operators = 0
    inside: list[str] = []
    before = ""
    parts: list[str] = []
    for token in _TOKEN.finditer(text):
        kind, found = token.lastgroup, token.group()
        parts.append(_quoted(found) if found[0] == "`" and kind == "string" else found)
        if kind == "space":
            continue
        if kind == "other" and found in _OPENING:
            inside.append("names" if before.lower() in _BEFORE_NAMES else found)
        elif kind == "other" and found in _CLOSING and inside:
            inside.pop()
        elif kind == "sign" or (kind == "word" and found.lower() in _SET_WORDS):
            operators += not inside or inside[-1] != "{"
        if len(inside) > DEEPEST or operators > MOST_OPERATORS:
            raise bad("the query is nested too deeply")
        if wrong := _misplaced(kind or "", found, before, inside[-1] if inside else ""):
            line, column = text.count("\n", 0, token.start()) + 1, token.start() - text.rfind("\n", 0, token.start())
            raise bad(f"{line}:{column}: parse error: {wrong}")
        before = f"{before.split()[-1]} {found}" if found == "-" and before else found
    return "".join(parts)


def _quoted(raw: str) -> str:
    """A raw string between double quotes."""
    escaped = raw[1:-1].replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{escaped}"'


def _misplaced(kind: str, found: str, before: str, within: str) -> str | None:
    """What newer releases allow where 2.42 does not; `before` is the last token, two of them at a minus."""
    wants_duration = within == "[" or before.lower() in ("offset", "offset -")
    if kind == "duration" and not wants_duration:
        return f'unexpected duration "{found}"'
    if (kind == "number" and wants_duration) or (within == "[" and found[0] == ":" and found[1:].isdigit()):
        return f'bad duration syntax: "{found}"'
    if kind == "number" and before == "@ -":
        return "the @ modifier takes no time before 1970 here"
    if kind == "string" and within == "{" and before not in ("=", "!=", "=~", "!~"):
        return f"unexpected string {found} in label matching, expected identifier or right brace"
    if kind == "string" and within == "names":
        return f"unexpected string {found} in grouping opts, expected label"
    return None
