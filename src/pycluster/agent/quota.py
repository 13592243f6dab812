"""One line a minute a peer, beyond a small burst: what others can make an agent print must not fill a disk.

A peer is whoever a line is about: a node's name, the host of a stranger, or the cluster as a whole. What is kept back
is counted, and told a minute later in one line with the newest of each kind, so that nothing ends unsaid. Even a
leader that changes for good in the middle of a flood is read of within that minute.
"""

from __future__ import annotations

import msgspec

from pycluster.node.allowance import MINUTE_US, Allowance
from pycluster.node.view import ClusterEvent

#: Lines of one kind about one peer at once: a node that flaps four times a minute is read of for four minutes.
PEER_LINES_BURST = 12
PEER_LINES_PER_MINUTE = 1
#: Lines of one kind about all peers together: a large cluster's at its start, and what many deaths at once bring.
KIND_LINES_BURST = 4_096
KIND_LINES_PER_MINUTE = 60
#: Pairs of peer and kind that are remembered, and peers whose surplus is counted apart; the rest is counted together.
_PAIRS_MAX = 8_192
_PEERS_MAX = 256
_KINDS_MAX = 64
_REST = "other nodes"


class _Surplus(msgspec.Struct):
    """What was kept back about one peer since ``since_us``: how many lines of each kind, and the newest of each."""

    since_us: int
    count: dict[str, int] = {}
    newest: dict[str, str] = {}


class Quota:
    """Decides which events are printed, and keeps the books of those that are not."""

    def __init__(self) -> None:
        self._each = Allowance(PEER_LINES_BURST, PEER_LINES_PER_MINUTE, _PAIRS_MAX)
        self._all = Allowance(KIND_LINES_BURST, KIND_LINES_PER_MINUTE, _KINDS_MAX)
        #: Oldest first.
        self._surplus: dict[str, _Surplus] = {}

    def allows(self, event: ClusterEvent) -> bool:
        """Whether ``event`` may be printed now."""
        peer, kind, now_us = _peer_of(event), event.kind, event.at_us
        kept = self._surplus.get(peer)
        if kept is None or kind not in kept.count:
            # Both are asked before one is charged.
            if self._each.has((peer, kind), now_us) and self._all.allows(kind, now_us):
                self._each.take((peer, kind), now_us)
                return True
            if kept is None and (len(self._surplus) >= _PEERS_MAX or not self._all.has(kind, now_us)):
                peer = _REST
        self._keep_back(peer, event)
        return False

    def surplus(self, now_us: int | None) -> list[str]:
        """A line for each peer of whom lines were kept back for a minute at ``now_us`` (µs), or at all for None."""
        lines = []
        while self._surplus:
            peer, kept = next(iter(self._surplus.items()))
            if now_us is not None and now_us - kept.since_us < MINUTE_US:
                break
            del self._surplus[peer]
            for kind in kept.count:
                # This line is the one of this minute.
                self._each.take((peer, kind), kept.since_us + MINUTE_US)
            what = "; ".join(f"{count} {kind}, the last: {kept.newest[kind]}" for kind, count in kept.count.items())
            whom = f"about {peer} " if peer else ""
            lines.append(f"{sum(kept.count.values())} more lines {whom}were kept back: {what}")
        return lines

    def _keep_back(self, peer: str, event: ClusterEvent) -> None:
        kept = self._surplus.get(peer)
        if kept is None:
            kept = self._surplus[peer] = _Surplus(event.at_us)
        kept.count[event.kind] = kept.count.get(event.kind, 0) + 1
        kept.newest[event.kind] = event.text


def _peer_of(event: ClusterEvent) -> str:
    """Whom ``event`` is about; a stranger is its host, whatever port it speaks from."""
    peer = event.fields.get("peer")
    return peer.rpartition(":")[0].strip("[]") if isinstance(peer, str) else event.node
