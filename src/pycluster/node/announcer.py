"""Tells, once an event, what changed in who leads and in everyone's role, however many effects moved it."""

from __future__ import annotations

from pycluster.membership import MemberChanged, Swim
from pycluster.node import narrate
from pycluster.node.effects import Effect
from pycluster.node.hearsay import Hearsay
from pycluster.node.ledger import Ledger
from pycluster.node.readings import Readings


class Announcer:
    """Compares what was last told with what holds now."""

    def __init__(self, name: str, swim: Swim, readings: Readings, ledger: Ledger) -> None:
        self._name = name
        self._swim = swim
        self._readings = readings
        self._ledger = ledger
        self._leader = ""
        self._term = 0
        self._led_before = False
        #: Everyone's last told role: this, but for the few that are named.
        self._usual = "unknown"
        self._roles: dict[str, str] = {}
        #: The term in which it was told that this node leads before it acted.
        self._elected_term = 0
        self._hearsay = Hearsay()
        self._moved: set[str] = set()

    def member_changed(self, change: MemberChanged, now_us: int, out: list[Effect]) -> None:
        """Tell one change of a member."""
        member = change.member
        self._moved.add(member.name)
        if change.cause == "discovered" and self._led_before:
            self._roles[member.name] = "unknown"
        more = self._hearsay.kept_back(now_us)
        if more:
            text = narrate.kept_back(more)
            out.append(self._ledger.event("lines-kept-back", text, now_us, fields={"lines": more}))
        kind = narrate.member_kind(change)
        if not self._hearsay.allows(member, kind, now_us):
            return
        fields: dict[str, str | int] = {"address": str(member.address), "uuid": member.uuid}
        if change.detail:
            fields["detail"] = change.detail
        out.append(self._ledger.event(kind, narrate.member_text(change), now_us, node=member.name, fields=fields))

    def acting_started(self, term: int, now_us: int, out: list[Effect]) -> None:
        """Tell that this node leads and acts; that it leads may have been told before."""
        say = narrate.acts if term == self._elected_term else narrate.became_leader
        out.append(self._ledger.event("leader-gained", say(self._name, term), now_us, node=self._name, term=term))

    def settle(self, now_us: int, out: list[Effect]) -> bool:
        """Append what is to be told; true when a leader was gained and the news deserves extra gossip."""
        leader, term, reason = self._readings.leads(now_us)
        before = self._leader
        if leader != before or (leader and term != self._term):
            self._leader, self._term = leader, term
            self._ledger.led_by(term, leader, now_us, reason)
        if leader != before:
            self._leader_changed(before, leader, term, reason, now_us, out)
            self._moved |= {before, leader}
        if self._moved:
            self._update_roles(leader, now_us, out)
        return bool(leader) and leader != before

    def _leader_changed(self, before: str, leader: str, term: int, reason: str, now_us: int, out: list[Effect]) -> None:
        if before and self._readings.observes:
            member = self._swim.members.get(before)
            if member is None or member.state not in ("alive", "left"):
                text = narrate.leader_timed_out(before)
                out.append(self._ledger.event("election-started", text, now_us, node=before, term=term))
        if not leader:
            text = narrate.no_leader(reason)
            out.append(self._ledger.event("leader-unknown", text, now_us, term=term, fields={"reason": reason}))
            return
        self._led_before = True
        if leader == self._name:
            if not self._readings.acts(now_us):
                text = narrate.elected(leader, term)
                out.append(self._ledger.event("leader-elected", text, now_us, node=leader, term=term))
                self._elected_term = term
            return  # otherwise told by "leader-gained", with the acting interval
        text = narrate.following(leader, term)
        out.append(self._ledger.event("leader-changed", text, now_us, node=leader, term=term))

    def _update_roles(self, leader: str, now_us: int, out: list[Effect]) -> None:
        """Tell the roles of those that moved; all have one as soon as the first leader is known, and not before."""
        members = self._swim.members
        names, self._moved = self._moved, set()
        if not self._led_before:
            return
        before = self._usual
        if before == "unknown":
            names = set(members)
            self._usual = "follower"
        for name in sorted(names - {self._name}):
            member = members.get(name)
            if member is None:
                self._roles.pop(name, None)
                continue
            role = self._readings.role(member.state, name == leader, self._led_before)
            told = self._roles.get(name, before)
            if role == self._usual:
                self._roles.pop(name, None)
            else:
                self._roles[name] = role
            if role == told:
                continue
            if role != "unknown" and self._hearsay.allows(member, "member-role", now_us):
                text = narrate.role_changed(name, role)
                out.append(self._ledger.event("member-role", text, now_us, node=name, fields={"role": role}))
