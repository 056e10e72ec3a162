"""The stages that find labels in a line: json, logfmt, regexp and pattern."""

from __future__ import annotations

import re
from collections.abc import Callable
from json import JSONDecodeError, JSONDecoder

from .. import patterns
from .paths import path, value_at
from .patience import Patience
from .rows import Row, label_name
from .syntax import JsonParser, LogfmtParser, PatternParser, RegexpParser

Step = Callable[[Row], bool]
"""What a stage does with a row; whether the row goes on."""

_JSON = JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
_PAIR = re.compile(r'\s*([^\s="]+)(?:(=)(?:"((?:[^"\\]|\\.)*)"|([^\s"]*)))?(?=\s|$)')
_ESCAPED = re.compile(r"\\(.)")
_UNESCAPED = {"n": "\n", "t": "\t", "r": "\r"}


def json_step(stage: JsonParser) -> Step:
    """`| json`."""
    paths = [(label_name(name), path(text)) for name, text in stage.fields]

    def step(row: Row) -> bool:
        try:
            document, _ = _JSON.raw_decode(row.line) if row.line[:1] == "{" else (None, 0)
        except (JSONDecodeError, RecursionError):
            document = None
        if not isinstance(document, dict):
            row.fail("JSONParserErr", "Value looks like object, but can't find closing '}' symbol")
        elif paths:
            for name, steps in paths:
                value = value_at(steps, document)
                if value is not None:
                    row.extract(name, _text(value))
        else:
            _flatten(row, "", document)
        return True

    return step


def _flatten(row: Row, prefix: str, document: dict[str, object]) -> None:
    labels, base = row.own(), row.base
    for key, value in document.items():
        name = label_name(prefix + key)
        if isinstance(value, dict):
            _flatten(row, f"{name}_", value)
        elif value is not None and not isinstance(value, list):
            labels[f"{name}_extracted" if name in base else name] = _text(value)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return "true" if value is True else "false" if value is False else ""


def logfmt_step(stage: LogfmtParser) -> Step:
    """`| logfmt`."""
    wanted = [(label_name(name), text) for name, text in stage.fields]

    def step(row: Row) -> bool:
        pairs: dict[str, str] = {}
        place = 0
        line = row.line
        while place < len(line):
            found = _PAIR.match(line, place)
            if found is None:
                if stage.strict and line[place:].strip():
                    row.fail("LogfmtParserErr", f"logfmt syntax error at pos {place + 1}: unexpected character")
                    return True
                space = line.find(" ", place + 1)
                place = space if space >= 0 else len(line)
                continue
            place = found.end()
            key, _, quoted, bare = found.groups()
            value = _ESCAPED.sub(_unescape, quoted) if quoted else bare or ""
            if value or stage.keep_empty:
                pairs[key] = value
        if wanted:
            for name, key in wanted:
                if key in pairs:
                    row.extract(name, pairs[key])
        else:
            for key, value in pairs.items():
                row.extract(label_name(key), value)
        return True

    return step


def _unescape(match: re.Match[str]) -> str:
    return _UNESCAPED.get(match[1], match[1])


def regexp_step(stage: RegexpParser, patience: Patience) -> Step:
    """`| regexp`."""
    pattern = patterns.compile(stage.pattern)
    names = list(pattern.groupindex)
    search = patience.bounded(pattern.search)

    def step(row: Row) -> bool:
        found = search(row.line)
        if found is not None:
            for name in names:
                row.extract(name, found[name] or "")
        return True

    return step


def pattern_step(stage: PatternParser) -> Step:
    """`| pattern`."""
    first, *rest = stage.parts
    captures = list(zip(rest[::2], rest[1::2], strict=True))

    def step(row: Row) -> bool:
        line = row.line
        place = line.find(first) if first else 0
        if place < 0:
            return True
        place += len(first)
        for name, literal in captures:
            end = line.find(literal, place) if literal else len(line)
            found = line[place:end] if end >= 0 else line[place:]
            if name != "_":
                row.extract(name, found)
            if end < 0:
                break
            place = end + len(literal)
        return True

    return step
