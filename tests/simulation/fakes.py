"""A process that does what a test tells it and remembers what it was given."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pycluster.kernel.ids import Address
from pycluster.node import effects, events
from pycluster.node.view import LeaderView, MemberView, QuorumView
from pycluster.simulator.host import Host
from pycluster.simulator.world import World

Reaction = Callable[[events.Event], list[effects.Effect]]


class FakeProcess:
    """Hands every event to ``react`` and keeps it with its local time."""

    def __init__(self, react: Reaction | None = None) -> None:
        self.react = react or (lambda event: [])
        self.deadline_us: int | None = None
        self.seen: list[tuple[int, events.Event]] = []

    def handle(self, event: events.Event, now_us: int) -> list[effects.Effect]:
        self.seen.append((now_us, event))
        if self.deadline_us is not None and now_us >= self.deadline_us:
            self.deadline_us = None
        return self.react(event)

    def next_deadline(self) -> int | None:
        return self.deadline_us

    def quorum(self, now_us: int) -> QuorumView:
        raise NotImplementedError

    def leader(self, now_us: int) -> LeaderView:
        raise NotImplementedError

    def members(self, now_us: int) -> Sequence[MemberView]:
        return ()

    def member(self, name: str, now_us: int) -> MemberView | None:
        return None

    def copy(self) -> tuple[int, int] | None:
        return None

    def of(self, kind: type[events.Event]) -> list[events.Event]:
        return [event for _, event in self.seen if isinstance(event, kind)]


def fake_world(*labels: str, seed: int = 1) -> tuple[World, list[Host], dict[str, FakeProcess]]:
    """A world of running hosts whose processes are fakes; the mapping holds each host's newest."""
    fakes: dict[str, FakeProcess] = {}

    def spawn(host: Host, rng: object) -> FakeProcess:
        fakes[host.label] = FakeProcess()
        return fakes[host.label]

    world = World(seed, spawn)
    hosts = [world.add(label, Address(f"10.0.0.{number}", 7946)) for number, label in enumerate(labels, start=1)]
    for host in hosts:
        world.start(host)
    return world, hosts, fakes


def do(world: World, host: Host, fake: FakeProcess, *todo: effects.Effect) -> None:
    """Have ``host``'s process do this now."""
    fake.react = lambda event: list(todo) if isinstance(event, events.LoopLagged) else []
    world.deliver(host, host.life, events.LoopLagged(0))
    fake.react = lambda event: []
