"""One member under test; its clock, its wire and its peers are moved by hand."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from pycluster.kernel.ids import Address, Seed
from pycluster.kernel.units import MILLISECOND
from pycluster.membership import effects, events
from pycluster.membership.members import Local, Member
from pycluster.membership.messages import (
    Ack,
    Alive,
    CallMessage,
    IndirectPing,
    Left,
    Nack,
    Packet,
    Ping,
    Probe,
    Update,
)
from pycluster.membership.params import Params
from pycluster.membership.swim import Swim

PORT = 7946


def address(number: int) -> Address:
    return Address(f"10.0.0.{number}", PORT)


def number_at(where: Address) -> int:
    return int(where.host.rpartition(".")[2])


def name(number: int) -> str:
    return f"n{number}"


def uuid(number: int) -> str:
    return f"{number:032x}"


def alive(number: int, incarnation: int = 1, **others: object) -> Alive:
    """Node ``number``'s own word."""
    return Alive(name(number), uuid(number), incarnation, others.pop("at", address(number)), **others)  # type: ignore[arg-type]


class Hand:
    """Member ``n1`` of a cluster of ``members``, all known to it, started at 0. Every effect is kept in ``done``."""

    def __init__(
        self, members: int = 1, params: Params | None = None, seeds: tuple[Seed, ...] = (), seed: int = 1
    ) -> None:
        self.params = params or Params()
        local = Local(name(1), uuid(1), 1, address(1))
        self.swim = Swim(self.params, local, seeds, "demo", Random(seed))
        self.now_us = 0
        self.done: list[effects.Effect] = []
        self._unanswered: list[effects.Effect] = []
        #: Who does not answer by UDP, and by TCP.
        self.silent: set[int] = set()
        self.silent_tcp: set[int] = set()
        #: To whom no connection comes about, and who refuses it; their kernels' word, where nobody answers by TCP.
        self.unreachable: set[int] = set()
        self.refusing: set[int] = set()
        self._later: list[tuple[int, events.Event]] = []
        #: What it did at its very start.
        self.begun = self.feed(events.Start())
        for number in range(2, members + 1):
            self.hear(number, alive(number))
            self.member(number).met = True
        self.done.clear()
        self._unanswered.clear()

    # What happens to it.

    def feed(self, event: events.Event) -> list[effects.Effect]:
        done = self.swim.handle(event, self.now_us)
        self.done += done
        self._unanswered += done
        return done

    def hear(
        self, number: int, *updates: Update, probe: Probe | None = None, incarnation: int = 1
    ) -> list[effects.Effect]:
        """A packet from node ``number``."""
        return self.feed(events.PacketReceived(address(number), self.packet_of(number, probe, updates, incarnation)))

    @staticmethod
    def packet_of(
        number: int, probe: Probe | None = None, updates: tuple[Update, ...] = (), incarnation: int = 1
    ) -> Packet:
        return Packet(name(number), uuid(number), incarnation, probe, updates)

    def asked(self, number: int, request: CallMessage) -> CallMessage:
        """A request over TCP from node ``number``; the one answer."""
        (answer,) = (
            e for e in self.feed(events.CallReceived(7, address(number), request)) if isinstance(e, effects.Answer)
        )
        return answer.reply

    def kill(self, *numbers: int) -> None:
        """These answer nothing any more, and what calls them waits for ever."""
        self.silent |= set(numbers)
        self.silent_tcp |= set(numbers)

    def crash(self, *numbers: int) -> None:
        """Their processes are gone, their machines run."""
        self.kill(*numbers)
        self.refusing |= set(numbers)

    def unplug(self, *numbers: int) -> None:
        """Their machines are gone."""
        self.kill(*numbers)
        self.unreachable |= set(numbers)

    def run(self, for_ms: int, *, answering: bool = True) -> list[effects.Effect]:
        """Time passes; where ``answering``, the living answer pings and, asked to probe one of ``silent``, say nack."""
        first = len(self.done)
        end_us = self.now_us + for_ms * MILLISECOND
        while True:
            while self._unanswered:
                effect = self._unanswered.pop(0)
                if answering:
                    self.answer(effect)
            due_us = self.swim.next_deadline()
            later_us = min((at_us for at_us, _ in self._later), default=end_us + 1)
            if later_us <= end_us and (due_us is None or later_us <= due_us):
                self.now_us = max(self.now_us, later_us)
                self.feed(self._later.pop([at_us for at_us, _ in self._later].index(later_us))[1])
                continue
            if due_us is None or due_us > end_us:
                break
            self.now_us = max(self.now_us, due_us)
            self.feed(events.Timer())
        self.now_us = end_us
        return self.done[first:]

    def answer(self, effect: effects.Effect) -> None:
        """What a living peer would do about this effect, at once."""
        match effect:
            case effects.SendPacket(to, Packet(probe=Ping(seq))):
                number = number_at(to)
                if number not in self.silent:
                    self.hear(number, probe=Ack(seq))
            case effects.SendPacket(to, Packet(probe=IndirectPing(seq, whom, whose))):
                helper = number_at(to)
                if helper not in self.silent:
                    self.hear(helper, probe=Nack(seq) if int(whom[1:]) in self.silent else Ack(seq, whom, whose))
            case effects.Call(call, to, Ping(seq, whom, whose), timeout_us):
                number = int(whom[1:])
                if number not in self.silent_tcp and to == address(number):
                    self.feed(events.CallReplied(call, Ack(seq, whom, whose)))
                elif number in self.refusing:
                    self.feed(events.CallFailed(call, "refused"))
                elif number in self.silent_tcp:
                    reason = "unreachable" if number in self.unreachable else "timeout"
                    self._later.append((self.now_us + timeout_us, events.CallFailed(call, reason)))
            case _:
                pass

    @staticmethod
    def left(number: int) -> tuple[Update, ...]:
        """That node's goodbye."""
        return (Left(name(number), uuid(number), 1),)

    # What it did.

    def member(self, number: int) -> Member:
        return self.swim.members[name(number)]

    def state(self, number: int) -> str:
        return self.member(number).state

    def packets(self, done: Iterable[effects.Effect] | None = None) -> list[effects.SendPacket]:
        return [e for e in (self.done if done is None else done) if isinstance(e, effects.SendPacket)]

    def probes(
        self, kind: type[Probe], done: Iterable[effects.Effect] | None = None, *, asks: bool = True
    ) -> list[effects.SendPacket]:
        """Packets with such a probe; without ``asks`` no pings that ask after somebody else."""
        sent = [sent for sent in self.packets(done) if isinstance(sent.packet.probe, kind)]
        return sent if asks else [one for one in sent if one not in self.asks(sent)]

    def asks(self, done: Iterable[effects.Effect] | None = None) -> list[effects.SendPacket]:
        """The pings that ask others what they know of a suspect."""
        return [one for one in self.packets(done) if isinstance(one.packet.probe, Ping) and one.packet.probe.uuid]

    def told(self, kind: type[Update], done: Iterable[effects.Effect] | None = None) -> list[Update]:
        """Every update of that kind in any packet, in order."""
        return [u for sent in self.packets(done) for u in sent.packet.updates if isinstance(u, kind)]

    def calls(self, done: Iterable[effects.Effect] | None = None) -> list[effects.Call]:
        return [e for e in (self.done if done is None else done) if isinstance(e, effects.Call)]

    def changes(self, number: int) -> list[str]:
        return [e.cause for e in self.done if isinstance(e, effects.MemberChanged) and e.member.name == name(number)]

    def notices(self, kind: str) -> list[str]:
        return [e.text for e in self.done if isinstance(e, effects.Notify) and e.kind == kind]
