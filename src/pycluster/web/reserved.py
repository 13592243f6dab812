"""The keys that are the cluster's own: read and watched like any other, written by accident by nobody.

A deletion of an interval that only goes over them, such as of everything there is, is refused where there are any.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from pycluster import store
from pycluster.controllers import RESERVED
from pycluster.kernel.errors import Refused
from pycluster.node.ports import StateStore

_END = RESERVED[:-1] + bytes((RESERVED[-1] + 1,))


#: Brings a count: whether there are any. Linearizable: a copy that lags, or has just begun, may know of none yet.
THERE = store.Range(RESERVED, _END, count_only=True)


async def check(state: StateStore, request: store.Request, timeout_s: float) -> None:
    """Raise ``Refused`` for a write of them, ``StateFailed`` where nobody says whether there are any; it protects from
    accidents and is no permission.
    """
    if goes_over(request):
        refuse_any(await state.ask(THERE, timeout_s=timeout_s))


def goes_over(request: store.Request) -> bool:
    """Whether it may be made only where ``THERE`` brings none. Raises ``Refused`` for a write of them."""
    over = False
    for write in _writes(request):
        range_end = write.range_end if isinstance(write, store.DeleteRange) else b""
        if _within(write.key, range_end):
            raise _refused(write.key)
        over = over or _goes_over(write.key, range_end)
    return over


def refuse_any(there: store.Result) -> None:
    """Raise ``Refused`` where that answer to ``THERE`` counts any."""
    if cast(store.RangeResult, there).count:
        raise _refused(RESERVED)


def _writes(request: store.Request) -> Iterator[store.Put | store.DeleteRange]:
    if isinstance(request, store.Put | store.DeleteRange):
        yield request
    elif isinstance(request, store.Txn):
        for operation in (*request.success, *request.failure):
            yield from _writes(operation)


def _within(key: bytes, range_end: bytes) -> bool:
    return key.startswith(RESERVED) and (not range_end or (range_end != store.OPEN_END and range_end <= _END))


def _goes_over(key: bytes, range_end: bytes) -> bool:
    return bool(range_end) and key < _END and (range_end == store.OPEN_END or range_end > RESERVED)


def _refused(key: bytes) -> Refused:
    return Refused(
        f"{key.decode(errors='backslashreplace')[:200]} is the cluster's own",
        why=f"what begins with {RESERVED.decode()} is written by its controllers",
        remedy="use pycluster config, or delete less; -force (force=1) writes there all the same",
    )
