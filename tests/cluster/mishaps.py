"""Faults of a running cluster of ten, drawn at random; each begins, lasts, and ends with everything repaired."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from random import Random

from tests.cluster.agents import AgentProcess
from tests.cluster.hosts import Host
from tests.cluster.links import deaf, flapping, interface_down, lossy, parted, unplugged
from tests.cluster.ten import Ten


class Mishap:
    """One fault of a round: ``starts_s`` and ``ends_s`` after the round's begin, ``happen`` in between."""

    def __init__(self, told: str, starts_s: float, ends_s: float, happen: AbstractContextManager[None]) -> None:
        self.told = told
        self.starts_s = starts_s
        self.ends_s = ends_s
        self.happen = happen

    def __str__(self) -> str:
        return f"{self.told} ({self.starts_s:.1f} to {self.ends_s:.1f} s)"


class Draw:
    """Draws what happens to ``ten``; the same numbers from the same ``rng``, whatever the cluster does."""

    def __init__(self, ten: Ten, rng: Random) -> None:
        self._ten = ten
        self._rng = rng
        #: Agents that faults of processes may still take; one is left to its disk.
        self._free = [agent for agent in ten.agents if agent is not ten.on_disk]

    def mishaps(self) -> list[Mishap]:
        """One to three faults of different kinds that overlap, in three of ten rounds a reload beside them."""
        kinds: list[Callable[[], tuple[str, AbstractContextManager[None]]]] = [
            self.partition,
            self.one_way,
            self.flap,
            self.unplug,
            self.loss,
            self.crash,
            self.freeze,
            self.move,
            self.full_disk,
            self.crash_leader,
        ]
        chosen = self._rng.sample(kinds, self._rng.randint(1, 3))
        if self._rng.random() < 0.3:
            chosen.append(self.reload)
        drawn = []
        for kind in chosen:
            starts_s = self._rng.uniform(0.0, 1.0)
            told, happen = kind()
            drawn.append(Mishap(told, starts_s, starts_s + self._rng.uniform(1.0, 4.0), happen))
        return drawn

    def partition(self) -> tuple[str, AbstractContextManager[None]]:
        """Two sides of any sizes."""
        side = self._rng.sample(self._ten.agents, self._rng.randint(1, 5))
        others = [agent for agent in self._ten.agents if agent not in side]
        return f"cut off {_names(side)}", parted(self._ten.net, self._hosts(side), self._hosts(others))

    def one_way(self) -> tuple[str, AbstractContextManager[None]]:
        """One to three hear nothing of any of some others, which hear them."""
        mixed = self._rng.sample(self._ten.agents, 10)
        listeners, speakers = mixed[: self._rng.randint(1, 3)], mixed[3 : 3 + self._rng.randint(1, 7)]
        told = f"{_names(listeners)} deaf to {_names(speakers)}"
        return told, deaf(self._ten.net, self._hosts(listeners), self._hosts(speakers))

    def flap(self) -> tuple[str, AbstractContextManager[None]]:
        """One cable goes in and out."""
        agent = self._rng.choice(self._ten.agents)
        up_s, down_s = self._rng.uniform(0.1, 0.8), self._rng.uniform(0.1, 0.8)
        told = f"{agent.name} flapping, {up_s:.1f} s up, {down_s:.1f} s down"
        return told, flapping(self._ten.net, self._ten.host(agent), up_s, down_s)

    def unplug(self) -> tuple[str, AbstractContextManager[None]]:
        """One host is off the wire: its cable, or its own interface, whose errors its agent sees."""
        agent = self._rng.choice(self._ten.agents)
        if self._rng.random() < 0.5:
            return f"{agent.name} unplugged", unplugged(self._ten.net, self._ten.host(agent))
        return f"{agent.name} with its interface down", interface_down(self._ten.host(agent))

    def loss(self) -> tuple[str, AbstractContextManager[None]]:
        """5 to 30 % of the frames of one to all hosts."""
        hit = self._rng.sample(self._ten.agents, self._rng.randint(1, 10))
        permille = self._rng.randint(50, 300)
        return f"{permille / 10} % loss at {_names(hit)}", lossy(self._ten.net, self._hosts(hit), permille)

    def crash(self) -> tuple[str, AbstractContextManager[None]]:
        """kill -9; started again at the end."""
        hit = self._take(self._rng.randint(1, 3))
        return f"kill -9 of {_names(hit)}", _crashed(hit)

    def crash_leader(self) -> tuple[str, AbstractContextManager[None]]:
        """kill -9 of whoever leads then, unless another fault has taken it."""
        return "kill -9 of the leader", self._leader_crashed()

    def freeze(self) -> tuple[str, AbstractContextManager[None]]:
        """SIGSTOP, and SIGCONT at the end."""
        hit = self._take(self._rng.randint(1, 3))
        return f"SIGSTOP of {_names(hit)}", _frozen(hit)

    def move(self) -> tuple[str, AbstractContextManager[None]]:
        """An agent stops, its host takes another address, the file is corrected, and it starts again at once."""
        (agent,) = self._take(1)
        number = self._rng.choice([signal.SIGTERM, signal.SIGKILL])
        return f"{agent.name} moves after {number.name}", self._moved(agent, number)

    def full_disk(self) -> tuple[str, AbstractContextManager[None]]:
        """The disk of one voter fills up."""
        return f"disk of {self._ten.on_disk.name} full", self._filled()

    def reload(self) -> tuple[str, AbstractContextManager[None]]:
        """SIGHUP to some that no other fault has taken: one that is just starting would die of it."""
        hit = self._rng.sample(self._free, min(len(self._free), self._rng.randint(1, 3)))
        return f"SIGHUP to {_names(hit)}", self._reloaded(hit)

    def _take(self, count: int) -> list[AgentProcess]:
        taken = self._rng.sample(self._free, min(count, len(self._free)))
        self._free = [agent for agent in self._free if agent not in taken]
        self._ten.taken.update(taken)
        return taken

    def _hosts(self, agents: list[AgentProcess]) -> list[Host]:
        return [self._ten.host(agent) for agent in agents]

    @contextmanager
    def _leader_crashed(self) -> Iterator[None]:
        leader = self._ten.leader()
        found = [leader] if leader is not None else []
        self._ten.taken.update(found)
        with _crashed(found):
            yield

    @contextmanager
    def _moved(self, agent: AgentProcess, number: signal.Signals) -> Iterator[None]:
        host = self._ten.host(agent)
        agent.send(number)
        agent.wait()
        net, _, number_there = host.address.rpartition(".")
        host.readdress(f"{net}.{int(number_there) + 100}")
        self._ten.write_conf()
        agent.start()
        yield

    @contextmanager
    def _filled(self) -> Iterator[None]:
        self._ten.disk.fill()
        try:
            yield
        finally:
            self._ten.disk.free()

    @contextmanager
    def _reloaded(self, agents: list[AgentProcess]) -> Iterator[None]:
        for agent in agents:
            if agent not in self._ten.taken:
                agent.send(signal.SIGHUP)
        yield


def _names(agents: list[AgentProcess]) -> str:
    return " ".join(sorted(agent.name for agent in agents))


@contextmanager
def _crashed(agents: list[AgentProcess]) -> Iterator[None]:
    for agent in agents:
        agent.kill()
    try:
        yield
    finally:
        for agent in agents:
            agent.start()


@contextmanager
def _frozen(agents: list[AgentProcess]) -> Iterator[None]:
    for agent in agents:
        agent.send(signal.SIGSTOP)
    try:
        yield
    finally:
        for agent in agents:
            agent.send(signal.SIGCONT)
