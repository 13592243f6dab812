"""The fence: the term of the newest leader that reconciles, as a key that every transaction of a controller compares.

Source: the fencing tokens of Burrows, *The Chubby lock service* (OSDI 2006), §2.4: a sequencer that the state checks
itself keeps whoever lost leadership without knowing it from writing.
"""

from __future__ import annotations

import msgspec

from pycluster import store
from pycluster.controllers.model import RESERVED

_DIGITS = 20


class Fence(msgspec.Struct, frozen=True):
    """One leader's term in one cluster. ``cluster_id``: a cluster that begins anew from an old state counts anew."""

    cluster_id: int
    term: int


def fence_key(cluster_id: int) -> bytes:
    """Where the term stands."""
    return RESERVED + b"fence/%016x" % cluster_id


def fence_value(term: int) -> bytes:
    """The term; as text of equal length, so that the state can compare which one is higher."""
    return b"%0*d" % (_DIGITS, term)


def raising(fence: Fence, seen: store.KeyValue | None) -> store.Txn | None:
    """The transaction that raises the fence from what was ``seen`` to ours; None where it stands there already.

    It is false where somebody else raised it meanwhile. A higher term raises ``Outrun``.
    """
    key, mine = fence_key(fence.cluster_id), fence_value(fence.term)
    if seen is not None and seen.value > mine:
        raise Outrun(int(seen.value))
    if seen is not None and seen.value == mine:
        return None
    unchanged = store.Compare(key, "mod", "equal", seen.mod_revision if seen is not None else 0)
    return store.Txn((unchanged,), (store.Put(key, mine),))


def fenced(
    fence: Fence | None, compare: tuple[store.Compare, ...], writes: tuple[store.Put | store.DeleteRange, ...]
) -> store.Txn:
    """A controller's transaction; where it fails it brings the fence along, to tell a conflict from a lost title."""
    if fence is None:
        return store.Txn(compare, writes)
    key = fence_key(fence.cluster_id)
    held = store.Compare(key, "value", "equal", value=fence_value(fence.term))
    return store.Txn((held, *compare), writes, (store.Range(key),))


class Outrun(Exception):
    """A later leader has raised the fence."""

    def __init__(self, term: int) -> None:
        self.term = term
        super().__init__(f"a leader of term {term} reconciles")


def holds(fence: Fence, result: store.TxnResult) -> bool:
    """Whether a failed transaction saw our fence standing; one whose answer lost what it read may have."""
    seen = result.results[0] if result.results else None
    if not isinstance(seen, store.RangeResult):
        return True
    return bool(seen.kvs) and seen.kvs[0].value == fence_value(fence.term)
