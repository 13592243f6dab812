"""Tells, once an event, what changed in who leads and in everyone's role, however many effects moved it."""

from __future__ import annotations

from pycluster.membership import Swim
from pycluster.node import narrate
from pycluster.node.effects import Effect
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
        self._roles: dict[str, str] = {}
        #: Set by whoever changes a member: roles are compared again.
        self.roles_stale = False

    def settle(self, now_us: int, out: list[Effect]) -> bool:
        """Append what is to be told; true when a leader was gained and the news deserves extra gossip."""
        leader, term, reason = self._readings.leads(now_us)
        before = self._leader
        if leader != before or (leader and term != self._term):
            self._leader, self._term = leader, term
            self.roles_stale = True
            self._ledger.led_by(term, leader, now_us, reason)
        if leader != before:
            self._leader_changed(before, leader, term, reason, now_us, out)
        if self.roles_stale:
            self.roles_stale = False
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
            return  # told by "leader-gained", with the acting interval
        text = narrate.following(leader, term)
        out.append(self._ledger.event("leader-changed", text, now_us, node=leader, term=term))

    def _update_roles(self, leader: str, now_us: int, out: list[Effect]) -> None:
        members = self._swim.members
        for name, member in members.items():
            if name == self._name:
                continue
            role = self._readings.role(member.state, name == leader, self._led_before)
            if self._roles.get(name, "unknown") == role:
                continue
            self._roles[name] = role
            if role != "unknown":
                text = narrate.role_changed(name, role)
                out.append(self._ledger.event("member-role", text, now_us, node=name, fields={"role": role}))
        for name in [known for known in self._roles if known not in members]:
            del self._roles[name]
