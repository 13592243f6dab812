"""Protocol Buffers' JSON as etcd's gateway reads it: base64 bytes, 64-bit integers as strings or numbers, both
spellings of a name, nothing said about fields nobody knows. Its complaints have etcd's words, which are Go's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from pycluster.kernel.bounded import UNREADABLE
from pycluster.kernel.octets import from_base64

T = TypeVar("T")
#: From a JSON value that is not null to what it stands for; raises ``Malformed``.
Read = Callable[[Any], T]

_INT64 = range(-(1 << 63), 1 << 63)
_INT32 = range(-(1 << 31), 1 << 31)
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})", re.ASCII)
#: More than any type of theirs has; Python reads 4,300.
_DIGITS_MAX = 100
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")


#: Characters that are gone through one by one for the place of a mistake; that takes far longer than reading them.
_PLACED_MAX = 4_096
#: What may be the beginning of something where the text ends with it, by what Python's scanner says.
_BEGUN = {
    "Expecting value": re.compile(r"t(?:ru?)?|f(?:a(?:ls?)?)?|n(?:ul?)?|-"),
    "Expecting ',' delimiter": re.compile(r"(?<=[0-9])(?:\.|[eE][+-]?)"),
    "Invalid \\uXXXX escape": re.compile(r"u[0-9a-fA-F]{0,4}"),
}

_ESCAPES = {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
    "\\": r"\\",
    "'": r"\'",
}
_SURROGATES = re.compile("[\ud800-\udfff]")


class Malformed(Exception):
    """The body is not what the request takes."""


class Unfinished(Malformed):
    """The text ends before its value does; with more of it, it may be one."""


class Real(str):
    """A number with a fraction or an exponent, as it was written."""


_DECODER = msgspec.json.Decoder(float_hook=Real)


def _whole(text: str) -> int | Real:
    return int(text) if len(text) <= _DIGITS_MAX else Real(text)


def _constant(name: str) -> object:
    """Python's scanner takes ``NaN`` and the infinities, which are no JSON."""
    if name[0] == "-":
        raise Malformed(f"invalid character '{name[1]}' in numeric literal")
    raise Malformed(f"invalid character '{name[0]}' looking for beginning of value")


_SCANNER = json.JSONDecoder(parse_float=Real, parse_int=_whole, parse_constant=_constant)


def parse(body: bytes) -> object:
    """The body's first JSON value; an empty body is null, and what follows the value is not looked at."""
    try:
        return _DECODER.decode(body)
    except UNREADABLE:
        pass
    try:
        return first(body.decode("utf-8", "replace"))[0]
    except Malformed:
        # Said again with the bytes that are no text.
        return first(body.decode("utf-8", "surrogateescape"))[0]


def first(text: str) -> tuple[object, str]:
    """The first JSON value in ``text``, and what follows it; raises ``Unfinished`` where more may help."""
    text = text.lstrip(" \t\r\n")
    if not text:
        return None, ""
    try:
        value, end = _SCANNER.raw_decode(text)
    except json.JSONDecodeError as error:
        if _ended(text, error):
            raise Unfinished("unexpected EOF") from None
        raise Malformed(_complaint(text, error)) from None
    except RecursionError:
        raise Malformed("the body is nested too deeply") from None
    return value, text[end:]


def _ended(text: str, error: json.JSONDecodeError) -> bool:
    """Whether Python's scanner stopped for want of more."""
    if error.pos >= len(text) or error.msg.startswith("Unterminated"):
        return True
    begun = _BEGUN.get(error.msg)
    return begun is not None and begun.fullmatch(text, error.pos) is not None


def _complaint(text: str, error: json.JSONDecodeError) -> str:
    """Go's words for where Python's scanner stopped."""
    found = text[error.pos : error.pos + 1]
    match error.msg:
        case "Expecting value" if found == "-":
            found, where = text[error.pos + 1 : error.pos + 2], "in numeric literal"
        case "Expecting value":
            where = "looking for beginning of value"
        case "Expecting property name enclosed in double quotes":
            where = "looking for beginning of object key string"
        case "Expecting ':' delimiter":
            where = "after object key"
        case "Expecting ',' delimiter":
            where = f"after {_before(text, error.pos)}"
        case "Invalid \\escape":
            found, where = text[error.pos + 1 : error.pos + 2], "in string escape code"
        case _:
            where = "in string literal"
    return f"invalid character {_quoted(found)} {where}"


def _quoted(found: str) -> str:
    """As Go shows a character's first byte: as if that were the character."""
    one = chr(found.encode("utf-8", "surrogateescape")[0])
    if one not in _ESCAPES and not one.isprintable():
        return f"'\\u{ord(one):04x}'" if ord(one) > 0x7F else f"'\\x{ord(one):02x}'"
    return f"'{_ESCAPES.get(one, one)}'"


def _before(text: str, place: int) -> str:
    """What Go calls the value before that place."""
    if place > _PLACED_MAX:
        return "array element or object key:value pair"
    return "array element" if _in_array(text[:place]) else "object key:value pair"


def _in_array(text: str) -> bool:
    """Whether the innermost value that is still open is an array."""
    open_values: list[str] = []
    for one in re.sub(r'"(?:[^"\\]|\\.)*"', "", text):
        if one in "[{":
            open_values.append(one)
        elif one in "]}":
            open_values.pop()
    return open_values[-1:] == ["["]


