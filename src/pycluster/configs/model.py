"""A configuration entry and its versions, as they stand in the state and as they are told."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from pycluster import store
from pycluster.configs.names import NAME_MAX_BYTES
from pycluster.judging import Edit, Format, Problem
from pycluster.kernel.bounded import UNREADABLE
from pycluster.kernel.errors import LocalFault

#: A line for people.
Line = Annotated[str, msgspec.Meta(max_length=500)]
Action = Literal["created", "changed", "unchanged", "deleted"]
NameText = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_MAX_BYTES)]


class Entry(msgspec.Struct, frozen=True):
    """One version. ``author`` and ``reason`` are what the writer said; ``at_ms`` is the Unix time of the agent that
    took it, in milliseconds. ``deleted``: from this version on there is nothing. ``rolling``: the version that a
    rollout brings over this one, 0: none.
    """

    version: int
    format: Format
    author: str
    reason: str
    at_ms: int
    content: str = ""
    deleted: bool = False
    rolling: int = 0


def packed(entry: Entry) -> bytes:
    """As it stands in the state: JSON, so that any client can read it."""
    return msgspec.json.encode(entry)


def entry_of(kv: store.KeyValue) -> Entry:
    """What stands there; raises ``LocalFault`` where somebody else wrote it."""
    try:
        return msgspec.json.decode(kv.value, type=Entry)
    except UNREADABLE as error:
        what = f"the key {kv.key.decode(errors='backslashreplace')} holds no configuration entry"
        raise LocalFault(
            what, why=str(error), remedy="a write was forced there: delete it with kv del -force"
        ) from None


# --- over HTTP ------------------------------------------------------------------------------------------------------


class EntryView(msgspec.Struct, frozen=True):
    """One version of one entry. ``size`` in bytes. In lists ``content`` is empty. ``current``: it is in force.

    ``rolling``: the version that is rolled out over it, or of a version that is rolled out, its own; 0: none.
    """

    name: str
    version: int
    format: Format
    author: str
    reason: str
    at_ms: int
    size: int
    deleted: bool = False
    current: bool = True
    content: str = ""
    rolling: int = 0

    @classmethod
    def of(cls, name: str, entry: Entry, *, current: bool = True, content: bool = False) -> EntryView:
        size = len(entry.content.encode())
        said = (entry.version, entry.format, entry.author, entry.reason, entry.at_ms, size)
        shown = entry.content if content else ""
        return cls(name, *said, entry.deleted, current, shown, entry.rolling if current else 0)


class EntriesView(msgspec.Struct, frozen=True):
    """Entries by name, as of ``revision``; ``more``: the limit left some out."""

    revision: int
    entries: tuple[EntryView, ...]
    more: bool = False


class HistoryView(msgspec.Struct, frozen=True):
    """The versions of one entry that are kept, the newest first."""

    name: str
    versions: tuple[EntryView, ...]


class EntriesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Entries that begin with ``prefix`` and come after ``after``, at most ``limit``."""

    prefix: str = ""
    after: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 500


class EntryQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One version, 0: the current one."""

    name: NameText
    version: Annotated[int, msgspec.Meta(ge=0)] = 0


class HistoryQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The versions of one entry."""

    name: NameText


class EffectiveQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What ``node`` gets of the entries that begin with ``prefix``."""

    node: NameText
    prefix: str = ""


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One entry as it shall be; ``content`` None: gone. ``format`` None: as it is, or else as the name's ending says.

    ``if_version``: only if that is its version now; 0: only if there is none.
    """

    name: NameText
    content: str | None = None
    format: Format | None = None
    if_version: Annotated[int, msgspec.Meta(ge=0)] | None = None


class ChangeRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All of ``entries`` in one step, or none. ``dry_run``: check and tell, write nothing."""

    entries: tuple[Wanted, ...]
    author: Line = ""
    reason: Line = ""
    dry_run: bool = False


class RollbackRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Make what version ``to`` was a new version."""

    name: NameText
    to: Annotated[int, msgspec.Meta(ge=1)]
    author: Line = ""
    reason: Line = ""
    if_version: Annotated[int, msgspec.Meta(ge=0)] | None = None
    dry_run: bool = False


class DraftRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A text that is being written as ``name``; ``edits`` are to be put into it. ``format`` None: as its name says."""

    name: NameText
    content: str
    format: Format | None = None
    edits: Annotated[tuple[Edit, ...], msgspec.Meta(max_length=1_000)] = ()


class SchemaView(msgspec.Struct, frozen=True):
    """A schema by its name, as JSON."""

    name: str
    schema: msgspec.Raw


class DraftView(msgspec.Struct, frozen=True):
    """What is known of it: ``content`` with the edits, and what that stands for as JSON, None where it cannot be read.

    ``below``: what it overrides, as JSON. ``schemas``: those that it must fit, the widest first. ``anew``: comments and
    layout of its own are gone. Nothing is written, and ``problems`` are those of this text alone: what lies on it or
    has to fit it is judged with a change.
    """

    name: str
    format: Format
    content: str
    value: msgspec.Raw | None
    below: msgspec.Raw | None
    schemas: tuple[SchemaView, ...]
    problems: tuple[Problem, ...]
    anew: bool


class ChangedView(msgspec.Struct, frozen=True):
    """What became of one entry; ``version`` is what it has now, ``before`` what it had, 0 for none."""

    name: str
    action: Action
    version: int
    before: int


class ChangesView(msgspec.Struct, frozen=True):
    """What became of all of them; ``revision`` is the state's, 0 where nothing was written."""

    revision: int
    changes: tuple[ChangedView, ...]
    dry_run: bool = False


class LayerView(msgspec.Struct, frozen=True):
    """An entry that has a part in what a node gets."""

    name: str
    version: int


class EffectiveView(msgspec.Struct, frozen=True):
    """What an entry is at a node: ``layers`` from the entry itself to the override that counts most.

    ``problems`` is not empty where the layers together do not fit a schema, or each other; ``content`` is empty then.
    ``origins``, where several are merged: for each line of ``content`` the number of its layer, -1 for none alone.
    """

    name: str
    format: Format
    layers: tuple[LayerView, ...]
    content: str = ""
    problems: tuple[str, ...] = ()
    origins: tuple[int, ...] = ()


class EffectivesView(msgspec.Struct, frozen=True):
    """What a node gets, as of ``revision``."""

    node: str
    revision: int
    entries: tuple[EffectiveView, ...]
