"""Where the parts of a text stand: for marking a mistake, and for changing one part without touching the rest."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec

from pycluster.judging.cases import Format

#: The names and numbers on the way to a part.
Place = tuple[str | int, ...]

_HEADER = re.compile(r"\s*(\[\[?)(.+?)(\]\]?)\s*(?:#.*)?")
_ASSIGNED = re.compile(r"\s*((?:[A-Za-z0-9_.\s-]|\"[^\"]*\"|'[^']*')+?)\s*=(.*)")
#: Lines of one value of TOML that are looked at.
_VALUE_LINES_MAX = 500
#: Places in a value where its comment might begin that are tried.
_HASHES_MAX = 50


class Spot(msgspec.Struct, frozen=True):
    """A part: the line (from 1) where it begins, and where its value stands in the text. ``node`` is YAML's.

    ``header``: it is a table of TOML, and its value is the line that names it.
    """

    line: int
    start: int
    end: int
    node: Any = None
    header: bool = False


def pointer(place: Place) -> str:
    """The place in one word, as problems tell it."""
    return "".join(f"/{part}" for part in place) or "/"


def spots(format: Format, text: str) -> dict[Place, Spot]:
    """Every part with its spot; of a text that cannot be read, none."""
    match format:
        case "text":
            return {}
        case "toml":
            return dict(_toml(text))
        case "yaml" | "json":
            import yaml

            try:
                root = yaml.compose(text, yaml.SafeLoader)
                return {} if root is None else dict(_yaml(root, (), root.start_mark.line + 1, set()))
            except (yaml.YAMLError, RecursionError):
                return {}


def _yaml(node: Any, place: Place, line: int, seen: set[int]) -> Iterator[tuple[Place, Spot]]:
    """``line`` is where its name stands; a value may begin on a later one."""
    import yaml

    yield place, Spot(line, node.start_mark.index, node.end_mark.index, node)
    # What an alias repeats stands elsewhere, and may stand in itself.
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                yield from _yaml(value, (*place, key.value), key.start_mark.line + 1, seen)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _yaml(value, (*place, number), value.start_mark.line + 1, seen)


def _toml(text: str) -> Iterator[tuple[Place, Spot]]:
    """By lines, each value read by the library; what stands inside of values has no spot."""
    lines = [f"{line}\n" for line in text.split("\n")]
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    table: Place = ()
    counts: dict[Place, int] = {}
    at = 0
    while at < len(lines):
        header = _HEADER.fullmatch(lines[at].rstrip("\r\n"))
        assigned = _ASSIGNED.match(lines[at])
        used = 1
        if header is not None and (path := _path(f"[{header[2]}]", {})) is not None:
            table = _counted(path, counts, header[1] == "[[")
            yield table, Spot(at + 1, starts[at], min(starts[at + 1], len(text)), header=True)
        elif assigned is not None and (path := _path(f"{assigned[1]} = 0", 0)) is not None:
            begin = starts[at] + assigned.start(2)
            used, length = _value(lines, at, assigned.start(2))
            lead = len(assigned[2]) - len(assigned[2].lstrip())
            yield (*table, *path), Spot(at + 1, begin + lead, begin + length)
        at += used


def _path(line: str, innermost: object) -> Place | None:
    """The names that a line of TOML goes through; None where it is none."""
    try:
        found: Any = tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return None
    path: list[str] = []
    while isinstance(found, dict) and found:
        (name, found) = next(iter(found.items()))
        path.append(name)
    return tuple(path) if found == innermost else None


def _counted(path: Place, counts: dict[Place, int], one_more: bool) -> Place:
    """The place of a table, with the numbers of those that there are several of."""
    place: Place = ()
    for depth, name in enumerate(path):
        place = (*place, name)
        last = depth == len(path) - 1
        if last and one_more:
            counts[place] = counts.get(place, -1) + 1
        if place in counts:
            place = (*place, counts[place])
    return place


def _value(lines: list[str], at: int, column: int) -> tuple[int, int]:
    """How many lines the value takes that begins there, and how long it is, its comment left out."""
    chunk = ""
    for used, line in enumerate(lines[at : at + _VALUE_LINES_MAX], 1):
        chunk += line[column:] if used == 1 else line
        value = _read(chunk)
        if value is _UNREAD:
            continue
        hashes = islice((place for place, sign in enumerate(chunk) if sign == "#"), _HASHES_MAX)
        cut = next((chunk[:place] for place in hashes if _read(chunk[:place]) == value), chunk)
        return used, len(cut.rstrip())
    return 1, len(lines[at][column:].rstrip())


_UNREAD = object()


def _read(text: str) -> object:
    try:
        return tomllib.loads(f"x = {text.strip()}\n")["x"]
    except tomllib.TOMLDecodeError:
        return _UNREAD
