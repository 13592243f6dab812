"""PyCluster and Serf side by side, in one run, on this machine: `make bench`, or `make bench N="5 30 100"`.

For each system and size: start N agents with default settings, each its own process on a host of its own, let them
rest, measure a window of idleness, then take agents away in three ways and, where there is one, the leader.
docs/benchmarks.md says what each figure means. Without root there are no hosts to be had: all run on the loopback
network, no bytes are counted and nobody is cut off.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import statistics
import sys
import time
from pathlib import Path
from random import Random

import msgspec

from benchmarks.deaths import HOWS, How, bring_back, death, succession
from benchmarks.fleet import Agent, Fleet, running, stop_quietly
from benchmarks.network import Loopback, Routed, Sent, enter_own_network
from benchmarks.plot import drawn
from benchmarks.result import Part, Report, Result, Traffic, table
from benchmarks.systems import System, available


class Plan(msgspec.Struct, frozen=True):
    """How long to rest and to look, and how many rounds of each loss."""

    settle_s: float
    window_s: float
    rounds: int
    hows: tuple[How, ...]


def main() -> int:
    """Measure what was asked for, print a table, leave the figures as JSON and as a drawing."""
    parser = argparse.ArgumentParser(prog="make bench", description="PyCluster and Serf side by side.")
    parser.add_argument("agents", nargs="*", type=int, default=[5, 30], help="sizes, such as 5 30 100")
    parser.add_argument("--settle", type=float, default=15, help="seconds to rest after forming")
    parser.add_argument("--window", type=float, default=30, help="seconds of idleness to measure")
    parser.add_argument("--rounds", type=int, default=3, help="of each way to lose an agent")
    parser.add_argument("--json", type=Path, default=Path("evidence/bench.json"), help="where the figures go")
    parser.add_argument("--plot", type=Path, default=Path("evidence/bench.svg"), help="where the drawing goes")
    parser.add_argument("--system", default="", help="PyCluster or Serf alone")
    given = parser.parse_args()
    stop_quietly()
    routed = enter_own_network("benchmarks.peers")
    network = Routed(max(given.agents)) if routed else Loopback()
    if not routed:
        print("no root, nsenter, ip or nft: no bytes are counted and nobody is cut off", file=sys.stderr)
    if len(available()) == 1:
        print("serf is not installed: measuring PyCluster alone", file=sys.stderr)
    plan = Plan(given.settle, given.window, given.rounds, HOWS if routed else HOWS[:2])
    systems = [system for system in available() if given.system in ("", system.title)]
    report = Report(
        at=time.strftime("%Y-%m-%d"),
        systems=[system.version() for system in systems],
        machine=machine(),
        cores=os.cpu_count() or 1,
        settle_s=plan.settle_s,
        window_s=plan.window_s,
        rounds=plan.rounds,
        results=[],
    )
    for path in (given.json, given.plot):
        path.parent.mkdir(parents=True, exist_ok=True)
    for agents in given.agents:
        for system in systems:
            print(f"{system.title}, {agents} agents ...", file=sys.stderr, flush=True)
            report.results.append(measure(system, network, agents, plan))
            given.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)))
            given.plot.write_text(drawn(report))
    print(table(report.results))
    print(f"figures: {given.json}, drawing: {given.plot}")
    return 0


def machine() -> str:
    """The processor and the kernel."""
    model = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    return f"{model[1] if model is not None else platform.machine()}, Linux {platform.release()}"


def measure(system: System, network: Loopback, total: int, plan: Plan) -> Result:
    """One system at one size."""
    with running(system, network, total, "bench") as fleet:
        formed_s = fleet.form()
        formed_cpu_s = statistics.mean(agent.cpu_s() for agent in fleet.agents)
        time.sleep(plan.settle_s)
        parts = idle(fleet, network, plan.window_s)
        memories = [agent.memory() for agent in fleet.agents]
        result = Result(
            system=system.title,
            agents=total,
            start_cpu_s=statistics.mean(fleet.start_cpu_s),
            formed_cpu_s=formed_cpu_s,
            formed_s=formed_s,
            parts=parts,
            rss_mib=statistics.mean(memory.rss for memory in memories) / 1024,
            pss_mib=statistics.mean(memory.pss for memory in memories) / 1024,
            detected_s={how: [] for how in plan.hows},
            follows_s=[],
            voters_follow_s=[],
            acts_s=[],
            missed=[],
        )
        lose(fleet, plan, result)
    return result


def idle(fleet: Fleet, network: Loopback, window_s: float) -> dict[str, Part]:
    """Processor time and bytes while nothing happens, by what the agents are."""
    cpu_s = {agent.name: agent.cpu_s() for agent in fleet.agents}
    sent, begun = network.sent(), time.monotonic()
    time.sleep(window_s)
    later, took_s = network.sent(), time.monotonic() - begun
    cpu_s = {agent.name: agent.cpu_s() - cpu_s[agent.name] for agent in fleet.agents}

    def part(agents: list[Agent]) -> Part:
        count = len(agents)
        cpu_percent = 100 * sum(cpu_s[agent.name] for agent in agents) / took_s / count
        if not network.routed:
            return Part(count, cpu_percent, None)
        before = [sent.get(agent.address, Sent()) for agent in agents]
        after = [later.get(agent.address, Sent()) for agent in agents]
        udp, tcp = (
            sum(getattr(found, kind) for found in after) - sum(getattr(found, kind) for found in before)
            for kind in ("udp", "tcp")
        )
        return Part(count, cpu_percent, Traffic(udp / took_s / count, tcp / took_s / count))

    leader = fleet.leader()
    kinds = {"all": list(fleet.agents)}
    if leader is not None:
        voters, others = fleet.agents[: fleet.voters], fleet.agents[fleet.voters :]
        kinds |= {"leader": [leader], "voters": [a for a in voters if a is not leader], "non-voters": others}
    return {kind: part(agents) for kind, agents in kinds.items() if agents}


def lose(fleet: Fleet, plan: Plan, result: Result) -> None:
    """Agents other than the leader in each way, then the leader; each comes back before the next is lost."""
    rng = Random(fleet.system.title)
    for how in plan.hows:
        for _ in range(plan.rounds):
            time.sleep(rng.uniform(1.0, 3.0))
            leader = fleet.leader()
            victim = rng.choice([agent for agent in fleet.agents if agent is not leader])
            found = death(fleet, victim, how)
            result.detected_s[how].append(found.last_s)
            if found.missed:
                result.missed.append(f"{how} of {victim.name}: never noticed by {', '.join(found.missed)}")
            bring_back(fleet, victim, how)
    for _ in range(plan.rounds if fleet.system.leads else 0):
        time.sleep(rng.uniform(1.0, 3.0))
        leader = fleet.leader()
        assert leader is not None
        after = succession(fleet, leader, "kill -9")
        result.follows_s.append(after.follows_s)
        result.voters_follow_s.append(after.voters_follow_s)
        result.acts_s.append(after.acts_s)
        bring_back(fleet, leader, "kill -9")


if __name__ == "__main__":
    raise SystemExit(main())
