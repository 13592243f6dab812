"""What the reader of a stream has in hand: by asking for the next batch it says that it is done with the last."""

from __future__ import annotations

from pycluster import store

#: Bytes of keys and values of a few changes, as most are: waiting until they are written costs more. Up to three such
#: are in hand at a time, two of them uncounted.
_LIGHT_BYTES = 2 * 1024
_LIGHT_EVENTS = 4


def light(batch: store.WatchBatch) -> bool:
    """Whether it is so little that nobody need wait until it is written."""
    return len(batch.events) <= _LIGHT_EVENTS and batch.size_bytes <= _LIGHT_BYTES
