"""Snapshots for people: what the cores hold, put together for one moment. Reads only."""

from __future__ import annotations

from pycluster.consensus import Raft, RaftView
from pycluster.kernel.ids import Seed
from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.membership import Member, Swim
from pycluster.node.config import NodeConfig
from pycluster.node.following import Following
from pycluster.node.ledger import Ledger
from pycluster.node.strangers import Strangers
from pycluster.node.view import (
    Counts,
    Evidence,
    Health,
    LeaderView,
    LocalHealthView,
    MemberView,
    QuorumView,
    Role,
    StatusView,
    VoterView,
)
from pycluster.wire import Claim

_FIT, _SICK = 0, 4
#: A founding leaves the seats of those who are late unclaimed.
_CLAIMED_US = 60 * SECOND
#: Rendered files whose problems are spelt out.
_FEW = 10


class Readings:
    """Reads of one node."""

    def __init__(
        self,
        config: NodeConfig,
        uuid: str,
        swim: Swim,
        raft: Raft,
        following: Following,
        ledger: Ledger,
        strangers: Strangers,
    ) -> None:
        self.config = config
        self.swim = swim
        self.following = following
        self.strangers = strangers
        self._uuid = uuid
        self._core = raft
        self._ledger = ledger
        self._seeds = {seed.name: seed for seed in config.seeds}
        self._started_us = 0
        self._has_led = False

    @property
    def _raft(self) -> Raft | None:
        """The voter; None while it has nothing to do with the others."""
        return None if self._core.dormant else self._core

    def started(self, now_us: int) -> None:
        """The node's first event happens now."""
        self._started_us = now_us

    def reseed(self, seeds: tuple[Seed, ...]) -> None:
        """The configured nodes changed."""
        self._seeds = {seed.name: seed for seed in seeds}

    def leads(self, now_us: int) -> tuple[str, int, str]:
        """``(leader, term, reason)``: the leader this node may believe in now, or ``""`` and why there is none."""
        raft = self._raft
        if raft is None or self.observes:
            belief = self.following.belief
            if belief is None:
                reason = self.following.reason if raft is None or raft.leader else raft.reason
                return "", self.following.highest_term, reason
            return belief.leader, belief.term, ""
        if raft.leader == self.config.name and not raft.leads(now_us):
            return "", raft.term, raft.reason
        return raft.leader, raft.term, "" if raft.leader else raft.reason

    def acts(self, now_us: int) -> bool:
        """Whether this node may act as leader now."""
        return self._raft is not None and self._raft.is_acting(now_us)

    def claim(self, now_us: int) -> Claim | None:
        """What this node's gossip says about the leader: its own word as a voter, or what it follows and how old."""
        if self.observes:
            return self.following.claim(now_us)
        leader, term, _ = self.leads(now_us)
        return Claim(term, leader, 0) if leader else None

    @property
    def observes(self) -> bool:
        """Whether this node follows what voters say, having no seat itself: none was meant for it, or not yet.

        A leader that gives its seat up leads on until that is committed (Raft §4.2.2).
        """
        raft = self._core
        return raft.dormant or not (raft.seated or raft.leader == self.config.name)

    def raft_view(self, now_us: int) -> RaftView | None:
        """The consensus core's view; None on a node that is not meant to vote."""
        return self._raft.view(now_us) if self._raft is not None else None

    @staticmethod
    def role(state: str, leads: bool, led_before: bool) -> Role:
        """A node's role in the origin's sense."""
        if state not in ("alive", "suspect"):
            return "unknown"
        if leads:
            return "leader"
        return "follower" if led_before else "unknown"

    def status(self, now_us: int) -> StatusView:
        """Everything on one sheet."""
        members = self.members(now_us)
        states = [member.state for member in members]
        return StatusView(
            cluster=self.config.cluster,
            name=self.config.name,
            uuid=self._uuid,
            address=str(self.swim.local.address),
            version=self.config.version,
            now_us=now_us,
            started_us=self._started_us,
            boot_id=self.config.boot_id,
            leader=self.leader(now_us),
            quorum=self.quorum(now_us),
            counts=Counts(**{state: states.count(state) for state in ("alive", "suspect", "down", "left", "unknown")}),
            health=self.health(now_us),
            members=members,
            acting_intervals=self._ledger.intervals,
            leader_history=tuple(self._ledger.leaders),
            counters={**self.swim.counters, **self._ledger.counters},
            warnings=self.config.warnings,
        )

    def leader(self, now_us: int) -> LeaderView:
        """Who leads, as far as this node may believe."""
        leader, term, reason = self.leads(now_us)
        view = self.raft_view(now_us)
        if view is None or self.observes:
            belief = self.following.belief
            if belief is None:
                return LeaderView("", "", term, 0, acting=False, reason=reason, source="gossip, confirmed by a voter")
            return LeaderView(
                leader, belief.uuid, term, belief.since_us, acting=False, source="gossip, confirmed by a voter"
            )
        lease_ms = None
        if view.acting and view.acting_until_us is not None:
            lease_ms = max(view.acting_until_us - now_us, 0) // MILLISECOND
        return LeaderView(
            leader=leader,
            uuid=view.leader_uuid if leader else "",
            term=term,
            since_us=view.leader_since_us if leader else 0,
            acting=view.acting,
            lease_ms=lease_ms,
            reason=reason,
            source="this node's vote and heartbeats",
        )

    def quorum(self, now_us: int) -> QuorumView:
        """The voters as this node sees them."""
        view = self.raft_view(now_us)
        if view is None or (self.following.voters and self.observes):
            return self._observed_quorum()
        return QuorumView(
            phase=view.phase,
            cluster_uuid=view.cluster_uuid,
            voters=tuple(
                VoterView(
                    name=peer.name,
                    uuid=peer.uuid,
                    reachable=peer.reachable,
                    learner=peer.learner,
                    last_contact_ms=_age_ms(peer.last_contact_us, now_us),
                    match_index=peer.match_index,
                )
                for peer in view.voters
            ),
            needed=view.needed,
            reachable=view.reachable,
            local_is_voter=any(peer.uuid == self._uuid and not peer.learner for peer in view.voters),
            commit_index=view.commit_index,
            last_index=view.last_index,
            detail=view.reason,
        )

    def _observed_quorum(self) -> QuorumView:
        seats = self.following.voters
        voters = tuple(VoterView(name, uuid, reachable=self._alive(name)) for name, uuid in seats)
        belief = self.following.belief
        return QuorumView(
            phase="observer",
            cluster_uuid=belief.cluster_uuid if belief is not None else "",
            voters=voters,
            needed=len(voters) // 2 + 1 if voters else 0,
            reachable=sum(voter.reachable for voter in voters),
            local_is_voter=False,
            detail="this node does not vote; it follows whom the voters elect",
        )

    def _alive(self, name: str) -> bool:
        member = self.swim.members.get(name)
        return member is not None and member.state == "alive"

    def health(self, now_us: int) -> LocalHealthView:
        """How far this node trusts itself."""
        score = self.swim.health_score
        failed, files = self._ledger.backup_problem, self._ledger.file_problems
        view = self.raft_view(now_us)
        unclaimed, waits_ms = self._unclaimed(view, now_us), self._waits_ms(view, now_us)
        rollouts = self._ledger.rollout_problems
        wrong = score > _FIT or failed or files or unclaimed or rollouts or waits_ms
        status: Health = "critical" if score >= _SICK else "warning" if wrong else "passing"
        reasons = [*self.swim.health_reasons()]
        if unclaimed:
            reasons.append(
                f"nobody ever came for the seat of {', '.join(unclaimed)}, which counts in the quorum and cannot vote:"
                f" start its agent, or pycluster raft remove {unclaimed[0]}"
            )
        if waits_ms:
            reasons.append(
                f"a write waits for the disk for {waits_ms / 1_000:.1f} s, longer than election_timeout_ms: until it"
                " is done this node acknowledges nothing, and where it leads it hands over; look after that disk"
            )
        if failed:
            reasons.append(f"the last backup failed: {failed}")
        reasons += [f"the file of template {name} is not in place: {why}" for name, why in sorted(files.items())[:_FEW]]
        if len(files) > _FEW:
            reasons.append(f"the files of {len(files) - _FEW} more templates are not in place")
        reasons += sorted(rollouts.values())[:_FEW]
        return LocalHealthView(status, score, tuple(reasons))

    def _waits_ms(self, view: RaftView | None, now_us: int) -> int:
        """How long the disk owes a voter an answer, where that is longer than a leader may wait; or 0."""
        since_us = None if view is None else view.writing_since_us
        waits_us = 0 if since_us is None else now_us - since_us
        return waits_us // MILLISECOND if waits_us >= self.config.consensus.election_timeout_us else 0

    def _unclaimed(self, view: RaftView | None, now_us: int) -> list[str]:
        """Whose seats nobody has claimed, once this node runs for longer than a start takes."""
        if view is None or view.phase == "waiting" or self.observes or now_us - self._started_us < _CLAIMED_US:
            return []
        return [peer.name for peer in view.voters if not peer.uuid]

    def members(self, now_us: int) -> tuple[MemberView, ...]:
        """Every member known, and every configured node never heard of, by name."""
        leader, _, _ = self.leads(now_us)
        voters = self._voters(now_us)
        known = [self._member(member, leader, voters, now_us) for member in self.swim.members.values()]
        names = set(self.swim.members)
        known += [self._unheard(seed, voters) for seed in self._seeds.values() if seed.name not in names]
        return tuple(sorted(known, key=lambda member: member.name))

    def member(self, name: str, now_us: int) -> MemberView | None:
        """One of them, or None."""
        leader, _, _ = self.leads(now_us)
        member = self.swim.members.get(name)
        if member is not None:
            return self._member(member, leader, self._voters(now_us), now_us)
        seed = self._seeds.get(name)
        return self._unheard(seed, self._voters(now_us)) if seed is not None else None

    def _voters(self, now_us: int) -> frozenset[str]:
        view = self.raft_view(now_us)
        if view is not None:
            return frozenset(peer.name for peer in view.voters if not peer.learner)
        return frozenset(name for name, _ in self.following.voters)

    def _host(self, name: str) -> str:
        seed = self._seeds.get(name)
        return seed.display_host if seed is not None else name

    def _member(self, member: Member, leader: str, voters: frozenset[str], now_us: int) -> MemberView:
        local = member.name == self.config.name
        if leader:
            self._has_led = True
        return MemberView(
            name=member.name,
            uuid=member.uuid,
            host=self._host(member.name),
            address=str(member.address),
            state=member.state,
            role=self.role(member.state, member.name == leader, self._has_led),
            voter=member.name in voters,
            local=local,
            incarnation=member.incarnation,
            region=member.region,
            zone=member.zone,
            tags=dict(member.tags),
            version=member.version,
            last_seen_ms=0 if local else _age_ms(member.last_seen_us, now_us),
            rtt_ms=None if member.rtt_us is None else round(member.rtt_us / MILLISECOND, 3),
            state_since_us=member.state_since_us,
            evidence=tuple(Evidence(item.at_us, item.kind, item.by, item.detail) for item in member.evidence),
        )

    def _unheard(self, seed: Seed, voters: frozenset[str]) -> MemberView:
        return MemberView(
            name=seed.name,
            uuid="",
            host=seed.display_host,
            address=f"{seed.host}:{seed.port}",
            state="unknown",
            role="unknown",
            voter=seed.name in voters,
            local=False,
        )


def _age_ms(at_us: int | None, now_us: int) -> int | None:
    return None if at_us is None else max(now_us - at_us, 0) // MILLISECOND