def unfit(value: object, wanted: str) -> Malformed:
    """What Go says when a value does not go into a type."""
    match value:
        case bool():
            kind = "bool"
        case Real() | int():
            kind = (
                f"number {value}" if wanted not in ("[]uint8", "bool") and not wanted.startswith("map[") else "number"
            )
        case str():
            kind = "string"
        case list():
            kind = "array"
        case _:
            kind = "object"
    return Malformed(f"json: cannot unmarshal {kind} into Go value of type {wanted}")


def octets(value: Any) -> bytes:
    """Base64 in the standard alphabet, padded; line breaks within it do not count. Or an array of the bytes."""
    if type(value) is list:
        return bytes([_octet(one) for one in value])
    if type(value) is not str:
        raise unfit(value, "[]uint8")
    try:
        return from_base64(value)
    except ValueError:
        pass
    try:
        return from_base64(value.replace("\r", "").replace("\n", ""))
    except ValueError:
        place = f" at input byte {_illegal(value)}" if len(value) <= _PLACED_MAX else ""
        raise Malformed(f"illegal base64 data{place}") from None


def _octet(value: object) -> int:
    """One byte as a number; Go reads a null as none said."""
    if value is None:
        return 0
    if type(value) is not int or not 0 <= value <= 255:
        raise unfit(value, "uint8")
    return value


def _illegal(text: str) -> int:
    """Where Go's decoder stops: at a character it does not take, or at a group that ends early."""
    places = [place for place, one in enumerate(text) if one not in "\r\n"]
    places += [len(text)] * 2
    for count, place in enumerate(places[:-2]):
        group = count % 4
        if text[place] in _BASE64:
            continue
        if text[place] != "=" or group < 2:
            return place
        following = places[count + 1]
        if group == 3 or following == len(text):
            return following
        return following - 1 if text[following] != "=" else places[count + 2]
    return len(text) - (len(places) - 2) % 4


def integer(value: Any) -> int:
    """A signed 64-bit integer."""
    if type(value) is str:
        if _INTEGER.fullmatch(value) is None or int(value) not in _INT64:
            return _quoted_integer(value)
        return int(value)
    if type(value) is not int or value not in _INT64:
        raise unfit(value, "int64")
    return value


def _quoted_integer(text: str) -> int:
    """Between the quotes any JSON may stand, as long as it is such an integer."""
    if not text.strip(" \t\r\n"):
        raise Malformed("unexpected end of JSON input")
    value, rest = first(_SURROGATES.sub("\ufffd", text))
    if rest := rest.lstrip(" \t\r\n"):
        raise Malformed(f"invalid character {_quoted(rest[0])} after top-level value")
    if value is None:
        return 0
    if type(value) is str:
        raise unfit(value, "int64")
    return integer(value)


def boolean(value: Any) -> bool:
    """True or false, never as a string."""
    if type(value) is not bool:
        raise unfit(value, "bool")
    return value


def string(value: Any) -> str:
    """A string."""
    if type(value) is not str:
        raise unfit(value, "string")
    return value


def enumeration(name: str, *members: tuple[str, T]) -> Read[T]:
    """One of ``members`` (etcd's word and ours), by its word or by its number, which is its place."""
    by_word = dict(members)

    def read(value: Any) -> T:
        if type(value) is str:
            if value not in by_word:
                raise Malformed(f"unknown value {json.dumps(value)} for enum etcdserverpb.{name}")
            return by_word[value]
        if type(value) is not int or value not in _INT32:
            raise unfit(value, f"etcdserverpb.{name}")
        if not 0 <= value < len(members):
            raise Malformed(f"{value} is no value of enum etcdserverpb.{name}")
        return members[value][1]

    return read


def several(one: Read[T]) -> Read[tuple[T, ...]]:
    """A repeated field; a null in it is an empty one of its kind where there is such."""

    def read(value: Any) -> tuple[T, ...]:
        if type(value) is not list:
            raise unfit(value, "[]json.RawMessage")
        return tuple([one(inner) for inner in value])

    return read


def message(build: Callable[..., T], fields: dict[str, tuple[str, Read[Any]]], /, **absent: object) -> Read[T]:
    """A message: ``fields`` gives each name of etcd's (lower_case) our keyword and how to read it. ``absent``: what
    ``build`` is given where a field is not there, or null.
    """
    table: dict[str, tuple[str, Read[Any], str]] = {}
    for name, (keyword, read_field) in fields.items():
        camel = re.sub(r"_([a-z])", lambda found: found[1].upper(), name)
        table[camel] = (keyword, read_field, "")
        if camel != name:
            # Where a field stands there twice, the other spelling wins.
            table[name] = (keyword, read_field, camel)

    def read(value: Any) -> T:
        if value is None:
            return build(**absent)
        if type(value) is not dict:
            raise unfit(value, "map[string]json.RawMessage")
        given = absent.copy()
        for name, inner in value.items():
            found = table.get(name)
            if found is not None and inner is not None and found[2] not in value:
                given[found[0]] = found[1](inner)
        return build(**given)

    return read
