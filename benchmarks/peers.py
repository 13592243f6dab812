"""PyCluster and Serf side by side, in one run, on this machine: `make bench`, or `make bench N="5 30 100"`.

For each system and size: start N agents with default settings, each its own process on a loopback address of its own.

- formed: seconds from the first start until every log names every other node (starting the processes included)
- CPU: user and system time of all agents from /proc/PID/stat over the idle window, per agent, per cent of one core
- bytes/s: what left for the membership port, IP headers included, over the same window, per agent. Counted by nftables
  in a network namespace of the run's own, which needs root; without it this column stays empty
- RSS, PSS: MiB, after the window, nobody having asked the agent anything; mean over all agents
- detected: kill -9 of one agent (PyCluster: the leader) until every survivor's log says that it failed
- new leader: the same kill until every survivor's log names the next leader (PyCluster only)
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from benchmarks.counters import bytes_sent, in_own_namespace
from benchmarks.fleet import (
    Agent,
    count_seen,
    listening,
    names_seen,
    node_address,
    node_name,
    spread,
    stopped_at_the_end,
    wait_until,
)
from benchmarks.systems import LISTED, PORT, System, available


class Result(msgspec.Struct):
    """One system at one size; seconds, per cent of one core, bytes per second, MiB."""

    system: str
    agents: int
    formed_s: float
    cpu_percent: float
    bytes_per_s: float | None
    rss_mib: float
    pss_mib: float
    detected_s: list[float]
    new_leader_s: list[float]
    missed: list[str]


class Plan(msgspec.Struct, frozen=True):
    """How long to look."""

    settle_s: float
    window_s: float
    kills: int
    counted: bool


def main() -> int:
    """Measure what was asked for, print a table, leave the figures as JSON."""
    parser = argparse.ArgumentParser(prog="make bench", description="PyCluster and Serf side by side.")
    parser.add_argument("agents", nargs="*", type=int, default=[5, 30], help="sizes, such as 5 30 100")
    parser.add_argument("--settle", type=float, default=15, help="seconds to wait after forming")
    parser.add_argument("--window", type=float, default=30, help="seconds of idleness to measure")
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--json", type=Path, default=Path("evidence/bench.json"), help="where the figures go")
    parser.add_argument("--system", default="", help="PyCluster or Serf alone")
    given = parser.parse_args()
    counted = in_own_namespace(PORT)
    plan = Plan(given.settle, given.window, given.kills, counted)
    systems = [system for system in available() if given.system in ("", system.title)]
    if len(available()) == 1:
        print("serf is not installed: measuring PyCluster alone", file=sys.stderr)
    results = []
    for agents in given.agents:
        for system in systems:
            print(f"{system.title}, {agents} agents ...", file=sys.stderr, flush=True)
            results.append(measure(system, agents, plan))
    given.json.parent.mkdir(parents=True, exist_ok=True)
    about = {"machine": platform.platform(), "cores": os.cpu_count(), "window_s": plan.window_s}
    given.json.write_bytes(msgspec.json.format(msgspec.json.encode({**about, "results": results})))
    print(table(results))
    print(f"figures: {given.json}")
    return 0


def measure(system: System, total: int, plan: Plan) -> Result:
    """One system at one size."""
    folder = Path(tempfile.mkdtemp(prefix="pycluster-bench-"))
    agents: list[Agent] = []
    with stopped_at_the_end(agents):
        begun = time.monotonic()
        for number in range(1, total + 1):
            agents.append(system.start(number, total, folder))
            if number == 1:
                wait_until(lambda: listening(node_address(1), PORT), 30, f"the first agent listens, see {folder}")
        everyone = total - 1 + system.itself
        wait_until(
            lambda: all(len(names_seen(agent, system.joined)) >= everyone for agent in agents),
            60 + total,
            f"{total} agents of {system.title} know each other, see {folder}",
        )
        formed = time.monotonic() - begun
        time.sleep(plan.settle_s)
        cpu, sent = sum(agent.cpu_s() for agent in agents), bytes_sent() if plan.counted else 0
        time.sleep(plan.window_s)
        cpu = sum(agent.cpu_s() for agent in agents) - cpu
        sent = bytes_sent() - sent if plan.counted else 0
        memories = [agent.memory() for agent in agents]
        result = Result(
            system=system.title,
            agents=total,
            formed_s=formed,
            cpu_percent=100 * cpu / plan.window_s / total,
            bytes_per_s=sent / plan.window_s / total if plan.counted else None,
            rss_mib=statistics.mean(memory.rss for memory in memories) / 1024,
            pss_mib=statistics.mean(memory.pss for memory in memories) / 1024,
            detected_s=[],
            new_leader_s=[],
            missed=[],
        )
        for number in range(1, plan.kills + 1):
            kill(system, agents, number, total, result)
    shutil.rmtree(folder)
    return result


def kill(system: System, agents: list[Agent], number: int, total: int, result: Result) -> None:
    """Kill agent ``number`` and time what the survivors say.

    The lowest name still there leads, and the killed stay dead, so node001, node002, ... is the leader each time. Once
    the voters left are no majority there is no new leader to wait for.
    """
    victim = node_name(number)
    survivors = [agent for agent in agents if agent.name != victim and agent.process.poll() is None]
    before = {agent.name: count_seen(agent, system.failed, victim) for agent in survivors}
    heir = node_name(number + 1)
    elects = system.leads is not None and 2 * number < min(total, LISTED)
    led = {agent.name: count_seen(agent, system.leads, heir) for agent in survivors if elects and system.leads}
    agents[number - 1].kill()
    killed = time.monotonic()
    waiting, leaderless = set(before), set(led)
    while (waiting or leaderless) and time.monotonic() - killed < 60:
        for agent in survivors:
            if agent.name in waiting and count_seen(agent, system.failed, victim) > before[agent.name]:
                waiting.discard(agent.name)
                if not waiting:
                    result.detected_s.append(time.monotonic() - killed)
            if system.leads and agent.name in leaderless and count_seen(agent, system.leads, heir) > led[agent.name]:
                leaderless.discard(agent.name)
                if not leaderless:
                    result.new_leader_s.append(time.monotonic() - killed)
        time.sleep(0.01)
    if waiting:
        result.missed.append(f"{victim}: never seen by {len(waiting)} of {len(survivors)}")
    if leaderless:
        result.missed.append(f"{heir}: its leadership never seen by {len(leaderless)} of {len(survivors)}")
    time.sleep(2)


def table(results: list[Result]) -> str:
    """The results as a table for people."""
    rows = [("system", "agents", "formed s", "CPU %", "bytes/s", "RSS MiB", "PSS MiB", "detected s", "new leader s")]
    rows += [
        (
            result.system,
            str(result.agents),
            f"{result.formed_s:.1f}",
            f"{result.cpu_percent:.2f}",
            "-" if result.bytes_per_s is None else f"{result.bytes_per_s:.0f}",
            f"{result.rss_mib:.1f}",
            f"{result.pss_mib:.1f}",
            spread(result.detected_s),
            spread(result.new_leader_s, 2),
        )
        for result in results
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += [f"{result.system}, {result.agents}: {missed}" for result in results for missed in result.missed]
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
