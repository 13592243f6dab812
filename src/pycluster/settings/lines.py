"""The form of the file: sections, ``key = value``, comments, quotes. It knows no section's meaning.

Configuration files of the Go project read the same: values with or without quotes, lines that begin with ``#`` or ``;``
are comments. Line numbers are kept, which is why this is not ``configparser``.
"""

from __future__ import annotations

import msgspec

_COMMENT = "#;"
_QUOTES = "\"'"
_BLANK = " \t"


class Pair(msgspec.Struct, frozen=True):
    """``key = value`` on line ``number``. ``flaw`` says what is wrong with the form of the value, if anything."""

    number: int
    key: str
    value: str
    flaw: str = ""


class Section(msgspec.Struct, frozen=True):
    """``[name]`` on line ``number``, what it holds, and the lines (number, text) that are no ``key = value``.

    The name is empty for what stands before the first header.
    """

    name: str
    number: int
    pairs: list[Pair] = []
    odd: list[tuple[int, str]] = []


def sections(text: str) -> list[Section]:
    """The sections of a file in its order; the first is the nameless one. Takes any text whatever."""
    found = [Section("", 1)]
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line = line.removesuffix("\r").strip(_BLANK)
        if not line or line[0] in _COMMENT:
            continue
        header = _header(line)
        if header is not None:
            found.append(Section(header, number))
            continue
        key, equals, rest = line.partition("=")
        key = key.strip(_BLANK)
        if equals and key:
            value, flaw = unquoted(rest)
            found[-1].pairs.append(Pair(number, key, value, flaw))
        else:
            found[-1].odd.append((number, line))
    return found


def _header(line: str) -> str | None:
    if line[0] != "[":
        return None
    name, bracket, after = line[1:].partition("]")
    after = after.lstrip(_BLANK)
    if not bracket or (after and after[0] not in _COMMENT):
        return None
    return " ".join(name.split())


def unquoted(text: str) -> tuple[str, str]:
    """``(value, flaw)`` of what stands after ``=``: without its comment, without one pair of quotes around all of it.

    A comment begins with ``#`` or ``;`` after a blank, outside quotes. Nothing is escaped.
    """
    end = len(text)
    at = 0
    while at < len(text):
        begins_word = at == 0 or text[at - 1] in _BLANK
        if begins_word and at > 0 and text[at] in _COMMENT:
            end = at
            break
        closing = text.find(text[at], at + 1) if begins_word and text[at] in _QUOTES else -1
        at = (closing if closing >= 0 else at) + 1
    value = text[:end].strip(_BLANK)
    if value and value[0] in _QUOTES:
        closing = value.find(value[0], 1)
        if closing < 0:
            return value, "a quotation mark opens and never closes"
        if closing == len(value) - 1:
            return value[1:-1], ""
    return value, ""
