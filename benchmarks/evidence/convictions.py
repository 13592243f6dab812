"""Who is called down without being dead: a hundred agents idle for 10 minutes, 5 of them frozen for 3 s in turn, 20
starved of the processor for 2 minutes in each of two ways; and the same of Serf's in the same run.

Promised: nobody healthy, and nobody frozen for 3 s, is convicted; of the starved fewer than of Serf's, or nobody.
``convicted`` counts the nodes that anybody called down, ``lines`` how often anybody did so.

Starved in two ways. By quota: all together get 40 ms of one core in a second, about what they use while idle, and
share them with busy loops; with clearly more nobody is convicted, with clearly less everybody. By halts: each by itself
stands still for 2 to 5 s at a time, and runs for a tenth of all the time; both systems in the same rhythm.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from functools import partial
from random import Random

import msgspec

from benchmarks.evidence.fleets import formed
from benchmarks.evidence.notebook import Notebook, Round
from benchmarks.evidence.promises import Promise, values
from benchmarks.fleet import Agent, Fleet
from benchmarks.network import Loopback, Routed, enter_own_network
from benchmarks.starvation import halting, starved
from benchmarks.systems import PYCLUSTER, SERF, available
from benchmarks.watch import now_us

Figures = dict[str, float | int | str]
PROMISES = (
    Promise("PyCluster idle: healthy convicted", worst=0),
    Promise("PyCluster frozen: healthy convicted", worst=0),
    Promise("PyCluster frozen: themselves convicted", worst=0),
    Promise("PyCluster quota: healthy convicted", worst=0),
    Promise("PyCluster halts: healthy convicted", worst=0),
)
STARVED = ("quota", "halts")
#: How long one halt lasts, and for how much of the time an agent runs.
HALT_S = (2.0, 5.0)
SHARE = 0.1


class Plan(msgspec.Struct, frozen=True):
    """How many agents, of them so many frozen and starved, and seconds of each part."""

    agents: int
    frozen: int
    starved: int
    idle_s: float
    frozen_s: float
    between_s: float
    starved_s: float
    quota_ms: int
    settle_s: float


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """Odd rounds are PyCluster's (idle, frozen, starved twice), even ones Serf's; one formation each serves a run."""
    plan = _plan(notebook.bar, options)
    if not numbers:
        return
    network = Routed(plan.agents) if enter_own_network("benchmarks.evidence") else Loopback()
    for system, parity in ((PYCLUSTER, 1), (SERF, 0)):
        mine = [number for number in numbers if number % 2 == parity]
        if mine and system in available():
            with formed(network, plan.agents, notebook.bar, system) as fleet:
                time.sleep(plan.settle_s)
                for number in mine:
                    part = (_idle, _frozen, _by_quota, _by_halts)[(number - 1) // 2 % 4]
                    if notebook.play(number, partial(part, fleet, plan)).failure:
                        fleet.kept = True
                        break  # the fleet is in a state that no part expects


def judge(rounds: list[Round]) -> list[str]:
    """The promises that the rounds break."""
    broken = [line for promise in PROMISES for line in promise.broken(rounds)]
    ours, serfs = _starved(rounds, PYCLUSTER.title), _starved(rounds, SERF.title)
    if ours and serfs and sum(ours) and sum(ours) >= sum(serfs):
        broken.append(f"{sum(ours):g} of the starved convicted, {sum(serfs):g} of Serf's")
    return broken


def _starved(rounds: list[Round], title: str) -> list[float]:
    return [value for part in STARVED for value in values(rounds, f"{title} {part}: themselves convicted")]


def _plan(bar: str, options: Sequence[str]) -> Plan:
    parser = argparse.ArgumentParser(prog=f"make evidence BAR={bar}")
    for name, kind, default in (
        ("agents", int, 100),
        ("frozen", int, 5),
        ("starved", int, 20),
        ("idle-s", float, 600.0),
        ("frozen-s", float, 3.0),
        ("between-s", float, 15.0),
        ("starved-s", float, 120.0),
        ("quota-ms", int, 40),
        ("settle-s", float, 15.0),
    ):
        parser.add_argument(f"--{name}", type=kind, default=default)
    return Plan(**vars(parser.parse_args(options)))


def _idle(fleet: Fleet, plan: Plan) -> Figures:
    return _convicted(fleet, "idle", [], lambda: time.sleep(plan.idle_s))


def _frozen(fleet: Fleet, plan: Plan) -> Figures:
    """Voters and others as they come, the leader not among them: its election would be another question."""
    agents = _drawn(fleet, plan.frozen)

    def in_turn() -> None:
        for agent in agents:
            agent.freeze()
            time.sleep(plan.frozen_s)
            agent.thaw()
            time.sleep(plan.between_s)

    return _convicted(fleet, "frozen", agents, in_turn)


def _by_quota(fleet: Fleet, plan: Plan) -> Figures:
    """The last agents, which do not vote; they are fed again for a while, so that what is under way counts as well."""
    agents = fleet.agents[-plan.starved :]
    means: list[str] = []

    def hunger() -> None:
        with starved([agent.pid for agent in agents], plan.quota_ms) as by:
            means.append(by)
            time.sleep(plan.starved_s)
        time.sleep(plan.between_s)

    return {**_convicted(fleet, "quota", agents, hunger), "means": means[0]}


def _by_halts(fleet: Fleet, plan: Plan) -> Figures:
    """The same agents."""
    agents = fleet.agents[-plan.starved :]

    def hunger() -> None:
        with halting([agent.pid for agent in agents], Random(plan.starved), HALT_S, SHARE):
            time.sleep(plan.starved_s)
        time.sleep(plan.between_s)

    return _convicted(fleet, "halts", agents, hunger)


def _drawn(fleet: Fleet, count: int) -> list[Agent]:
    leader = fleet.leader()
    return Random(fleet.system.title).sample([agent for agent in fleet.agents if agent is not leader], count)


def _convicted(fleet: Fleet, part: str, treated: Sequence[Agent], what: Callable[[], None]) -> Figures:
    """Do it, then wait until all see each other again; who was called down meanwhile, by how many."""
    begun_us = now_us()
    what()
    fleet.settled()
    names = {agent.name for agent in treated}
    said = fleet.watch.since(begun_us, "down")
    title = f"{fleet.system.title} {part}"
    figures: Figures = {
        f"{title}: healthy convicted": len({line.about for line in said} - names),
        f"{title}: healthy, lines": sum(line.about not in names for line in said),
    }
    if names:
        figures[f"{title}: themselves convicted"] = len({line.about for line in said} & names)
        figures[f"{title}: themselves, lines"] = sum(line.about in names for line in said)
    return figures
