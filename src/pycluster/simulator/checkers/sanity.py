"""Effects a production runtime can live with: no busy loop, nothing oversized."""

from __future__ import annotations

from collections.abc import Mapping

from pycluster.kernel.limits import DATAGRAM_MAX_BYTES, FRAME_MAX_BYTES
from pycluster.node import effects, events
from pycluster.simulator.checkers.checker import Checker, Violation
from pycluster.simulator.host import Host

#: Timer events in a row, on one host, within one virtual millisecond.
TIMERS_A_MILLISECOND = 20
#: ``handle`` calls on one host in one virtual second, and what each host in the world may add, and each request of the
#: replicated state: passed on, appended, written, acknowledged, answered, told to watchers.
HANDLED_A_SECOND = 1_000
HANDLED_A_SECOND_A_HOST = 100
HANDLED_A_REQUEST = 40


class Sanity(Checker):
    """Bounds on what a node asks of its runtime."""

    def __init__(self, hosts: Mapping[str, Host]) -> None:
        self._hosts = hosts
        self._timers: dict[str, tuple[int, int]] = {}
        self._handled: dict[str, tuple[int, int]] = {}
        self._asked = 0

    def handled(self, host: Host, event: events.Event, todo: list[effects.Effect], now_us: int) -> None:
        for effect in todo:
            match effect:
                case effects.Publish():
                    pass  # by the thousand, where a large table is taken in
                case effects.SendDatagram(to, data):
                    if len(data) > DATAGRAM_MAX_BYTES:
                        raise Violation("datagram size", f"{host.label} sends {len(data)} bytes to {to}")
                case effects.Post(data=data) | effects.Call(data=data) | effects.Answer(data=data):
                    if len(data) > FRAME_MAX_BYTES:
                        raise Violation("frame size", f"{host.label} sends a frame of {len(data)} bytes")
                case _:
                    pass
        if type(event) is events.StateAsked:
            self._asked += 1
        if type(event) is events.Timer:
            self._timer(host, now_us)
        self._pace(host)

    def sampled(self, now_us: int) -> None:
        for host in self._hosts.values():
            self._handled[host.label] = (host.life, host.handled)
        self._asked = 0

    def _pace(self, host: Host) -> None:
        """Looked at with every event: a storm may keep virtual time from ever reaching the next second."""
        life, before = self._handled.get(host.label, (host.life, 0))
        done = host.handled - (before if life == host.life else 0)
        most = HANDLED_A_SECOND + HANDLED_A_SECOND_A_HOST * len(self._hosts) + HANDLED_A_REQUEST * self._asked
        if done > most:
            raise Violation("busy loop", f"{host.label} handled {done} events in one virtual second")

    def _timer(self, host: Host, now_us: int) -> None:
        moment, count = self._timers.get(host.label, (-1, 0))
        count = count + 1 if moment == now_us // 1_000 else 1
        self._timers[host.label] = (now_us // 1_000, count)
        if count > TIMERS_A_MILLISECOND:
            deadline_us = host.process.next_deadline() if host.process is not None else None
            raise Violation(
                "busy loop",
                f"{host.label} was woken {count} times within a millisecond;"
                f" its clock shows {host.clock.local(now_us)}, its next deadline is {deadline_us}",
            )
