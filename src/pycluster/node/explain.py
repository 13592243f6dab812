"""Answers to "why": one sentence, the evidence line by line, and what an operator could do."""

from __future__ import annotations

from pycluster.consensus import RaftView
from pycluster.kernel.errors import LocalMisuse
from pycluster.kernel.units import MILLISECOND, age_text
from pycluster.node.readings import Readings
from pycluster.node.view import Explanation, MemberView, QuorumView, VoterView

#: Raft's messages are more frequent than this between a leader and its voters; followers do not talk to each other.
_STALE_MS = 5_000


def explain(readings: Readings, question: str, name: str, now_us: int) -> Explanation:
    """``leader``: why this leader, or why none. ``node`` with a name: why that node is in its state.

    Raises ``LocalMisuse`` for another question or an unknown name.
    """
    if question == "leader":
        return _leader(readings, now_us)
    if question == "node" and name:
        member = readings.member(name, now_us)
        if member is None:
            raise LocalMisuse(f"no node named {name!r} is known here", remedy="pycluster members lists the known ones")
        return _node(readings, member, now_us)
    raise LocalMisuse(f"cannot explain {question!r}", remedy="ask for leader, or for node with a name")


def _leader(readings: Readings, now_us: int) -> Explanation:
    leader, term, reason = readings.leads(now_us)
    quorum = readings.quorum(now_us)
    view = readings.raft_view(now_us)
    evidence = _quorum_lines(quorum, readings.config.name)
    if view is not None and view.phase == "waiting":
        evidence.append("this voter has no log yet: it starts one only together with a majority of the listed voters")
    evidence += [f"{host}: {text}" for host, text in readings.strangers.reasons.items()]
    if not leader:
        return Explanation(
            "Why is there no leader?",
            f"No leader: {reason}.",
            tuple(evidence),
            _advice(quorum),
        )
    span = age_text(now_us - readings.leader(now_us).since_us)
    answer = f"{leader} leads in term {term}, for {span}: {_why_this_one(leader, quorum, view)}."
    return Explanation("Why is this the leader?", answer, tuple(evidence), ())


def _why_this_one(leader: str, quorum: QuorumView, view: RaftView | None) -> str:
    if view is None:
        return "a voter confirmed it, and voters keep vouching for it"
    lower = [voter for voter in quorum.voters if voter.name < leader and not voter.learner]
    if not lower:
        return "it has the lowest name of all voters, and a majority elected it"
    if view.pinned:
        return "an operator moved leadership there, so no lower name takes it back"
    waiting = ", ".join(voter.name for voter in lower if voter.reachable)
    if waiting:
        unless = "" if view.role == "leader" else ", unless an operator moved leadership there"
        return (
            f"a majority elected it while lower names were away; {waiting} takes over"
            f" once it has caught up and stayed healthy for its hold-down{unless}"
        )
    return f"it has the lowest name that a majority can vouch for; {', '.join(v.name for v in lower)} cannot be reached"


def _quorum_lines(quorum: QuorumView, local: str) -> list[str]:
    if not quorum.voters:
        return ["the voters are not known yet"]
    lines = [f"{quorum.reachable} of {len(quorum.voters)} voters reachable, {quorum.needed} needed"]
    for voter in quorum.voters:
        seat = "learner" if voter.learner else "voter"
        contact = "this node" if voter.name == local else _contact(quorum.phase, voter)
        lines.append(f"{seat} {voter.name}: {'reachable' if voter.reachable else 'NOT reachable'} ({contact})")
    return lines


def _contact(phase: str, voter: VoterView) -> str:
    """How it is known whether that voter is reachable."""
    heard_ms = voter.last_contact_ms
    if not voter.uuid and phase == "bootstrapped":
        return "has never shown up"
    if phase == "waiting":
        return "answered with the same list" if voter.reachable else "no answer with the same list"
    if phase == "observer" or (voter.reachable and (heard_ms is None or heard_ms > _STALE_MS)):
        return "as membership sees it"
    if heard_ms is None:
        return "never heard"
    return f"heard {heard_ms} ms ago" if heard_ms <= _STALE_MS else f"heard {age_text(heard_ms * MILLISECOND)} ago"


def _advice(quorum: QuorumView) -> tuple[str, ...]:
    missing = [voter.name for voter in quorum.voters if not voter.reachable]
    if not missing:
        return ()
    short = quorum.needed - quorum.reachable
    needed = f": {short} more voter{'s are' if short > 1 else ' is'} needed" if short > 0 else ""
    return (
        f"start the agents on, or mend the network to, {', '.join(missing)}{needed}",
        "UDP and TCP must pass on the agents' port in both directions",
    )


def _node(readings: Readings, member: MemberView, now_us: int) -> Explanation:
    seen = "never" if member.last_seen_ms is None else f"{age_text(member.last_seen_ms * MILLISECOND)} ago"
    if member.state == "unknown":
        return Explanation(
            f"Why is {member.name} unknown?",
            f"{member.name} is configured at {member.address} and has never been heard of.",
            tuple(f"{host}: {text}" for host, text in readings.strangers.reasons.items()),
            (f"start its agent, and check that UDP and TCP reach {member.address}",),
        )
    evidence = [f"last direct proof of life: {seen}"]
    evidence += [
        f"{age_text(now_us - item.at_us)} ago: {item.kind} by {item.by}" + (f" ({item.detail})" if item.detail else "")
        for item in member.evidence
    ]
    if member.local:
        evidence += [f"local health: {reason}" for reason in readings.health(now_us).reasons]
    since = age_text(now_us - member.state_since_us)
    return Explanation(
        f"Why is {member.name} {member.state}?",
        f"{member.name} is {member.state}, for {since}: {_why_state(member)}.",
        tuple(evidence),
        (f"look at the agent on {member.address}, or pycluster force-leave {member.name} when it is gone for good",)
        if member.state == "down"
        else (),
    )


def _why_state(member: MemberView) -> str:
    match member.state:
        case "alive":
            return "it answers" if not member.local else "it is this node"
        case "suspect":
            accusers = sorted({item.by for item in member.evidence if item.kind in ("accused", "suspect")})
            return f"{', '.join(accusers) or 'a member'} could not reach it, and others are checking"
        case "down":
            return "it was suspected, and nobody heard it refute in time"
        case _:
            return "it said goodbye, or an operator forced it out"
