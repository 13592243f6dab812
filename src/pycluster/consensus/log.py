"""The replicated log's data: entries, the durable vote, the voter set, and what a restart finds."""

from __future__ import annotations

from typing import Annotated

import msgspec

from pycluster.kernel.bounded import Name, Ordinal, Uuid
from pycluster.kernel.limits import VOTERS_MAX


class Voter(msgspec.Struct, frozen=True, array_like=True, order=True):
    """One seat: a node's name and the UUID that holds it; ``uuid`` is empty until the listed node first shows up."""

    name: Name
    uuid: Uuid


#: No leader, no successor, nobody promised to.
NOBODY = Voter("", "")

#: Seats; one disk more than there are voters while a lost one is replaced.
Voters = Annotated[tuple[Voter, ...], msgspec.Meta(max_length=2 * VOTERS_MAX)]


class Moving(msgspec.Struct, frozen=True, array_like=True):
    """The seat of the node ``old`` goes as soon as the node ``new`` votes."""

    old: Name
    new: Name


class Configuration(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="configuration"):
    """Who votes, and who is learning to; effective on append, undone on truncation (Raft §4.1).

    ``moving``: the seat that is on its way to another name, if any.
    """

    cluster_uuid: Uuid
    voters: Voters
    learners: Voters = ()
    moving: Moving | None = None


class NoOp(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="no-op"):
    """A new leader's first entry: commits everything before it (Raft §8)."""


class Command(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True, tag="command"):
    """Bytes for the state machine above; this core never looks inside."""

    data: bytes


Payload = Configuration | NoOp | Command


class Entry(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One line of the log."""

    index: Ordinal
    term: Ordinal
    payload: Payload


class Vote(msgspec.Struct, frozen=True, array_like=True):
    """The current term and the UUID voted for in it (empty: none); durable before any answer (Raft §5.2)."""

    term: Ordinal = 0
    voted_for: Uuid = ""


class Snapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The log up to ``index`` folded into the state above (Raft §5.1): what stood there, and who voted then."""

    index: Ordinal = 0
    term: Ordinal = 0
    configuration: Configuration | None = None
    configuration_index: Ordinal = 0


#: The log's beginning.
ORIGIN = Snapshot()


class Stored(msgspec.Struct, frozen=True):
    """What a data directory holds for this core; the default is an empty, never initialised voter.

    ``entries`` follow on ``snapshot``.

    ``promised_ms``: the longest election timeout (ms) that a promise still in force may have been given under; 0 where
    none was noted.
    """

    vote: Vote = Vote()
    entries: tuple[Entry, ...] = ()
    promised_ms: int = 0
    snapshot: Snapshot = ORIGIN

    @property
    def empty(self) -> bool:
        """Whether this voter has no past at all."""
        return self.vote == Vote() and not self.entries and self.snapshot == ORIGIN
