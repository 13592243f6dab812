"""What is judged, and what comes of it."""

from __future__ import annotations

from typing import Literal

import msgspec

Format = Literal["text", "json", "yaml", "toml"]


class Edit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One part changed: ``place`` is the names on the way to it, ``json`` its new value in JSON, None: away with it.

    It is JSON in a text, so that a number stays the digits that it is.
    """

    place: tuple[str, ...]
    json: str | None = None


class Case(msgspec.Struct, frozen=True):
    """``layers``, from below to above, and the ``schemas`` that they must fit together. ``is_schema``: it is one.

    ``edits``: its uppermost layer is being written; they are put into it, and a ``Reading`` is wanted.
    ``origins``: it is wanted which layer each line comes from.
    """

    name: str
    format: Format
    layers: tuple[str, ...]
    schemas: tuple[tuple[str, Format, str], ...] = ()
    is_schema: bool = False
    edits: tuple[Edit, ...] | None = None
    origins: bool = False


class Problem(msgspec.Struct, frozen=True):
    """A mistake in words, and its ``place``: None where that is not known; ``line`` of the text, from 1, or 0."""

    text: str
    place: str | None = None
    line: int = 0


class Reading(msgspec.Struct, frozen=True):
    """A text that is being written: its ``value``, what the layers below it give, and its schemas by their names, each
    as JSON in a text; None where there is none.

    ``anew``: the edits could not be put into the text as it stands, so that comments and layout of its own are gone.
    """

    problems: tuple[Problem, ...] = ()
    value: str | None = None
    below: str | None = None
    schemas: tuple[tuple[str, str], ...] = ()
    anew: bool = False


class Verdict(msgspec.Struct, frozen=True):
    """``problems``, or none; then ``content`` is what the layers give: a single one as it is, several merged.

    ``origins``: for each line of it the number of the layer that it comes from, -1 for none. With ``reading``,
    ``content`` is the uppermost layer with its edits, whatever the problems.
    """

    problems: tuple[str, ...] = ()
    content: str = ""
    origins: tuple[int, ...] = ()
    reading: Reading | None = None
