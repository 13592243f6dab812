"""The world: hosts, a network and the performance of every effect, on one virtual clock and from one seed."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from random import Random
from typing import Any, Protocol

from pycluster.kernel.ids import Address
from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.node import effects, events
from pycluster.simulator.checkers.checker import Checker, Violation
from pycluster.simulator.disk import Disk
from pycluster.simulator.host import SOCKET_BUFFER, Host, Process
from pycluster.simulator.network import FAIR, Network, Weather
from pycluster.simulator.streams import Streams
from pycluster.simulator.timeline import Clock, Timeline

_MASK = (1 << 64) - 1
#: A process that is later than this is told so, as by ``runtime.driver``.
LAG_US = 100 * MILLISECOND
#: Commands with higher numbers are about seats; lower ones tell a node to leave.
SEAT_COMMANDS = 1_000

#: Makes the process that a host starts.
Spawn = Callable[[Host, Random], Process]


class Callers(Protocol):
    """Who asks the replicated state from outside."""

    def answered(self, host: Host, effect: effects.StateAnswered) -> None: ...

    def told(self, host: Host, effect: effects.WatchTold) -> None: ...


class Nobody:
    """No caller: whatever is answered was never asked."""

    def answered(self, host: Host, effect: effects.StateAnswered) -> None:
        """Cannot be."""
        raise Violation("answers have a question", f"{host.label} answers {effect} to nobody")

    def told(self, host: Host, effect: effects.WatchTold) -> None:
        """Cannot be."""
        raise Violation("answers have a question", f"{host.label} tells {effect} to nobody")


class World:
    """Build it, ``add`` hosts, ``start`` them, ``run``. Everything that is drawn comes from ``seed``."""

    def __init__(self, seed: int, spawn: Spawn, weather: Weather = FAIR) -> None:
        self.seed = seed
        self._spawn = spawn
        self.rng = Random(seed)
        self.timeline = Timeline()
        self.network = Network(self.timeline, Random(self.rng.getrandbits(64)), weather, self.deliver)
        self.streams = Streams(self.timeline, self.network, Random(self.rng.getrandbits(64)), self.deliver)
        self._wakes = Random(self.rng.getrandbits(64))
        self.hosts: dict[str, Host] = {}
        self.checkers: list[Checker] = []
        #: Told every line of the story when set: (true µs, host label, line).
        self.trace: Callable[[int, str, str], None] | None = None
        self.digest = 0
        self.handled = 0
        self._perform: dict[type[Any], Callable[[Host, Any], None]] = {
            effects.SendDatagram: self._send,
            effects.Call: self.streams.call,
            effects.Answer: lambda host, e: self.streams.answer(host, e.token, e.data),
            effects.Hangup: lambda host, e: self.streams.answer(host, e.token, None),
            effects.Post: self._post,
            effects.KeepStreams: self.streams.idle.keep,
            effects.CloseStream: lambda host, e: self.streams.idle.close(host, e.stream),
            effects.Persist: self._persist,
            effects.KeepPiece: self._keep,
            effects.StateAnswered: self._answered,
            effects.WatchTold: self._told,
            effects.Resolve: lambda host, e: self.network.resolve(host, e.host, e.port),
            effects.Publish: self._publish,
            effects.RecordActing: self._record_acting,
            effects.KeepSeats: lambda host, e: host.disk.keep_seats(e.seats),
            effects.CommandDone: self._command_done,
            effects.Drained: self._drained,
            effects.Halt: self._halt,
        }
        #: Who asks the replicated state, and waits for what it says.
        self.callers: Callers = Nobody()
        self._see_handled: list[Callable[[Host, events.Event, list[effects.Effect], int], None]] = []
        self._see_posted: list[Callable[[Host, effects.Post, int], None]] = []
        self._see_sent: list[Callable[[Host, effects.SendDatagram, int], None]] = []
        self._see_published: list[Callable[[Host, effects.Publish, int], None]] = []
        self.timeline.at(SECOND, self._sample)

    @property
    def now_us(self) -> int:
        """True virtual time."""
        return self.timeline.now_us

    # --- hosts ----------------------------------------------------------------------------------------------------

    def watch(self, *checkers: Checker) -> None:
        """Let these see what happens from now on."""
        self.checkers += checkers
        self._see_handled = [c.handled for c in self.checkers if type(c).handled is not Checker.handled]
        self._see_posted = [c.posted for c in self.checkers if type(c).posted is not Checker.posted]
        self._see_sent = [c.sent for c in self.checkers if type(c).sent is not Checker.sent]
        self._see_published = [c.published for c in self.checkers if type(c).published is not Checker.published]

    def add(
        self,
        label: str,
        address: Address,
        *,
        name: str = "",
        cluster: str = "demo",
        clock: Clock | None = None,
        disk: Disk | None = None,
    ) -> Host:
        """A machine that is switched on and runs nothing yet."""
        disk = disk or Disk(Random(self.rng.getrandbits(64)))
        host = Host(label, name or label, cluster, address, clock or Clock(), disk)
        self.hosts[label] = host
        self.network.attach(host)
        return host

    def start(self, host: Host) -> None:
        """Start a process on what the disk holds."""
        assert host.process is None, f"{host} runs already"
        if not host.powered:
            host.powered = True
            host.boots += 1
            host.disk.acting.clear()
        host.life += 1
        host.started_us = self.now_us
        host.departed = host.drained = host.moved = False
        host.frozen_since_us = None
        host.wake_us = None
        host.inbox.clear()
        host.datagrams_waiting = 0
        host.handled = 0
        host.disk.open()
        host.process = self._spawn(host, Random(self.rng.getrandbits(64)))
        self.say(host.label, f"starts (life {host.life}, uuid {host.disk.uuid[:8]}, address {host.address})")
        for checker in self.checkers:
            checker.started(host, self.now_us)
        self.network.mended_us = self.now_us
        self.streams.moved()
        self._handle(host, events.Start())

    def kill(self, host: Host, *, power: bool = False) -> None:
        """The process dies without a word; with ``power`` the machine's TCP says nothing either."""
        if host.process is None:
            return
        self.say(host.label, "loses power" if power else "is killed")
        self._end(host, power=power)

    def freeze(self, host: Host) -> None:
        """SIGSTOP: nothing is handled, everything waits."""
        if host.running:
            host.frozen_since_us = self.now_us
            self.say(host.label, "freezes")

    def thaw(self, host: Host) -> None:
        """SIGCONT: the watchdog sees the lag first or last, as it happens, and everything that waited arrives."""
        if host.process is None or host.frozen_since_us is None:
            return
        lag_us = self.now_us - host.frozen_since_us
        self.network.mended_us = self.now_us
        host.frozen_since_us = None
        waiting, host.inbox = host.inbox, []
        host.datagrams_waiting = 0
        self.say(host.label, f"thaws after {lag_us // 1000} ms with {len(waiting)} events waiting")
        place = 0 if self._wakes.random() < 0.5 else len(waiting)
        waiting.insert(place, events.LoopLagged(lag_us))
        for event in waiting:
            self.deliver(host, host.life, event)
        host.wake_us = None
        self._arm(host)

    def jump(self, host: Host, by_us: int) -> None:
        """The host's clock leaps ahead, as in a virtual machine that was resumed; the watchdog sees it first of all."""
        self.say(host.label, f"clock jumps {by_us // 1000} ms ahead")
        host.clock = host.clock.ahead(by_us)
        for checker in self.checkers:
            checker.jumped(host, self.now_us)
        host.wake_us = None
        if by_us > LAG_US:
            self.deliver(host, host.life, events.LoopLagged(by_us))
        self._arm(host)

    def move(self, host: Host, address: Address) -> None:
        """The host has another address from now on, whatever runs on it; its former one is nobody's."""
        host.address = address
        host.moved = host.process is not None
        self.network.attach(host)
        if f"{host.label}.sim" in self.network.names:
            self.network.names[f"{host.label}.sim"] = (address.host,)
        self.say(host.label, f"is at {address} now")

    def tell(self, host: Host, command: events.Event) -> None:
        """An operator's command, now."""
        self.say(host.label, f"is told {command!r}")
        if isinstance(command, events.Leave | events.Drain):
            host.departed = True
        self.deliver(host, host.life, command)

    def _end(self, host: Host, *, power: bool, goodbye: bool = False) -> None:
        host.powered = not power
        for checker in self.checkers:
            checker.stopped(host, self.now_us)
        host.process = None
        host.frozen_since_us = None
        host.inbox.clear()
        host.disk.crash(power=power)
        self.streams.died(host, goodbye=goodbye)

    # --- running --------------------------------------------------------------------------------------------------

    def run(self, for_us: int) -> None:
        """Let ``for_us`` of true time pass."""
        self.timeline.run_until(self.now_us + for_us)

    def run_until(self, condition: Callable[[], bool], within_us: int, step_us: int = 10_000) -> bool:
        """Run until ``condition`` holds, looked at every ``step_us``; False when ``within_us`` passed before it did."""
        end_us = self.now_us + within_us
        while not condition():
            if self.now_us >= end_us:
                return False
            self.timeline.run_until(min(self.now_us + step_us, end_us))
        return True

    def say(self, label: str, line: str) -> None:
        """A line of the story, for whoever traces it."""
        if self.trace is not None:
            self.trace(self.now_us, label, line)

    def deliver(self, host: Host, life: int, event: events.Event) -> None:
        """Hand ``event`` to the process that was alive as ``life``, or to its inbox while it is frozen."""
        if host.process is None or host.life != life:
            return
        if host.frozen_since_us is None:
            self._handle(host, event)
            return
        if isinstance(event, events.Datagram):
            if host.datagrams_waiting >= SOCKET_BUFFER:
                return
            host.datagrams_waiting += 1
        host.inbox.append(event)

    def _handle(self, host: Host, event: events.Event) -> None:
        process = host.process
        assert process is not None
        now_us = self.timeline.now_us
        self.handled += 1
        host.handled += 1
        self._mix(host, event, now_us)
        todo = process.handle(event, host.clock.local(now_us))
        for see in self._see_handled:
            see(host, event, todo, now_us)
        perform = self._perform
        life = host.life
        for effect in todo:
            if host.life != life or host.process is None:
                return
            perform[type(effect)](host, effect)
        if host.process is process:
            self._arm(host)

    def _mix(self, host: Host, event: events.Event, now_us: int) -> None:
        data = getattr(event, "data", b"") or type(event).__name__.encode()
        self.digest = (self.digest * 1_000_003 + zlib.crc32(data, now_us & 0xFFFFFFFF) + len(host.label)) & _MASK

    def _arm(self, host: Host) -> None:
        process = host.process
        if process is None or host.frozen_since_us is not None:
            return
        deadline_us = process.next_deadline()
        if deadline_us is None:
            return
        due_us = max(host.clock.true(deadline_us), self.timeline.now_us)
        if host.wake_us is None or due_us < host.wake_us:
            host.wake_us = due_us
            lateness_us = 50 + int(self._wakes.random() * 500)
            self.timeline.at(due_us + lateness_us, self._wake, host, host.life, due_us)

    def _wake(self, host: Host, life: int, due_us: int) -> None:
        process = host.process
        if process is None or host.life != life or host.wake_us != due_us or host.frozen_since_us is not None:
            return
        host.wake_us = None
        deadline_us = process.next_deadline()
        if deadline_us is not None and deadline_us <= host.clock.local(self.timeline.now_us):
            self._handle(host, events.Timer())
        else:
            self._arm(host)

    def _sample(self) -> None:
        for checker in self.checkers:
            checker.sampled(self.timeline.now_us)
        self.timeline.at(self.timeline.now_us + SECOND, self._sample)

    # --- effects --------------------------------------------------------------------------------------------------

    def _send(self, host: Host, effect: effects.SendDatagram) -> None:
        for see in self._see_sent:
            see(host, effect, self.timeline.now_us)
        self.network.datagram(host, effect.to, effect.data)

    def _post(self, host: Host, effect: effects.Post) -> None:
        for see in self._see_posted:
            see(host, effect, self.timeline.now_us)
        self.streams.post(host, effect)

    def _persist(self, host: Host, effect: effects.Persist) -> None:
        for checker in self.checkers:
            checker.persisting(host, effect, self.timeline.now_us)
        self._queue(host, effect)

    def _keep(self, host: Host, effect: effects.KeepPiece) -> None:
        self._queue(host, effect)

    def _answered(self, host: Host, effect: effects.StateAnswered) -> None:
        self.callers.answered(host, effect)

    def _told(self, host: Host, effect: effects.WatchTold) -> None:
        self.callers.told(host, effect)

    def _queue(self, host: Host, request: effects.Persist | effects.KeepPiece) -> None:
        due_us = host.disk.accept(request, self.timeline.now_us)
        self.timeline.at(due_us, self._persisted, host, host.life)

    def _persisted(self, host: Host, life: int) -> None:
        if host.process is None or host.life != life:
            return
        if host.disk.failing:
            self.say(host.label, "cannot write: the process ends")
            self._end(host, power=False)
            return
        request = host.disk.commit()
        if isinstance(request, effects.KeepPiece):
            self.deliver(host, life, events.PieceKept(request.origin, request.snapshot.index, request.number))
            if request.origin == "own" and request.done:
                self.deliver(host, life, events.StateSaved(request.snapshot.index))
            return
        for checker in self.checkers:
            checker.persisted(host, request, self.timeline.now_us)
        self.deliver(host, life, events.Persisted(request.token))

    def _publish(self, host: Host, effect: effects.Publish) -> None:
        if self.trace is not None:
            self.say(host.label, f"{effect.event.kind}: {effect.event.text}")
        for see in self._see_published:
            see(host, effect, self.timeline.now_us)

    def _record_acting(self, host: Host, effect: effects.RecordActing) -> None:
        host.disk.record_acting(effect)
        for checker in self.checkers:
            checker.acted(host, effect, self.timeline.now_us)

    def _command_done(self, host: Host, effect: effects.CommandDone) -> None:
        outcome = "done" if effect.ok else f"refused: {effect.what}: {effect.why} ({effect.remedy})"
        self.say(host.label, f"command {effect.command} {outcome}")
        if not effect.ok and effect.command < SEAT_COMMANDS:
            host.departed = host.gone = False

    def _drained(self, host: Host, effect: effects.Drained) -> None:
        self.say(host.label, "has drained and ends")
        host.drained = True
        self._end(host, power=False, goodbye=True)

    def _halt(self, host: Host, effect: effects.Halt) -> None:
        raise Violation("no halt", f"{host.label} halts: {effect.reason}")
