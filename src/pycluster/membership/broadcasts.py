"""The queue of news: each update is passed on a bounded number of times, the least told first (SWIM §4.1).

Thousands of updates may wait, and every packet asks for some: they stand in tiers by how often they were told, so that
neither putting one in nor filling a packet looks at the rest.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pycluster.membership.messages import Packet, Suspect, Update, Vouch
from pycluster.membership.params import Params

_encoder = msgspec.msgpack.Encoder()
#: Bytes of the shortest update that there is: below that, a packet is full.
_UPDATE_LEAST_BYTES = 24
#: Updates too large for the rest of a packet that are passed over before it is sent as it is.
_PASSED_OVER_MAX = 16


class _Item(msgspec.Struct, gc=False):
    update: Update
    kind: str
    size: int
    sent: int = 0


class Broadcasts:
    """Updates by (member, kind of news); newer news about a member replaces older, confirmations are kept beside."""

    def __init__(self, params: Params) -> None:
        self._params = params
        self._size = 0
        self._by_name: dict[str, list[_Item]] = {}
        #: By how often they were told: items by identity, the newest last.
        self._tiers: list[dict[int, _Item]] = []
        self.dropped = 0

    def __len__(self) -> int:
        return self._size

    def put(self, update: Update, *, replaces: bool = True) -> None:
        """Queue news. ``replaces``: everything else about that member is out of date."""
        by = getattr(update, "by", "")
        kind = type(update).__name__ + (by if isinstance(update, Suspect | Vouch) or not replaces else "")
        for item in list(self._by_name.get(update.name, ())):
            if replaces or item.kind == kind:
                self._remove(item)
        if self._size >= self._params.queue_max:
            told_most = next(tier for tier in reversed(self._tiers) if tier)
            self._remove(next(iter(told_most.values())))
            self.dropped += 1
        item = _Item(update, kind, len(_encoder.encode(update)))
        self._by_name.setdefault(update.name, []).append(item)
        self._tier(0)[id(item)] = item
        self._size += 1

    def fill(self, base: Packet, members: int, first: Iterable[Update] = ()) -> Packet:
        """``base`` with as much news as fits; ``first`` goes before all and is not counted as told."""
        chosen = list(first)
        if not chosen and not self._size:
            return base
        room = self._params.packet_max_bytes - len(_encoder.encode(base)) - 4
        before: list[Update] = []
        for update in chosen:
            size = len(_encoder.encode(update))
            if size <= room:
                before.append(update)
                room -= size
        items = self._next(room)
        told = [item.update for item in items]
        chosen = before + [update for update in told if update not in before] if before else told
        # The newest was taken first: in its next tier it is to be the newest again.
        limit = retransmits(self._params, members)
        self._tier(limit)
        tiers = self._tiers
        for item in reversed(items):
            key, sent = id(item), item.sent
            del tiers[sent][key]
            item.sent = sent = sent + 1
            if sent < limit:
                tiers[sent][key] = item
            else:
                self._forget(item)
        return msgspec.structs.replace(base, updates=tuple(chosen)) if chosen else base

    def _next(self, room: int) -> list[_Item]:
        """What was told least, the newest of that first, as much as fits."""
        items: list[_Item] = []
        passed_over = 0
        for tier in self._tiers:
            for item in reversed(tier.values()):
                if room < _UPDATE_LEAST_BYTES or passed_over >= _PASSED_OVER_MAX:
                    return items
                size = item.size
                if size <= room:
                    room -= size
                    items.append(item)
                else:
                    passed_over += 1
        return items

    def _tier(self, sent: int) -> dict[int, _Item]:
        while len(self._tiers) <= sent:
            self._tiers.append({})
        return self._tiers[sent]

    def _remove(self, item: _Item) -> None:
        del self._tiers[item.sent][id(item)]
        self._forget(item)

    def _forget(self, item: _Item) -> None:
        """It stands in no tier any more."""
        self._size -= 1
        about = self._by_name[item.update.name]
        about[:] = [other for other in about if other is not item]
        if not about:
            del self._by_name[item.update.name]


def retransmits(params: Params, members: int) -> int:
    """How often one update is told: lambda x ceil(log10(n + 1)), as memberlist counts it (SWIM §5, lambda log n)."""
    return params.retransmit_factor * max(1, len(str(members)))
