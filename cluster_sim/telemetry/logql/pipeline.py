"""The parser of selectors and pipelines: `{pod="x"} |= "error" | json | status >= 500`."""

from __future__ import annotations

import re

from .. import patterns
from ..series import Matcher
from .cursor import Cursor
from .errors import ParseError, unsupported
from .paths import path
from .syntax import (
    Both,
    Comparison,
    Condition,
    Drop,
    Either,
    JsonParser,
    Keep,
    LabelFilter,
    LabelFormat,
    LineFilter,
    LineFormat,
    LogfmtParser,
    PatternParser,
    RegexpParser,
    Stage,
    Template,
    Unwrap,
)

LINE_FILTERS = ("|=", "|~", "!=", "!~")
_ELSEWHERE = ("|>", "!>")
_MATCHES = ("=", "!=", "=~", "!~")
_COMPARISONS = (*_MATCHES, "==", ">", ">=", "<", "<=")
_UNSUPPORTED_STAGES = ("unpack", "decolorize", "xml")
_KINDS = {"NUMBER": "number", "DURATION": "duration", "BYTES": "bytes"}
_PLACEHOLDER = re.compile(r"\{\{-?\s*\.([A-Za-z_][A-Za-z0-9_]*)\s*-?\}\}")
_CAPTURE = re.compile(r"<([A-Za-z_][A-Za-z0-9_]*)>")
DEEPEST = 50
"""Brackets within brackets (chosen)."""
MOST_STAGES = 100
"""Stages of a pipeline (chosen)."""
LONGEST_CHAIN = 100
"""Conditions or operators in a row (chosen)."""


def regexp(pattern: str) -> str:
    """A pattern, if it is a regular expression."""
    try:
        patterns.compile(pattern)
    except ValueError as error:
        raise ParseError(f"error parsing regexp: {error}") from None
    return pattern


def selector(cursor: Cursor) -> tuple[Matcher, ...]:
    """`{pod="x", service=~"a|b"}`."""
    cursor.expect("{")
    matchers: list[Matcher] = []
    while not cursor.accept("}"):
        if matchers:
            cursor.expect(",", "}")
            if cursor.accept("}"):
                break
        matchers.append(_matcher(cursor))
    if not any(_needs_something(matcher) for matcher in matchers):
        raise ParseError(
            "queries require at least one regexp or equality matcher that does not have an empty-compatible value. "
            'For instance, app=~".*" does not meet this requirement, but app=~".+" will'
        )
    return tuple(matchers)


def _matcher(cursor: Cursor) -> Matcher:
    label = cursor.take("WORD").text
    operator = cursor.expect(*_MATCHES).text
    value = cursor.take("STRING").text
    return Matcher(label, operator, regexp(value) if operator in ("=~", "!~") else value)


def _needs_something(matcher: Matcher) -> bool:
    if matcher.operator == "=":
        return bool(matcher.value)
    return matcher.operator == "=~" and patterns.compile(matcher.value).fullmatch("") is None


def at_stage(cursor: Cursor) -> bool:
    """Whether a stage of a pipeline comes next."""
    return cursor.at("|", *LINE_FILTERS, *_ELSEWHERE)


def stage(cursor: Cursor) -> Stage | Unwrap:
    """The next stage."""
    if cursor.at(*_ELSEWHERE):
        raise unsupported(f"the line filter {cursor.token.text}", cursor.token.line, cursor.token.column)
    if cursor.at(*LINE_FILTERS):
        return _line_filter(cursor)
    cursor.expect("|")
    token = cursor.token
    match token.text if token.kind == "WORD" else "":
        case "json":
            cursor.next()
            return JsonParser(fields=_fields(cursor, checked=True))
        case "logfmt":
            cursor.next()
            return _logfmt(cursor)
        case "regexp":
            cursor.next()
            return _regexp(cursor)
        case "pattern":
            cursor.next()
            return _pattern(cursor)
        case "line_format":
            cursor.next()
            return LineFormat(template=_template(cursor))
        case "label_format":
            cursor.next()
            return _label_format(cursor)
        case "drop":
            cursor.next()
            return Drop(labels=_labels(cursor))
        case "keep":
            cursor.next()
            return Keep(labels=_labels(cursor))
        case "unwrap":
            cursor.next()
            return _unwrap(cursor)
        case name if name in _UNSUPPORTED_STAGES:
            raise unsupported(f"the stage {name}", token.line, token.column)
    return LabelFilter(condition=_condition(cursor))


def _line_filter(cursor: Cursor) -> LineFilter:
    operator = cursor.next().text
    texts = []
    while True:
        if cursor.at("ip") and cursor.following.text == "(":
            raise unsupported("the line filter ip()", cursor.token.line, cursor.token.column)
        text = cursor.take("STRING").text
        texts.append(regexp(text) if operator[1] == "~" else text)
        if not (cursor.at("or") and (cursor.following.kind == "STRING" or cursor.following.text == "ip")):
            return LineFilter(operator=operator, texts=tuple(texts))
        cursor.next()


# ------------------------------------------------------------ parsers


