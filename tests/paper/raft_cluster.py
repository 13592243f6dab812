"""A cluster of bare consensus cores on a virtual clock: an in-memory network and disks, all from one seed.

It checks, at every step, what must never happen: two leaders in a term, overlapping acting intervals, logs that differ
below a common entry, a committed entry lost or replaced.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from random import Random

from pycluster.consensus import (
    ActingRenewed,
    ActingStarted,
    ActingStopped,
    Committed,
    Effect,
    Entry,
    Event,
    LeaderChanged,
    Message,
    MessageReceived,
    Notify,
    Params,
    Persist,
    Persisted,
    Raft,
    Refused,
    Send,
    Snapshot,
    Start,
    Stored,
    StreamEnded,
    Timer,
    Vote,
)

MS = 1_000
SECOND = 1_000_000


class Disk:
    """What a power cut leaves: only what was written before it. ``base`` is a state without a log."""

    def __init__(self, base: Snapshot | None = None) -> None:
        self.base = base or Snapshot()
        self.vote = Vote(self.base.term)
        self.promised_ms = 0
        self.entries: list[Entry] = []

    def write(self, persist: Persist) -> None:
        if persist.vote is not None:
            assert persist.vote.term >= self.vote.term, "terms are monotone"
            self.vote = persist.vote
        if persist.promised_ms is not None:
            self.promised_ms = persist.promised_ms
        if persist.truncate_from is not None:
            del self.entries[persist.truncate_from - 1 - self.base.index :]
        for entry in persist.entries:
            assert entry.index == self.base.index + len(self.entries) + 1
            self.entries.append(entry)

    def stored(self) -> Stored:
        return Stored(self.vote, tuple(self.entries), self.promised_ms, self.base)


class Process:
    """One node: its core, its disk, and everything it ever said."""

    def __init__(self, name: str, uuid: str) -> None:
        self.name = name
        self.uuid = uuid
        self.disk = Disk()
        self.raft: Raft | None = None
        self.life = 0
        self.stalled_until_us = 0
        self.inbox: list[Event] = []
        self.effects: list[Effect] = []
        self.token = 0


class Interval:
    """One acting interval, as the effects report it."""

    def __init__(self, name: str, term: int, cluster_uuid: str, since_us: int, until_us: int) -> None:
        self.name, self.term, self.cluster_uuid = name, term, cluster_uuid
        self.since_us, self.until_us = since_us, until_us
        self.open = True


class Cluster:
    """Runs events in time order. ``loss`` and ``delay`` shape the network, ``cut`` severs directed pairs.

    ``rates`` says whose clock runs how fast, every other one shows ``now_us``; ``disks`` whose disk takes how long.
    ``mute`` severs the directed pairs' datagrams alone.
    """

    def __init__(self, names: Iterable[str] | int, seed: int = 0, params: Params | None = None) -> None:
        self.names = [f"node{number:03d}" for number in range(1, names + 1)] if isinstance(names, int) else list(names)
        self.rng = Random(seed)
        self.params = params or Params()
        self.now_us = 1_000 * SECOND
        self.processes = {name: Process(name, f"{name}-uuid1") for name in self.names}
        self.lists = {name: tuple(self.names) for name in self.names}
        self.cut: set[tuple[str, str]] = set()
        self.mute: set[tuple[str, str]] = set()
        self.rates: dict[str, float] = {}
        self.loss = 0.0
        self.duplicates = 0.0
        self.delay_us = (200, 1_000)
        self.disk_us = (500, 2_000)
        self.disks: dict[str, tuple[int, int]] = {}
        self.drop: Callable[[str, str, Message], bool] = lambda sender, to, message: False
        self.sent: list[tuple[int, str, str, Message]] = []
        self.intervals: list[Interval] = []
        self.leaders: dict[tuple[str, int], str] = {}
        self.committed: dict[tuple[str, int], Entry] = {}
        #: Whether two clusters are meant to act side by side.
        self.apart = False
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._number = 0

    # Controls.

    def start(self, *names: str) -> None:
        """Start these nodes now (all, without names)."""
        for name in names or self.names:
            process = self.processes[name]
            process.life += 1
            process.token = process.stalled_until_us = 0
            process.inbox.clear()
            rng = Random(self.rng.getrandbits(64))
            stored = process.disk.stored()
            process.raft = Raft(self.params, name, process.uuid, self.lists[name], "demo", stored, rng)
            self.feed(name, Start())

    def crash(self, name: str, lose_disk: bool = False) -> None:
        """Kill the process; whatever the disk has not confirmed is gone, with ``lose_disk`` all of it."""
        process = self.processes[name]
        process.raft = None
        process.life += 1
        for interval in self.intervals:
            if interval.name == name:
                interval.open = False
        if lose_disk:
            process.disk = Disk()
            process.uuid = f"{name}-uuid{process.life}"

    def restore(self, name: str, base: Snapshot) -> None:
        """What an operator does offline: another disk with this state, and another identity."""
        self.crash(name, lose_disk=True)
        self.processes[name].disk = Disk(base)

    def kill(self, name: str, told_within_us: int) -> None:
        """The process ends, and its kernel says so: everyone up knows within that time, each in its own."""
        self.crash(name)
        for other in self.up:
            at_us = self.now_us + self.rng.randint(0, told_within_us)
            self._at(at_us, lambda other=other: self.refused(other, name))  # type: ignore[misc]

    def refused(self, name: str, about: str) -> None:
        """``name`` sees, or is made to believe, that ``about``'s process is gone."""
        uuid = self.processes[about].uuid
        self.feed(name, StreamEnded(about, uuid))
        self.feed(name, Refused(about, uuid))

    def partition(self, *groups: Iterable[str]) -> None:
        """Only nodes in a common group hear each other."""
        sets = [set(group) for group in groups]
        self.cut = {
            (one, two)
            for one in self.names
            for two in self.names
            if one != two and not any(one in group and two in group for group in sets)
        }

    def isolate(self, name: str) -> None:
        self.partition([name], [other for other in self.names if other != name])

    def heal(self) -> None:
        self.cut.clear()

    def stall(self, name: str, for_us: int) -> None:
        """Stop the process for a while; everything that arrives waits (SIGSTOP)."""
        process = self.processes[name]
        process.stalled_until_us = self.now_us + for_us
        life = process.life
        self._at(process.stalled_until_us, lambda: self._wake(name, life))

    def raft(self, name: str) -> Raft:
        raft = self.processes[name].raft
        assert raft is not None, f"{name} is down"
        return raft

    @property
    def up(self) -> list[str]:
        return [name for name in self.names if self.processes[name].raft is not None]

    def acting(self) -> str | None:
        """Who acts now."""
        return next((name for name in self.up if self.raft(name).is_acting(self.local(name))), None)

    def local(self, name: str) -> int:
        """What the node's own clock shows now."""
        return int(self.now_us * self.rates.get(name, 1.0))

    def true(self, name: str, local_us: int) -> int:
        """When that clock shows ``local_us``, not before."""
        at_us = int(local_us / self.rates.get(name, 1.0))
        while int(at_us * self.rates.get(name, 1.0)) < local_us:
            at_us += 1
        return at_us

    def feed(self, name: str, event: Event) -> list[Effect]:
        """Hand an event to a node now; performs the effects and gives them back too."""
        process = self.processes[name]
        if process.raft is None:
            return []
        if self.now_us < process.stalled_until_us:
            if not isinstance(event, Timer):
                process.inbox.append(event)
            return []
        effects = process.raft.handle(event, self.local(name))
        process.effects += effects
        for effect in effects:
            self._perform(process, effect)
        due = process.raft.next_deadline()
        if due is not None:
            assert due > self.local(name), f"{name} asks for a deadline in the past after {event}"
            life = process.life
            self._at(self.true(name, due), lambda: self._tick(name, life))
        return effects

    def run(self, for_us: int, until: Callable[[], bool] | None = None) -> bool:
        """Run for a while, or until the condition holds; whether it did (True without one)."""
        end_us = self.now_us + for_us
        if until is not None and until():
            return True
        while self._queue and self._queue[0][0] <= end_us:
            at_us, _, action = heapq.heappop(self._queue)
            self.now_us = max(self.now_us, at_us)
            action()
            if until is not None and until():
                return True
        self.now_us = end_us
        return until is None

    def elect(self, within_us: int = 5 * SECOND) -> str:
        """Run until somebody acts and everyone up who is connected to it follows; gives its name."""

        def agreed() -> bool:
            leader = self.acting()
            return leader is not None and all(
                self.raft(name).leader == leader
                for name in self.up
                if (leader, name) not in self.cut and (name, leader) not in self.cut
            )

        assert self.run(within_us, agreed), {name: self.raft(name).view(self.now_us) for name in self.up}
        leader = self.acting()
        assert leader is not None
        return leader

    def notified(self, kind: str) -> list[str]:
        """Texts of all notices of that kind, by anyone."""
        return [
            effect.text
            for process in self.processes.values()
            for effect in process.effects
            if isinstance(effect, Notify) and effect.kind == kind
        ]

    def changes(self, name: str) -> list[LeaderChanged]:
        return [effect for effect in self.processes[name].effects if isinstance(effect, LeaderChanged)]

    # The world.

    def _at(self, at_us: int, action: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._queue, (at_us, self._number, action))

    def _tick(self, name: str, life: int) -> None:
        process = self.processes[name]
        if process.life != life or process.raft is None:
            return
        due = process.raft.next_deadline()
        if due is not None and due <= self.local(name):
            self.feed(name, Timer())

    def _wake(self, name: str, life: int) -> None:
        process = self.processes[name]
        if process.life != life or self.now_us < process.stalled_until_us:
            return
        waiting, process.inbox = process.inbox, []
        for event in [Timer(), *waiting]:
            self.feed(name, event)

    def _perform(self, process: Process, effect: Effect) -> None:
        if isinstance(effect, Send):
            self._send(process, effect)
        elif isinstance(effect, Persist):
            assert effect.token == process.token + 1, "tokens rise by one"
            process.token = effect.token
            life, persist = process.life, effect
            # In order, as one disk does: never before the write ahead of it.
            done_us = self.now_us + self.rng.randint(*self.disks.get(process.name, self.disk_us))
            process_done = max(done_us, getattr(process, "disk_done_us", 0))
            setattr(process, "disk_done_us", process_done)  # noqa: B010
            self._at(process_done, lambda: self._persisted(process, life, persist))
        elif isinstance(effect, ActingStarted):
            assert process.raft is not None
            self._check_overlap(process.name, self.now_us)
            cluster_uuid = process.raft.answer_leader_query(0).cluster_uuid
            until_us = self.true(process.name, effect.until_us)
            self.intervals.append(Interval(process.name, effect.term, cluster_uuid, self.now_us, until_us))
        elif isinstance(effect, ActingRenewed):
            interval = self._open(process.name)
            assert self.now_us < interval.until_us, "a lease that ran out is not renewed"
            self._check_overlap(process.name, self.now_us, interval)
            interval.until_us = self.true(process.name, effect.until_us)
        elif isinstance(effect, ActingStopped):
            interval = self._open(process.name)
            at_us = self.true(process.name, effect.at_us)
            assert at_us <= interval.until_us, "never past the lease"
            interval.until_us, interval.open = at_us, False
        elif isinstance(effect, LeaderChanged) and effect.leader == process.name:
            assert process.raft is not None
            key = process.raft.answer_leader_query(0).cluster_uuid, effect.term
            assert self.leaders.setdefault(key, process.name) == process.name, f"two leaders in {key}"
        elif isinstance(effect, Committed):
            self._check_committed(process, effect)

    def _persisted(self, process: Process, life: int, persist: Persist) -> None:
        if process.life == life:
            process.disk.write(persist)
            self.feed(process.name, Persisted(persist.token))

    def _send(self, process: Process, send: Send) -> None:
        self.sent.append((self.now_us, process.name, send.to, send.message))
        if send.to not in self.processes or (process.name, send.to) in self.cut:
            return
        datagram = send.channel == "datagram"
        if self.drop(process.name, send.to, send.message) or (datagram and (process.name, send.to) in self.mute):
            return
        copies = 1 + (self.rng.random() < self.duplicates)
        for _ in range(copies):
            if self.rng.random() < self.loss:
                continue
            at_us = self.now_us + self.rng.randint(*self.delay_us)
            self._at(at_us, lambda: self._deliver(process.name, send.to, send.message, datagram))

    def _deliver(self, sender: str, to: str, message: Message, datagram: bool) -> None:
        if (sender, to) not in self.cut:
            self.feed(to, MessageReceived(sender, message, datagram))

    # What must never happen.

    def _open(self, name: str) -> Interval:
        return next(interval for interval in self.intervals if interval.open and interval.name == name)

    def _check_overlap(self, name: str, since_us: int, own: Interval | None = None) -> None:
        assert self.processes[name].raft is not None
        cluster_uuid = self.raft(name).cluster_uuid
        for interval in self.intervals:
            if self.apart and interval.cluster_uuid != cluster_uuid:
                continue
            # The recorded end counts: a process that was stopped or killed has not said itself that it ceased.
            assert interval is own or interval.until_us <= since_us, (
                f"{name} acts from {since_us} while {interval.name} (term {interval.term}) acts until"
                f" {interval.until_us}"
            )

    def _check_committed(self, process: Process, committed: Committed) -> None:
        assert process.raft is not None
        cluster_uuid = process.raft.answer_leader_query(0).cluster_uuid
        for entry in committed.entries:
            known = self.committed.setdefault((cluster_uuid, entry.index), entry)
            assert known == entry, f"{process.name} committed {entry} where {known} was committed"

    def check_logs(self) -> None:
        """Log matching: same index and term, same entries up to there (Raft §5.3). Committed entries on a majority."""
        for one in self.processes.values():
            for two in self.processes.values():
                if one.name >= two.name or not one.disk.entries or not two.disk.entries:
                    continue
                if one.disk.entries[0] != two.disk.entries[0]:
                    continue
                common = min(len(one.disk.entries), len(two.disk.entries))
                for index in range(common, 0, -1):
                    if one.disk.entries[index - 1].term == two.disk.entries[index - 1].term:
                        assert one.disk.entries[:index] == two.disk.entries[:index]
                        break
