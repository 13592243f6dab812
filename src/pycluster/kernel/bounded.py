"""Types that a decoder checks: what comes from the network or a disk has bounds before any core sees it."""

from __future__ import annotations

from typing import Annotated

import msgspec

from pycluster.kernel.limits import INCARNATION_MAX, NAME_MAX_LENGTH, SENTENCE_MAX_LENGTH, UUID_MAX_LENGTH, VOTERS_MAX

#: What a decoder raises for bytes that say nothing: not only what its library names so.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

#: A node's name, or empty.
Name = Annotated[str, msgspec.Meta(max_length=NAME_MAX_LENGTH)]
#: A node's or a cluster's UUID, a digest, or empty.
Uuid = Annotated[str, msgspec.Meta(max_length=UUID_MAX_LENGTH)]
#: A term, an index, a time, a count: never negative, and small enough for every database and every sum.
Ordinal = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
#: How often a member has spoken of itself anew.
Incarnation = Annotated[int, msgspec.Meta(ge=0, le=INCARNATION_MAX)]
#: What a caller names a request by, so that its retries count once; empty where it is never tried again.
RequestId = Annotated[bytes, msgspec.Meta(max_length=64)]
#: A line for people.
Sentence = Annotated[str, msgspec.Meta(max_length=SENTENCE_MAX_LENGTH)]
#: The names of a voter list.
Names = Annotated[tuple[Name, ...], msgspec.Meta(max_length=VOTERS_MAX)]
#: UUIDs of voters, one of them on its way in.
Uuids = Annotated[tuple[Uuid, ...], msgspec.Meta(max_length=2 * VOTERS_MAX)]
