"""The follower's side of a snapshot that comes in pieces (Raft §5.1, figure 5.3).

Invariants: pieces are taken in order, of one leader's term at a time; what is committed here is never replaced by less;
nothing changes before all pieces came and made a whole, and nothing is acknowledged before that is durable.
"""

from __future__ import annotations

import msgspec

from pycluster.consensus.effects import Installed, PieceReceived
from pycluster.consensus.log import NOBODY, Snapshot, Voter
from pycluster.consensus.messages import AppendReply, InstallReply, InstallSnapshot
from pycluster.consensus.state import State


class _Incoming(msgspec.Struct, frozen=True):
    """What is being received: of the leader of ``term``, ``number`` pieces so far."""

    term: int
    snapshot: Snapshot
    number: int


class Installation:
    """At most one at a time."""

    def __init__(self, state: State) -> None:
        self._s = state
        self._incoming: _Incoming | None = None

    def on_piece(self, sender: Voter, message: InstallSnapshot) -> None:
        """A piece of the leader that this voter follows; the caller has checked term and cluster."""
        s, snapshot = self._s, message.snapshot
        configuration = snapshot.configuration
        if configuration is None or configuration.cluster_uuid != message.cluster_uuid or not configuration.voters:
            s.counters["pieces_malformed"] += 1
            return
        if snapshot.index <= s.commit_index:
            self._have(sender, snapshot)
            return
        incoming = self._incoming
        if message.number == 0 or incoming is None or (incoming.term, incoming.snapshot) != (message.term, snapshot):
            incoming = _Incoming(message.term, snapshot, 0)
        taken = message.number == incoming.number
        if taken:
            incoming = msgspec.structs.replace(incoming, number=message.number + 1)
            s.effects.append(PieceReceived(snapshot, message.number, message.data, message.done))
        self._incoming = incoming
        if not (taken and message.done):
            # Past a gap (a first piece that came late began this anew) the leader cannot go back, only begin anew too.
            wanted = incoming.number if message.number <= incoming.number else 0
            s.bulk(sender, InstallReply(*s.header(sender), snapshot.index, wanted))

    def on_taken(self, snapshot: Snapshot, ok: bool) -> None:
        """The node above has read all pieces."""
        s, incoming, self._incoming = self._s, self._incoming, None
        if incoming is None or incoming.snapshot != snapshot or snapshot.index <= s.commit_index:
            return
        if ok:
            s.journal.install(snapshot)
            s.commit_index = snapshot.index
            s.effects.append(Installed(snapshot))
        if s.leader in (NOBODY, s.me):
            return
        if ok:
            self._have(s.leader, snapshot)
        else:
            s.bulk(s.leader, InstallReply(*s.header(s.leader), snapshot.index, 0))

    def _have(self, leader: Voter, snapshot: Snapshot) -> None:
        s = self._s
        token = 0 if s.journal.durable_index >= snapshot.index else s.journal.token
        s.bulk(leader, AppendReply(*s.header(leader), True, snapshot.index, snapshot.index), token)
