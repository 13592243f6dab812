"""Ten thousand invented members in a thousand packets: the work of each turn, and what is kept, stays bounded."""

from __future__ import annotations

import heapq
from random import Random

import pytest

from pycluster.kernel.ids import Address
from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.membership import Local, Packet, Params, Swim, effects, events
from pycluster.membership.messages import Ack, Alive, IndirectPing, Nack, Ping
from tests.paper.swim_hand import PORT, address, alive, name, uuid

#: Effects of one turn, whatever happens in it.
_EFFECTS_MAX = 80
_REAL = range(2, 6)


def ghost(number: int) -> Alive:
    return Alive(f"ghost{number:05}", f"{number:032x}", 1, Address(f"10.1.{number >> 8}.{number & 255}", PORT))


class Flooded:
    """A member among four real ones that answer; nobody is at any invented address, and ICMP and TCP say so."""

    def __init__(self, params: Params) -> None:
        self.swim = Swim(params, Local(name(1), uuid(1), 1, address(1)), (), "demo", Random(1))
        self.most = 0
        self.turns = 0
        self.verified_most = 0
        self.refuted = 0
        #: ms of each ping to a real member.
        self.probed_ms: list[int] = []
        self._now_us = 0
        self._count = 0
        self._due: list[tuple[int, int, events.Event]] = []
        self._handle(events.Start())
        for number in _REAL:
            self.at(1, events.PacketReceived(address(number), Packet(name(number), uuid(number), 1, None, everyone())))

    def at(self, at_us: int, event: events.Event) -> None:
        self._count += 1
        heapq.heappush(self._due, (at_us, self._count, event))

    def run(self, until_us: int) -> None:
        while True:
            timer_us = self.swim.next_deadline()
            assert timer_us is not None
            soon_us = self._due[0][0] if self._due else until_us
            if min(timer_us, soon_us) >= until_us:
                return
            if soon_us <= timer_us:
                self._now_us = max(self._now_us, soon_us)
                self._handle(heapq.heappop(self._due)[2])
            else:
                self._now_us = max(self._now_us + 1, timer_us)
                self._handle(events.Timer())

    def _handle(self, event: events.Event) -> None:
        done = self.swim.handle(event, self._now_us)
        self.turns += 1
        self.most = max(self.most, len(done))
        for effect in done:
            self._follow(effect)

    def _follow(self, effect: effects.Effect) -> None:
        soon_us = self._now_us + 300
        match effect:
            case effects.SendPacket(to, _) if to.host.startswith("10.1."):
                self.at(soon_us, events.Refused(to))
            case effects.SendPacket(to, Packet(probe=Ping(seq))):
                number = int(to.host.rpartition(".")[2])
                self.probed_ms.append(self._now_us // MILLISECOND)
                self.at(soon_us, events.PacketReceived(to, Packet(name(number), uuid(number), 1, Ack(seq))))
            case effects.SendPacket(to, Packet(probe=IndirectPing(seq))):
                number = int(to.host.rpartition(".")[2])
                self.at(soon_us, events.PacketReceived(to, Packet(name(number), uuid(number), 1, Nack(seq))))
            case effects.Call(call, to, _, _):
                self.at(soon_us, events.CallFailed(call, "refused"))
            case _:
                pass

    def count(self, *states: str) -> int:
        return sum(member.state in states for member in self.swim.members.values())


def everyone() -> tuple[Alive, ...]:
    return tuple(alive(number) for number in _REAL)


def flooded(params: Params) -> Flooded:
    village = Flooded(params)
    for packet in range(1_000):
        news = tuple(ghost(number) for number in range(packet * 10, packet * 10 + 10))
        sender = Packet(news[0].name, news[0].uuid, 1, None, news)
        village.at(SECOND + packet * 20 * MILLISECOND, events.PacketReceived(address(9), sender))
    village.run(61 * SECOND)
    return village


@pytest.mark.parametrize("burst", [1_024, 100_000], ids=["as it is", "as if everybody were let in"])
def test_a_flood_of_invented_members_costs_a_bounded_amount_of_work(burst: int) -> None:
    village = flooded(Params(newcomers_burst=burst))
    assert village.most <= _EFFECTS_MAX
    assert village.turns <= 70_000
    assert len(village.swim.members) <= 6 + min(10_000, burst + 20 * 64)
    assert all(village.swim.members[name(number)].state == "alive" for number in _REAL)
    assert len(village.probed_ms) >= 20, "half of the periods are for the real ones"
    assert village.swim.health_score == 0
