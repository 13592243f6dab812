"""What others may read of a voter: plain data, a snapshot at one moment."""

from __future__ import annotations

from typing import Literal

import msgspec

Role = Literal["follower", "pre-candidate", "candidate", "leader"]


class PeerView(msgspec.Struct, frozen=True):
    """One seat. ``match_index`` is known to the leader only; ``last_contact_us`` is on this voter's clock."""

    name: str
    uuid: str
    learner: bool
    reachable: bool
    last_contact_us: int | None = None
    match_index: int | None = None


class RaftView(msgspec.Struct, frozen=True):
    """``reason`` is one sentence on why there is no leader, or why this voter acts or does not.

    ``writing_since_us``: since when the oldest write waits that is not durable; None where none does.

    ``hold_down_us`` gives, by name, how long each lower-named voter must still be healthy before it is given leadership
    (known to the leader only).
    """

    phase: Literal["waiting", "bootstrapped"]
    role: Role
    term: int
    leader: str
    leader_uuid: str
    leader_since_us: int
    acting: bool
    acting_until_us: int | None
    cluster_uuid: str
    voters: tuple[PeerView, ...]
    commit_index: int
    last_index: int
    needed: int
    reachable: int
    reason: str
    pinned: bool
    writing_since_us: int | None = None
    hold_down_us: dict[str, int] = {}
    counters: dict[str, int] = {}
