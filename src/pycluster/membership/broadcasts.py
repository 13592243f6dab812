"""The queue of news: each update is passed on a bounded number of times, the least told first (SWIM §4.1)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pycluster.membership.messages import Packet, Update, Vouch
from pycluster.membership.params import Params

_encoder = msgspec.msgpack.Encoder()


class _Item(msgspec.Struct):
    update: Update
    size: int
    sent: int = 0
    order: int = 0


class Broadcasts:
    """Updates by (member, kind of news); newer news about a member replaces older, confirmations are kept beside."""

    def __init__(self, params: Params) -> None:
        self._params = params
        self._items: dict[tuple[str, str], _Item] = {}
        self._order = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._items)

    def put(self, update: Update, *, replaces: bool = True) -> None:
        """Queue news. ``replaces``: everything else about that member is out of date."""
        by = getattr(update, "by", "")
        if replaces:
            for key in [key for key in self._items if key[0] == update.name]:
                del self._items[key]
        if len(self._items) >= self._params.queue_max:
            oldest = max(self._items, key=lambda key: (self._items[key].sent, -self._items[key].order))
            del self._items[oldest]
            self.dropped += 1
        self._order += 1
        kind = type(update).__name__ + (by if isinstance(update, Vouch) or not replaces else "")
        self._items[(update.name, kind)] = _Item(update, len(_encoder.encode(update)), 0, self._order)

    def fill(self, base: Packet, members: int, first: Iterable[Update] = ()) -> Packet:
        """``base`` with as much news as fits; ``first`` goes before all and is not counted as told."""
        room = self._params.packet_max_bytes - len(_encoder.encode(base)) - 4
        chosen: list[Update] = []
        for update in first:
            size = len(_encoder.encode(update))
            if size <= room:
                chosen.append(update)
                room -= size
        if self._items:
            limit = retransmits(self._params, members)
            for key, item in sorted(self._items.items(), key=lambda pair: (pair[1].sent, -pair[1].order)):
                if item.size > room:
                    continue
                room -= item.size
                if item.update not in chosen:
                    chosen.append(item.update)
                item.sent += 1
                if item.sent >= limit:
                    del self._items[key]
        return msgspec.structs.replace(base, updates=tuple(chosen)) if chosen else base


def retransmits(params: Params, members: int) -> int:
    """How often one update is told: lambda x ceil(log10(n + 1)), as memberlist counts it (SWIM §5, lambda log n)."""
    return params.retransmit_factor * max(1, len(str(members)))
