"""Fills in the view."""

from __future__ import annotations

from pycluster.consensus.log import NOBODY, Voter
from pycluster.consensus.roles import Roles
from pycluster.consensus.view import PeerView, RaftView


def read(roles: Roles, reason: str, acting: bool, now_us: int) -> RaftView:
    """A snapshot at ``now_us``."""
    s = roles.s
    s.now_us = max(s.now_us, now_us)
    seats = s.voters if s.founded else roles.bootstrap.seats()
    peers = [_peer(roles, seat, learner=False) for seat in seats]
    if s.configuration is not None:
        peers += [_peer(roles, seat, learner=True) for seat in s.configuration.learners]
    return RaftView(
        phase="bootstrapped" if s.founded else "waiting",
        role=s.role,
        term=s.term,
        leader=s.leader.name,
        leader_uuid=s.leader.uuid,
        leader_since_us=s.leader_since_us,
        acting=acting,
        acting_until_us=roles.lease.until_us if acting else None,
        cluster_uuid=s.cluster_uuid,
        voters=tuple(peers),
        commit_index=s.commit_index,
        last_index=s.journal.last_index,
        needed=s.needed,
        reachable=sum(1 for peer in peers if peer.reachable and not peer.learner),
        reason=reason,
        pinned=roles.transfer.pinned,
        writing_since_us=s.journal.slow_since_us,
        hold_down_us=roles.transfer.hold_down_left(),
        counters=dict(s.counters) | {"held_dropped": s.journal.dropped},
    )


def _peer(roles: Roles, seat: Voter, learner: bool) -> PeerView:
    s = roles.s
    contact_us = s.contacts.get(seat.uuid)
    progress = roles.replication.progress.get(seat.uuid)
    if seat == s.me:
        reachable = True
    elif not s.founded:
        reachable = bool(seat.uuid)
    elif s.role == "leader":
        reachable = roles.replication.answers(seat)
    elif s.heard(seat.uuid, 2 * s.params.election_timeout_us):
        reachable = True
    else:
        # A follower hears its leader only; of the others it knows what membership says.
        told = s.health.get(seat.name)
        reachable = s.leader != NOBODY and told is not None and told[0] == seat.uuid and told[1]
    match_index = s.journal.last_index if seat == s.me else progress.match_index if progress else None
    return PeerView(seat.name, seat.uuid, learner, reachable, contact_us, match_index)
