"""The clusters that the page's tests show: plain views, made here and changed by the tests."""

from __future__ import annotations

from msgspec.structs import replace

from pycluster.node.view import (
    ActingInterval,
    Counts,
    Evidence,
    LeaderSpan,
    LeaderView,
    LocalHealthView,
    MemberView,
    QuorumView,
    StatusView,
    VoterView,
)

SECOND = 1_000_000
NOW_US = 5_000 * SECOND
ZONES = ("a", "b", "c")


def member(number: int, **changes: object) -> MemberView:
    """node001 and so on: alive followers, voters up to five, the first one local."""
    view = MemberView(
        name=f"node{number:03d}",
        uuid=f"{number:032x}",
        host=f"node{number:03d}.example.org",
        address=f"192.0.2.{number % 250 + 1}:7946",
        state="alive",
        role="leader" if number == 1 else "follower",
        voter=number <= 5,
        local=number == 1,
        incarnation=number,
        zone=ZONES[number % 3],
        tags={"rack": f"r{number % 4}"},
        version="0.1.0",
        last_seen_ms=0 if number == 1 else 300,
        rtt_ms=None if number == 1 else round(0.2 * number, 3),
        state_since_us=NOW_US - 600 * SECOND,
        evidence=(Evidence(NOW_US - 600 * SECOND, "alive", "node001", "it answered"),),
    )
    return replace(view, **changes)


def counted(members: tuple[MemberView, ...]) -> Counts:
    """Members by state."""
    states = [one.state for one in members]
    return Counts(*(states.count(state) for state in ("alive", "suspect", "down", "left", "unknown")))


def cluster(members: tuple[MemberView, ...], **changes: object) -> StatusView:
    """A cluster of these members, led by the one whose role says so, in its fourth term."""
    voters = tuple(VoterView(one.name, one.uuid, one.state == "alive", False, 12, 41) for one in members if one.voter)
    leader = next((one for one in members if one.role == "leader"), None)
    view = StatusView(
        cluster="harbour",
        name="node001",
        uuid=f"{1:032x}",
        address="192.0.2.2:7946",
        version="0.1.0",
        now_us=NOW_US,
        started_us=NOW_US - 3_700 * SECOND,
        boot_id="boot",
        leader=LeaderView(
            leader=leader.name if leader else "",
            uuid=leader.uuid if leader else "",
            term=4,
            since_us=NOW_US - 590 * SECOND,
            acting=leader is not None and leader.local,
            lease_ms=420 if leader else None,
            reason="" if leader else "only 1 of 5 voters is reachable, 3 are needed",
            source="its own election" if leader else "",
        ),
        quorum=QuorumView(
            phase="bootstrapped",
            cluster_uuid="c" * 32,
            voters=voters,
            needed=len(voters) // 2 + 1,
            reachable=sum(voter.reachable for voter in voters),
            local_is_voter=True,
            commit_index=41,
            last_index=42,
        ),
        counts=counted(members),
        health=LocalHealthView("passing", 0),
        members=members,
        acting_intervals=(
            ActingInterval(2, NOW_US - 3_000 * SECOND, NOW_US - 2_100 * SECOND, "lost touch with a majority"),
            ActingInterval(4, NOW_US - 590 * SECOND, None),
        ),
        leader_history=(
            LeaderSpan(2, "node001", NOW_US - 3_000 * SECOND, "elected"),
            LeaderSpan(2, "", NOW_US - 2_100 * SECOND, "no voter vouches for a leader"),
            LeaderSpan(3, "node002", NOW_US - 2_090 * SECOND, "elected"),
            LeaderSpan(4, "node001", NOW_US - 590 * SECOND, "lowest name takes over"),
        ),
        counters={"datagrams_sent": 41_237, "datagrams_received": 41_199, "probes_failed": 3},
    )
    return replace(view, **changes)


def five() -> StatusView:
    """Five nodes, all well."""
    return cluster(tuple(member(number) for number in range(1, 6)))


def many(count: int = 500) -> StatusView:
    """So many nodes; five vote, and some are not well."""
    ill = {17: "down", 123: "suspect", 200: "left", 311: "down", 444: "unknown"}
    return cluster(tuple(member(number, state=ill.get(number, "alive")) for number in range(1, count + 1)))


def with_member(view: StatusView, name: str, **changes: object) -> StatusView:
    """The same cluster with one member changed, the counts and the voters following."""
    members = tuple(replace(one, **changes) if one.name == name else one for one in view.members)
    voters = tuple(
        replace(voter, reachable=next(one for one in members if one.name == voter.name).state == "alive")
        for voter in view.quorum.voters
    )
    quorum = replace(view.quorum, voters=voters, reachable=sum(voter.reachable for voter in voters))
    return replace(view, members=members, counts=counted(members), quorum=quorum)


def led_by(view: StatusView, name: str, term: int) -> StatusView:
    """The same cluster under another leader."""
    members = tuple(
        replace(one, role="leader" if one.name == name else "follower" if one.state == "alive" else one.role)
        for one in view.members
    )
    leader = replace(view.leader, leader=name, term=term, since_us=view.now_us, acting=False, reason="")
    past = (*view.leader_history, LeaderSpan(term, name, view.now_us, "elected"))
    return replace(view, members=members, leader=leader, leader_history=past)


def observed() -> StatusView:
    """Five voters as node009 sees them, which has no seat."""
    others = tuple(member(number, local=False, tags={"web": ":8080"}) for number in range(1, 6))
    view = cluster((*others, member(9, local=True)), name="node009")
    voters = tuple(replace(voter, match_index=None, last_contact_ms=None) for voter in view.quorum.voters)
    quorum = replace(view.quorum, phase="observer", voters=voters, local_is_voter=False, commit_index=0, last_index=0)
    return replace(view, quorum=quorum, leader=replace(view.leader, acting=False, lease_ms=None))
