"""The follower's side of a snapshot that comes in pieces (Raft §5.1, figure 5.3).

Invariants: pieces are taken in order, of one leader's term at a time; the next one is asked for when the disk has what
came, so that a slow disk is sent no more than it writes; what is committed here is never replaced by less;
nothing changes before all pieces came and made a whole, and nothing is acknowledged before that is durable.
"""

from __future__ import annotations

import msgspec

from pycluster.consensus.effects import Installed, PieceReceived
from pycluster.consensus.kinship import foreign
from pycluster.consensus.log import NOBODY, Snapshot, Voter
from pycluster.consensus.messages import AppendReply, InstallReply, InstallSnapshot
from pycluster.consensus.state import State


class _Incoming(msgspec.Struct, frozen=True):
    """What is being received: of the leader of ``term``, ``number`` pieces so far, ``kept`` of them on the disk."""

    term: int
    snapshot: Snapshot
    number: int
    kept: int = 0


class Installation:
    """At most one at a time."""

    def __init__(self, state: State) -> None:
        self._s = state
        self._incoming: _Incoming | None = None
        #: Pieces that the disk has not reported yet, of whatever is or was being received.
        self._owed = 0

    def on_piece(self, sender: Voter, message: InstallSnapshot) -> None:
        """A piece of the leader that this voter follows; the caller has checked term and cluster."""
        s, snapshot = self._s, message.snapshot
        configuration = snapshot.configuration
        # A leader whose cluster was founded on a restored state may have nothing newer than that state to send.
        if (
            configuration is None
            or not configuration.cluster_uuid
            or foreign(configuration.cluster_uuid, message.cluster_uuid)
            or not configuration.voters
        ):
            s.counters["pieces_malformed"] += 1
            return
        if snapshot.index <= s.commit_index:
            self._have(sender, snapshot)
            return
        incoming = self._incoming
        if (
            incoming is None
            or (incoming.term, incoming.snapshot) != (message.term, snapshot)
            or (message.number == 0 and incoming.number > 1)
        ):
            if self._owed:
                return  # it is sent again; each beginning would be one more piece that votes and commits wait behind
            incoming = _Incoming(message.term, snapshot, 0)
        taken = message.number == incoming.number
        if taken:
            self._owed += 1
            incoming = msgspec.structs.replace(incoming, number=message.number + 1)
            s.effects.append(PieceReceived(snapshot, message.number, message.data, message.done))
        self._incoming = incoming
        if not taken and message.number > incoming.number:
            # Past a gap (a first piece that came late began this anew) the leader cannot go back, only begin anew too.
            s.bulk(sender, InstallReply(*s.header(sender), snapshot.index, 0))
        elif not taken and incoming.kept == incoming.number:
            s.bulk(sender, InstallReply(*s.header(sender), snapshot.index, incoming.number))

    def on_kept(self, index: int, number: int) -> None:
        """The disk has a piece; the reports come in the pieces' order."""
        s, incoming = self._s, self._incoming
        self._owed -= 1
        if incoming is None or incoming.snapshot.index != index or not number == incoming.kept < incoming.number:
            return
        self._incoming = incoming = msgspec.structs.replace(incoming, kept=number + 1)
        if incoming.kept == incoming.number and incoming.term == s.term and s.leader not in (NOBODY, s.me):
            s.bulk(s.leader, InstallReply(*s.header(s.leader), index, incoming.number))

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
