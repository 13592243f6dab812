"""Controllers in a world: the loops that every process would run, their requests becoming events of the node."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import assert_never

from pycluster.controllers import Controller, Fence, Reconciliation
from pycluster.controllers import messages as m
from pycluster.kernel.units import MILLISECOND
from pycluster.node import effects, events
from pycluster.simulator.checkers import Checker
from pycluster.simulator.host import Host
from pycluster.simulator.world import World
from pycluster.store import Failure

#: Unix time at the beginning of a world, ms.
WALL_MS = 1_700_000_000_000
#: Tokens of ours begin here, above any that other callers draw.
_FIRST_TOKEN = 1 << 40
_LOOK_AGAIN_US = 10 * MILLISECOND


class Reconcilers(Checker):
    """A leader's controller at every host; ``make`` gives one for a process. Others that ask the state go on."""

    def __init__(self, world: World, make: Callable[[], Controller]) -> None:
        self._world = world
        self._make = make
        self._before = world.callers
        self._rng = Random(world.rng.getrandbits(64))
        self._runs: dict[str, _Run] = {}
        self._token = _FIRST_TOKEN
        self._whose: dict[int, tuple[_Run, int]] = {}
        world.callers = self
        world.watch(self)

    def core(self, label: str) -> Reconciliation:
        """The loop of the process on that host."""
        return self._runs[label].core

    def _run(self, host: Host) -> _Run:
        run = self._runs.get(host.label)
        if run is None or run.life != host.life:
            run = self._runs[host.label] = _Run(host, self._make(), Random(self._rng.getrandbits(64)))
        return run

    def draw(self, run: _Run, token: int) -> int:
        """A token of the world's for one of a core's."""
        self._token += 1
        self._whose[self._token] = (run, token)
        return self._token

    # --- what the world says --------------------------------------------------------------------------------------

    def published(self, host: Host, effect: effects.Publish, now_us: int) -> None:
        """A title was gained or lost."""
        run, kind = self._run(host), effect.event.kind
        if kind == "leader-gained":
            assert host.process is not None
            cluster_uuid = host.process.quorum(host.clock.local(now_us)).cluster_uuid
            self.soon(run, m.Started(Fence(int(cluster_uuid[:16], 16), effect.event.term)))
        elif kind == "leader-lost":
            self.soon(run, m.Stopped())
        if run.wants_members and kind.startswith(("member-", "leader-")):
            self._world.timeline.at(self._world.now_us, self._show_members, run)

    def _show_members(self, run: _Run) -> None:
        if run.lives:
            assert run.host.process is not None
            now_us = run.now_us(self._world.now_us)
            members = tuple(run.host.process.members(now_us))
            self.feed(run, m.MembersChanged(members, run.host.process.leader(now_us).leader))

    def soon(self, run: _Run, event: m.Event) -> None:
        """Feed it after what happens now, for a node is not asked anything while it decides."""
        self._world.timeline.at(self._world.now_us, self.feed, run, event)

    def answered(self, host: Host, effect: effects.StateAnswered) -> None:
        """An answer, to us or to somebody else."""
        whose = self._whose.pop(effect.token, None)
        if whose is None:
            self._before.answered(host, effect)
        else:
            self.soon(whose[0], m.Answered(whose[1], effect.result))

    def told(self, host: Host, effect: effects.WatchTold) -> None:
        """News for a watcher."""
        whose = self._whose.get(effect.token)
        if whose is None:
            self._before.told(host, effect)
            return
        batch = effect.batch
        if isinstance(batch, Failure) or batch.compact_revision:
            self.soon(whose[0], m.WatchEnded(whose[1], "the node could not go on with it"))
        else:
            self.soon(whose[0], m.Told(whose[1], batch))

    # --- what a core wants ----------------------------------------------------------------------------------------

    def feed(self, run: _Run, event: m.Event) -> None:
        """Hand an event to a core whose process still lives, and do what it wants done."""
        if not run.lives:
            return
        for effect in run.core.handle(event, run.now_us(self._world.now_us)):
            self._perform(run, effect)
        self._arm(run)

    def _perform(self, run: _Run, effect: m.Effect) -> None:
        match effect:
            case m.Ask(token, request, timeout_us):
                request_id = self._rng.randbytes(16)
                self._deliver(run, events.StateAsked(self.draw(run, token), request, request_id, timeout_us))
            case m.Open(token, watch):
                run.watches[token] = self.draw(run, token)
                self._deliver(run, events.WatchOpened(run.watches[token], watch))
            case m.Close(token):
                self._deliver(run, events.WatchClosed(run.watches.pop(token)))
            case m.Do(token, _):
                self.soon(run, m.Done(token))
            case _:
                assert_never(effect)

    def _deliver(self, run: _Run, event: events.Event) -> None:
        self._world.deliver(run.host, run.life, event)

    def _arm(self, run: _Run) -> None:
        due_us = run.core.next_deadline()
        if due_us is not None and due_us != run.armed_us:
            run.armed_us = due_us
            self._world.timeline.at(run.host.clock.true(due_us), self._wake, run, due_us)

    def _wake(self, run: _Run, due_us: int) -> None:
        if not run.lives or run.armed_us != due_us:
            return
        if not run.host.running:
            self._world.timeline.at(self._world.now_us + _LOOK_AGAIN_US, self._wake, run, due_us)
            return
        run.armed_us = None
        self.feed(run, m.Timer())


class _Run:
    """One process's loop."""

    def __init__(self, host: Host, controller: Controller, rng: Random) -> None:
        self.host = host
        self.life = host.life
        self.watches: dict[int, int] = {}
        self.armed_us: int | None = None
        self.wants_members = controller.wants_members
        self.core = Reconciliation(controller, host.name, lambda now_us: WALL_MS + now_us // MILLISECOND, rng)

    @property
    def lives(self) -> bool:
        """Whether its process does."""
        return self.host.process is not None and self.host.life == self.life

    def now_us(self, true_us: int) -> int:
        """What its clock shows."""
        return self.host.clock.local(true_us)
