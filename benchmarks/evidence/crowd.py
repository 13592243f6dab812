"""A thousand nodes and more on the simulator's clock: what they say when nothing happens, how the dead become known."""

from __future__ import annotations

import gc
import resource
import statistics
import time
from random import Random

from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.membership import Params
from pycluster.node import effects
from pycluster.node.events import Event
from pycluster.simulator.checkers import Checker
from pycluster.simulator.crowd import Crowd
from pycluster.simulator.host import Host
from pycluster.simulator.network import Weather

_STEP_US = 100 * MILLISECOND
_MESSAGES = frozenset((effects.SendDatagram, effects.Call, effects.Answer, effects.Post))


class Traffic(Checker):
    """Counts what leaves: datagrams, requests and answers over TCP, frames between voters."""

    def __init__(self) -> None:
        self.messages = 0

    def handled(self, host: Host, event: Event, todo: list[effects.Effect], now_us: int) -> None:
        for effect in todo:
            if type(effect) in _MESSAGES:
                self.messages += 1


class Scene:
    """One crowd and what is measured of it; ``figures`` gather."""

    def __init__(self, count: int, *, loss: float, seed: int, warm: bool) -> None:
        # Nothing of a crowd is garbage before its end.
        gc.collect()
        gc.disable()
        self._cpu_s = time.process_time()
        self.figures: dict[str, float | int | str] = {"nodes": count}
        # A node's own question is answered without that bound; here nobody asks.
        params = Params(newcomers_burst=2 * count) if warm else Params()
        self.crowd = Crowd(count, seed, Weather(loss=loss), params)
        self._traffic = Traffic()
        self.crowd.world.watch(self._traffic)
        for host in self.crowd.hosts:
            self.crowd.world.start(host)
        if warm:
            self.crowd.warm()

    def form(self, within_us: int) -> None:
        """Until all know all and follow one leader."""
        crowd = self.crowd
        count = len(crowd.hosts)
        assert crowd.world.run_until(lambda: crowd.table_sizes()[0] == count, within_us, SECOND), (
            f"after {within_us // SECOND} s somebody knows {crowd.table_sizes()[0]} of {count} members only"
        )
        assert crowd.world.run_until(lambda: bool(crowd.leader()), within_us, SECOND), "no leader that all follow"
        self.figures["formed virtual s"] = crowd.world.now_us / SECOND
        self._spent("formation CPU s")

    def idle(self, settle_us: int, for_us: int) -> float:
        """Messages that a node sends in a second in which nothing happens."""
        self.crowd.world.run(settle_us)
        before = self._traffic.messages
        self.crowd.world.run(for_us)
        rate = (self._traffic.messages - before) / len(self.crowd.hosts) / (for_us / SECOND)
        self.figures["idle messages a node and s"] = round(rate, 3)
        self._spent("idle CPU s")
        return rate

    def crash(self, victims: int, within_us: int) -> tuple[float, float]:
        """So many lose power at once: virtual s until all survivors know, (median, last) of the victims."""
        crowd, world = self.crowd, self.crowd.world
        dead = Random(world.seed).sample(crowd.hosts[5:], victims)
        begun_us = world.now_us
        crowd.known.at_us = {host.name: {} for host in dead}
        for host in dead:
            world.kill(host, power=True)
        survivors = [host for host in crowd.hosts if host.process is not None]

        def unknown() -> int:
            return sum(len(survivors) - len(by) for by in crowd.known.at_us.values())

        while unknown():
            assert world.now_us - begun_us < within_us, (
                f"{unknown()} verdicts are missing after {within_us // SECOND} s"
            )
            world.run(_STEP_US)
        times = sorted((max(by.values()) - begun_us) / SECOND for by in crowd.known.at_us.values())
        self.figures["known to all, median virtual s"] = round(statistics.median(times), 2)
        self.figures["known to all, last virtual s"] = round(times[-1], 2)
        self._spent("crash CPU s")
        return statistics.median(times), times[-1]

    def done(self) -> dict[str, float | int | str]:
        """The figures, with what it took; garbage is collected again."""
        self.figures["RSS MiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        self.figures["healthy convicted"] = 0  # the first one ends the run
        gc.enable()
        return self.figures

    def _spent(self, what: str) -> None:
        now_s = time.process_time()
        self.figures[what] = round(now_s - self._cpu_s, 1)
        self._cpu_s = now_s