def _fields(cursor: Cursor, *, checked: bool) -> tuple[tuple[str, str], ...]:
    fields: list[tuple[str, str]] = []
    more = cursor.token.kind == "WORD"
    while more:
        name = cursor.take("WORD").text
        text = cursor.take("STRING").text if cursor.accept("=") else name
        if checked:
            path(text)
        fields.append((name, text))
        more = cursor.accept(",") is not None
    return tuple(fields)


def _logfmt(cursor: Cursor) -> LogfmtParser:
    flags = []
    while cursor.token.kind == "FLAG":
        if cursor.token.text not in ("--strict", "--keep-empty"):
            cursor.refuse()
        flags.append(cursor.next().text)
    fields = _fields(cursor, checked=False)
    return LogfmtParser(fields=fields, strict="--strict" in flags, keep_empty="--keep-empty" in flags)


def _regexp(cursor: Cursor) -> RegexpParser:
    pattern = regexp(cursor.take("STRING").text)
    if not patterns.compile(pattern).groupindex:
        raise ParseError("at least one named capture must be supplied")
    return RegexpParser(pattern=pattern)


def _pattern(cursor: Cursor) -> PatternParser:
    text = cursor.take("STRING").text
    parts = tuple(_CAPTURE.split(text))
    names = parts[1::2]
    if all(name == "_" for name in names):
        raise ParseError(f'at least one capture is required in the pattern "{text[:80]}"')
    if any(not literal for literal in parts[2:-2:2]):
        raise ParseError("found consecutive capture: invalid expression")
    return PatternParser(parts=parts)


# ------------------------------------------------------------ conditions


def _condition(cursor: Cursor, depth: int = 0) -> Condition:
    found = _both(cursor, depth)
    for _ in range(LONGEST_CHAIN):
        if not cursor.accept("or"):
            return found
        found = Either(left=found, right=_both(cursor, depth))
    raise ParseError("too many conditions", cursor.token.line, cursor.token.column)


def _both(cursor: Cursor, depth: int) -> Condition:
    found = _comparison(cursor, depth)
    for _ in range(LONGEST_CHAIN):
        beside = cursor.token.kind == "WORD" and cursor.following.text in _COMPARISONS
        if cursor.accept("and", ",") is None and not beside:
            return found
        found = Both(left=found, right=_comparison(cursor, depth))
    raise ParseError("too many conditions", cursor.token.line, cursor.token.column)


def _comparison(cursor: Cursor, depth: int) -> Condition:
    if depth > DEEPEST:
        raise ParseError("too many brackets", cursor.token.line, cursor.token.column)
    if cursor.accept("("):
        found = _condition(cursor, depth + 1)
        cursor.expect(")")
        return found
    label = cursor.take("WORD").text
    operator = cursor.expect(*_COMPARISONS).text
    if cursor.at("ip") and cursor.following.text == "(":
        raise unsupported("the label filter ip()", cursor.token.line, cursor.token.column)
    if operator in _MATCHES and cursor.token.kind == "STRING":
        text = cursor.next().text
        return Comparison(
            label=label, operator=operator, kind="string", text=regexp(text) if operator[1:] == "~" else text
        )
    if operator in ("=~", "!~"):
        cursor.refuse("STRING")
    sign = -1.0 if cursor.accept("-") else 1.0
    value = cursor.take("BYTES", "NUMBER", "DURATION")
    operator = "==" if operator == "=" else operator
    return Comparison(label=label, operator=operator, kind=_KINDS[value.kind], number=sign * value.value)


# ------------------------------------------------------------ formats


def _template(cursor: Cursor) -> Template:
    token = cursor.take("STRING")
    pieces = _PLACEHOLDER.split(token.text)
    if any("{{" in text for text in pieces[::2]):
        raise unsupported("a template with anything but {{.label}}", token.line, token.column)
    return tuple((index % 2 == 1, piece) for index, piece in enumerate(pieces) if piece)


def _label_format(cursor: Cursor) -> LabelFormat:
    items: list[tuple[str, Template | str]] = []
    while True:
        name = cursor.take("WORD").text
        cursor.expect("=")
        items.append((name, cursor.next().text if cursor.token.kind == "WORD" else _template(cursor)))
        if not cursor.accept(","):
            return LabelFormat(items=tuple(items))


def _labels(cursor: Cursor) -> tuple[str | Matcher, ...]:
    labels: list[str | Matcher] = []
    while True:
        bare = cursor.following.text not in _MATCHES
        labels.append(cursor.take("WORD").text if bare else _matcher(cursor))
        if not cursor.accept(","):
            return tuple(labels)


def _unwrap(cursor: Cursor) -> Unwrap:
    name = cursor.take("WORD")
    label, conversion = name.text, ""
    if cursor.accept("("):
        if name.text not in ("duration", "duration_seconds", "bytes"):
            raise ParseError(f"syntax error: unexpected {name.name}", name.line, name.column)
        conversion, label = name.text, cursor.take("WORD").text
        cursor.expect(")")
    conditions = []
    while cursor.accept("|"):
        conditions.append(_condition(cursor))
    return Unwrap(label=label, conversion=conversion, conditions=tuple(conditions))
