"""Clients of the replicated state in a world: what a workload asks becomes events of the hosts' processes."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from pycluster.node import effects, events
from pycluster.simulator.checkers.checker import Checker
from pycluster.simulator.demands import Habits
from pycluster.simulator.host import Host
from pycluster.simulator.workload import Workload
from pycluster.simulator.world import World
from pycluster.store import Request, Watch


class Callers(Checker):
    """One workload on one world; it hears of processes that end as a checker does."""

    def __init__(self, world: World, labels: Sequence[str], habits: Habits, rng: Random) -> None:
        self._world = world
        self.workload = Workload(world.timeline, self, labels, habits, rng)
        world.callers = self
        world.watch(self)

    # What the workload wants.

    def ask(self, label: str, token: int, request: Request, request_id: bytes, timeout_us: int) -> bool:
        """Ask the process on ``label``."""
        return self._deliver(label, events.StateAsked(token, request, request_id, timeout_us))

    def watch(self, label: str, token: int, watch: Watch) -> bool:
        """Watch there."""
        return self._deliver(label, events.WatchOpened(token, watch))

    def close(self, label: str, token: int) -> bool:
        """Watch there no longer."""
        return self._deliver(label, events.WatchClosed(token))

    def _deliver(self, label: str, event: events.Event) -> bool:
        host = self._world.hosts[label]
        # A process of the previous version knows nothing of the state.
        if host.process is None or host.older:
            return False
        self._world.deliver(host, host.life, event)
        return True

    # What the world says.

    def answered(self, host: Host, effect: effects.StateAnswered) -> None:
        """An answer."""
        self.workload.answered(effect.token, effect.result)

    def told(self, host: Host, effect: effects.WatchTold) -> None:
        """News for a watcher."""
        self.workload.told(effect.token, effect.batch)

    def stopped(self, host: Host, now_us: int) -> None:
        """The process is gone, and with it everything that it was asked."""
        self.workload.stopped(host.label)
