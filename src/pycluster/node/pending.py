"""What a node keeps of everything that waits for an answer, until it comes."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from pycluster import store
from pycluster.kernel.ids import Address
from pycluster.store import Failure, Request, Write
from pycluster.wire import SteeringRequest, WatchPoll

#: Who gets the answer: a number of this node's own, or a peer's address and its number.
Asker = int | tuple[Address, int]
Answer = store.Result | store.WatchBatch


class Redial(msgspec.Struct, frozen=True):
    """A question to a voter whose stream ended: is it refused? ``left``: how often it may still be asked again."""

    name: str
    uuid: str
    address: Address
    left: int = 2


class Question(msgspec.Struct):
    """One request. ``token`` is the asker's, or None for a poll of this node's own, with ``told`` for its answer."""

    request: Request | WatchPoll
    request_id: bytes
    ends_us: int
    retry_us: int
    token: int | None = None
    told: Callable[[Answer], None] | None = None
    #: Whom it was passed on to last, how often it was, and how many of those tries came to nothing for certain.
    to: str = ""
    tries: int = 0
    refusals: int = 0
    failure: Failure | None = None


#: A write's request ID, kind and fingerprint.
WriteName = tuple[bytes, type[Write], bytes]


def name_of(request_id: bytes, write: Write) -> WriteName | None:
    """What a write and its retries have in common, and no other write; None without an ID."""
    return (request_id, type(write), store.fingerprint(request_id, write)) if request_id else None


class Written(msgspec.Struct):
    """A write on its way: for whom, how many bytes it may add, the lease that it ends, and in the log of which term.

    ``name``: by which a retry is known.
    """

    name: WriteName | None
    askers: list[Asker]
    size: int
    ends: int = 0
    term: int = 0


class Wanted(msgspec.Struct, frozen=True):
    """A command for the voters. ``origin``: the node that passed it on, if any, which waits for the answer."""

    asked: SteeringRequest
    ends_us: int
    origin: Address | None = None
