"""Probes: one member a period (SWIM §3.1, round robin §4.3), help from others and TCP; verifications of suspicions."""

from __future__ import annotations

from pycluster.kernel.ids import Address
from pycluster.kernel.units import MILLISECOND
from pycluster.membership.deadlines import Deadlines
from pycluster.membership.members import Member
from pycluster.membership.messages import Ack, IndirectPing, Nack, Packet, Ping, Update
from pycluster.membership.pace import Pace
from pycluster.membership.rounds import CALLS_MAX, Miss, Relay, Round
from pycluster.membership.state import Purpose, State
from pycluster.membership.suspicion import SILENT, UNREACHABLE

_TCP_ONLY_BEFORE_NOTICE = 5
#: Rounds and relays that are looked at in one tick; what is left is due at once, after what came in meanwhile.
_DUE_AT_ONCE = 16
#: One in so many of the verifications that may run at once is for members that this node never met: anybody can invent
#: some.
_HEARSAY_SHARE = 8


class Probing:
    """The probes under way. ``tick`` gives the misses; what follows from them is decided in ``swim``."""

    def __init__(self, state: State) -> None:
        self._s = state
        self._order: list[str] = []
        #: Those that this node never met; they have half of the periods at most, for anybody can invent some.
        self._strangers: list[str] = []
        #: How many stood in the order when this pass began.
        self._pass = 0
        #: Who stands in either, and whether in the order of those that were met.
        self._ordered: dict[str, bool] = {}
        self.pace = Pace(state)
        self._rounds: dict[int, Round] = {}
        self._relays: dict[int, Relay] = {}
        #: When a round or a relay wants to be looked at, by number.
        self._due: Deadlines[int] = Deadlines()
        #: UUIDs under verification, and whether this node had not met them when it began.
        self._verified: dict[str, bool] = {}
        self._tcp_only: dict[str, int] = {}
        self._typical_rtt_us: int | None = None

    def begin(self) -> None:
        """Start the periods."""
        self.pace.begin()

    def next_deadline(self) -> int | None:
        """The next period, call for help, end of a round, or nack."""
        at_us, next_us = self._due.earliest(), self.pace.next_us
        if at_us is None or next_us is None:
            return next_us if at_us is None else at_us
        return min(at_us, next_us)

    def forgive(self) -> None:
        """This process was late: what it missed meanwhile accuses nobody (Lifeguard: own health first)."""
        for found in list(self._rounds.values()):
            if not found.by_tcp:
                self._end(found)

    def tick(self) -> list[Miss]:
        """What is due, within bounds."""
        s = self._s
        misses: list[Miss] = []
        for seq in self._due.take(s.now_us, _DUE_AT_ONCE):
            if seq in self._relays:
                self._relay_due(seq, self._relays[seq])
            else:
                miss = self._round_due(self._rounds[seq])
                if miss is not None:
                    misses.append(miss)
        period_us = self.pace.take()
        if period_us is not None:
            member = self._choose()
            if member is not None:
                self._probe(member, verification=False, period_us=period_us)
        return misses

    def _relay_due(self, seq: int, relay: Relay) -> None:
        s = self._s
        if s.now_us >= relay.ends_us:
            del self._relays[seq]
            return
        relay.nacked = True
        s.send(relay.origin, Nack(relay.origin_seq))
        self._due.put(seq, relay.ends_us)

    def _round_due(self, found: Round) -> Miss | None:
        s = self._s
        if s.now_us >= found.ends_us:
            self._end(found)
            return self._finish(found)
        if not found.helped and s.now_us >= found.help_us:
            self._help(found)
        elif found.again_us and s.now_us >= found.again_us[0]:
            self._ping_again(found)
        self._due.put(found.seq, found.due_us())
        return None

    def _end(self, found: Round) -> None:
        del self._rounds[found.seq]
        self._due.drop(found.seq)
        if found.verification:
            self._verified.pop(found.uuid, None)

    def verify(self, member: Member) -> None:
        """Probe a member at once, by UDP and TCP together, unless that is under way."""
        s = self._s
        if member.uuid in self._verified:
            return
        hearsay = not member.met
        unheard = sum(self._verified.values()) if hearsay else 0
        if len(self._rounds) >= s.params.pending_max or unheard >= s.params.pending_max // _HEARSAY_SHARE:
            s.counters["verifications_past_bound"] += 1
            return
        self._verified[member.uuid] = hearsay
        found = self._probe(member, verification=True, period_us=s.params.verify_timeout_ms * MILLISECOND)
        self._help(found)
        self._due.put(found.seq, found.due_us())

    # What comes in.

    def on_ping(self, source: Address, ping: Ping, news: tuple[Update, ...]) -> None:
        """Answer, ``news`` first, and say who answers: another life here must not pass for the one that is sought.

        The packet says it already; an older member that asks wants to read it in the ack.
        """
        s = self._s
        s.say(source, news, Ack(ping.seq, s.local.name, s.local.uuid) if ping.uuid else Ack(ping.seq))

    def on_indirect(self, source: Address, request: IndirectPing) -> None:
        """Probe for another."""
        s = self._s
        if len(self._relays) >= s.params.pending_max or not request.address.usable:
            return
        seq = s.next_seq()
        nack_us = s.now_us + self._ack_timeout_us(s.table.get(request.name)) * 8 // 10
        ends_us = s.now_us + s.params.probe_interval_ms * MILLISECOND
        self._relays[seq] = Relay(source, request.seq, nack_us, ends_us)
        self._due.put(seq, nack_us)
        s.send(request.address, Ping(seq), s.table.get(request.name))

    def on_ack(self, packet: Packet, ack: Ack) -> str | None:
        """Take an ack in; gives the name of a suspect that a verification of ours reached."""
        s = self._s
        if not ack.uuid:
            ack = Ack(ack.seq, packet.name, packet.uuid)
        relay = self._relays.pop(ack.seq, None)
        if relay is not None:
            self._due.drop(ack.seq)
            s.send(relay.origin, Ack(relay.origin_seq, ack.name, ack.uuid))
            return None
        found = self._rounds.get(ack.seq)
        if found is None:
            return None
        if ack.uuid != found.uuid:
            found.answered_by(ack.name, ack.uuid)
            return None
        self._end(found)
        self._tcp_only.pop(found.name, None)
        member = s.table.get(found.name)
        if member is not None and packet.uuid == found.uuid:
            member.met = True
            if not found.helped:
                self._measure(member, s.now_us - found.sent_us)
        if not found.verification:
            s.health.better()
        return found.name if found.verification and not found.by_tcp else None

    def on_nack(self, nack: Nack, helper: str) -> None:
        """A helper is well, and could not reach the member either."""
        found = self._rounds.get(nack.seq)
        if found is None:
            return
        found.nacks.add(helper)
        if found.strength == UNREACHABLE:
            found.unreachable(self._s.now_us, self._connect_us(found))
            self._due.put(found.seq, found.due_us())

    def on_call(self, seq: int, ack: Ack | None) -> str | None:
        """The TCP probe ended; gives the name of a suspect that a verification of ours reached."""
        found = self._rounds.get(seq)
        if found is None or ack is None:
            return None
        if ack.uuid != found.uuid:
            found.answered_by(ack.name, ack.uuid)
            return None
        first = not found.by_tcp
        found.by_tcp = True
        found.again_us.clear()
        self._due.put(found.seq, found.due_us())
        return found.name if found.verification and first else None

    def on_call_failed(self, seq: int, reason: str) -> None:
        """The TCP probe came to nothing: how it did says how strong the evidence is, and how long the round lasts."""
        s = self._s
        found = self._rounds.get(seq)
        if found is None or found.by_tcp:
            return
        match reason:
            case "refused":
                found.refused(s.now_us, s.params.refused_wait_ms * MILLISECOND)
            case "unreachable":
                found.unreachable(s.now_us, self._connect_us(found))
            case _:
                found.strength = SILENT
                if found.calls < CALLS_MAX:
                    self._call(found, patient=True)
        self._due.put(found.seq, found.due_us())

    # The steps of a round.

    def include(self, member: Member) -> None:
        """Somebody came: it gets a random place in the order that is under way (SWIM §4.3)."""
        name = member.name
        if name not in self._ordered:
            self._ordered[name] = member.met
            self._insert(self._order if member.met else self._strangers, name)

    def _insert(self, order: list[str], name: str) -> None:
        # As randrange, without its checks: thousands come at once.
        places = len(order) + 1
        draw, bits = self._s.rng.getrandbits, places.bit_length()
        place = draw(bits)
        while place >= places:
            place = draw(bits)
        order.insert(place, name)

    def _choose(self) -> Member | None:
        """The next in a random order that is shuffled anew after each pass (SWIM §4.3), or of the strangers.

        Two orders merged by lot are one random order; but where the strangers are more than all others together, it is
        the turn of either as often.
        """
        strangers = len(self._strangers)
        lots = strangers + len(self._order)
        if strangers > self._pass:
            lots = max(2 * strangers, lots)
        strangers_turn = self._s.rng.random() * lots < strangers
        member = self._next_stranger() if strangers_turn else None
        if member is None:
            member = self._next()
        if member is None:
            self._begin_pass()
            member = self._next()
        return self._next_stranger() if member is None else member

    def _next(self) -> Member | None:
        while self._order:
            name = self._order.pop()
            self._ordered.pop(name, None)
            member = self._probable(name)
            if member is not None:
                return member
        return None

    def _next_stranger(self) -> Member | None:
        """One that still is; those that were met meanwhile get a place among the others."""
        while self._strangers:
            name = self._strangers.pop()
            member = self._probable(name)
            if member is not None and member.met:
                # Those that were met when the pass began had a place already, or still have it.
                if self._ordered.get(name) is False:
                    self._ordered[name] = True
                    self._insert(self._order, name)
                continue
            self._ordered.pop(name, None)
            if member is not None:
                return member
        return None

    def _probable(self, name: str) -> Member | None:
        s = self._s
        member = s.table.get(name)
        return None if member is s.local or member is None or member.state not in ("alive", "suspect") else member

    def _begin_pass(self) -> None:
        s = self._s
        others = s.others("alive", "suspect")
        self._order = [member.name for member in others if member.met]
        s.rng.shuffle(self._order)
        self._pass = len(self._order)
        # While few of thousands are met, passes are short and many: of those left over nobody makes a new list.
        if not self._strangers:
            self._strangers = [member.name for member in others if not member.met]
            s.rng.shuffle(self._strangers)
        self._ordered = dict.fromkeys(self._strangers, False)
        self._ordered.update(dict.fromkeys(self._order, True))

    def _probe(self, member: Member, *, verification: bool, period_us: int) -> Round:
        s = self._s
        seq = s.next_seq()
        help_us = s.now_us + min(self._ack_timeout_us(member) * (1 + s.health.score), period_us // 2)
        found = Round(seq, member.name, member.uuid, verification, s.now_us, help_us, s.now_us + period_us)
        self._rounds[seq] = found
        self._due.put(seq, found.due_us())
        s.send(member.address, Ping(seq), member)
        return found

    def _help(self, found: Round) -> None:
        """Ask others, and ask over TCP, in parallel (SWIM §3.1; memberlist's TCP fallback)."""
        s = self._s
        found.helped = True
        member = s.table.get(found.name)
        if member is None or member.uuid != found.uuid:
            return
        self._call(found)
        again_us = s.now_us + s.params.connect_timeout_ms * MILLISECOND // 2
        if found.verification:
            found.again_us = sorted([s.now_us + s.params.refused_wait_ms * MILLISECOND // 2, again_us])
            return
        found.again_us = [s.now_us, again_us]
        self._ping_again(found)
        count = s.params.indirect_probes
        # One that was invented never answers, and would make this node doubt itself.
        able = s.some(count, "alive", without=found.name, met=True) or s.some(count, "alive", without=found.name)
        for helper in able:
            found.helpers += 1
            s.send(helper.address, IndirectPing(found.seq, found.name, found.uuid, member.address))

    def _ping_again(self, found: Round) -> None:
        """One of the further pings."""
        s = self._s
        del found.again_us[0]
        member = s.table.get(found.name)
        if member is not None and member.uuid == found.uuid and member.state in ("alive", "suspect"):
            s.send(member.address, Ping(found.seq), member)

    def _call(self, found: Round, *, patient: bool = False) -> None:
        """Ask over TCP; ``patient``: it connected before, so that it may take what is left of the round."""
        s = self._s
        member = s.table.get(found.name)
        remaining_us = found.ends_us - s.now_us
        if member is None or member.uuid != found.uuid or remaining_us < MILLISECOND:
            return
        found.calls += 1
        found.called_us = s.now_us
        timeout_us = remaining_us if patient else min(self._connect_us(found), remaining_us)
        ping = Ping(found.seq, found.name, found.uuid)
        s.call(member.address, ping, Purpose("probe", found.seq), timeout_us // MILLISECOND)

    def _connect_us(self, found: Round) -> int:
        """How long a connection may take: three round trips where they are long; longer in doubt of oneself."""
        s = self._s
        member = s.table.get(found.name)
        rtt_us = 0 if member is None or member.rtt_us is None else member.rtt_us
        return max(s.params.connect_timeout_ms * MILLISECOND, 3 * rtt_us) * (1 + s.health.score)

    def _finish(self, found: Round) -> Miss | None:
        s = self._s
        if found.by_tcp:
            self._note_path(found)
            return None
        if s.now_us < s.health.forgiving_until_us:
            return None
        mute = found.mute_helpers()
        if mute:
            s.health.worse(mute, f"{mute} helpers did not answer")
        return found.miss(s.now_us)

    def _note_path(self, found: Round) -> None:
        """Say once that UDP does not get through where TCP does."""
        s = self._s
        if found.verification:
            return
        times = self._tcp_only.get(found.name, 0) + 1
        if len(self._tcp_only) < s.params.pending_max or found.name in self._tcp_only:
            self._tcp_only[found.name] = times
        if times == _TCP_ONLY_BEFORE_NOTICE:
            text = f"{found.name} answers over TCP only: open UDP on its port, in both directions"
            s.notify_once("udp-blocked", found.name, text, node=found.name)

    def _ack_timeout_us(self, member: Member | None) -> int:
        """Three measured round trips; to a member that was never measured, three as they are to the others."""
        params = self._s.params
        low, high = params.ack_timeout_min_ms * MILLISECOND, params.ack_timeout_ms * MILLISECOND
        rtt_us = self._typical_rtt_us if member is None or member.rtt_us is None else member.rtt_us
        return high if rtt_us is None else min(max(3 * rtt_us, low), high)

    def _measure(self, member: Member, sample_us: int) -> None:
        """Smoothed round-trip time, gain 1/8 (RFC 6298 §2); to all, what is long counts more than what is short."""
        member.rtt_us = sample_us if member.rtt_us is None else (7 * member.rtt_us + sample_us) // 8
        typical_us = sample_us if self._typical_rtt_us is None else self._typical_rtt_us
        self._typical_rtt_us = max(sample_us, (7 * typical_us + sample_us) // 8)
