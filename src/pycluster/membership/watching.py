"""Whom this node keeps an idle stream to: the living that rank highest for it (rendezvous hashing)."""

from __future__ import annotations

import heapq
from bisect import insort

from pycluster.membership.effects import Cause, Watch, Watched
from pycluster.membership.members import Member, rank
from pycluster.membership.state import State


class Watching:
    """Keeps the few chosen only: a newcomer is compared with them, and all are ranked when one of them goes."""

    def __init__(self, state: State) -> None:
        self._s = state
        #: (-rank, name), best first.
        self._chosen: list[tuple[int, str]] = []
        #: Whether one of them went, or changed; and whether there is anything to look at.
        self._stale = False
        self._dirty = False
        self._told: tuple[Watched, ...] = ()

    def changed(self, cause: Cause, member: Member) -> None:
        """A member came, went, or has another address or UUID."""
        s = self._s
        count = s.params.streams
        if not count or member is s.local:
            return
        ours = member.name in [name for _, name in self._chosen]
        if cause == "forgotten" or member.state not in ("alive", "suspect") or ours:
            self._stale = self._stale or ours
            self._dirty = self._dirty or ours
            return
        self._compare(member, count)

    def discovered(self, member: Member) -> None:
        """Somebody came of whom nothing was known."""
        count = self._s.params.streams
        if count:
            self._compare(member, count)

    def _compare(self, member: Member, count: int) -> None:
        chosen = self._chosen
        key = self._key(member)
        if len(chosen) < count or key < chosen[-1]:
            insort(chosen, key)
            del chosen[count:]
            self._dirty = True

    def tick(self) -> None:
        """Say whom, when that changed; nobody while this node leaves."""
        s = self._s
        if not self._dirty and not (s.leaving and self._chosen):
            return
        if s.leaving:
            self._chosen = []
        elif self._stale:
            self._chosen = heapq.nsmallest(s.params.streams, map(self._key, s.others("alive", "suspect")))
        self._stale = self._dirty = False
        peers = tuple(
            Watched(member.name, member.uuid, member.address) for member in (s.table[name] for _, name in self._chosen)
        )
        if peers != self._told:
            self._told = peers
            s.effects.append(Watch(peers))

    def _key(self, member: Member) -> tuple[int, str]:
        return -rank(member.uuid, self._s.local.uuid), member.name
