"""What the demo says first: what happens, where the page is, what to try."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping

from pycluster.cli.demo.stage import Plan


def command() -> str:
    """How this very program is called from another terminal."""
    beside = os.path.join(os.path.dirname(sys.executable), "pycluster")
    found = shutil.which("pycluster")
    if found is not None and os.path.realpath(found) == os.path.realpath(beside):
        return "pycluster"
    if os.access(beside, os.X_OK):
        return beside
    return f"{sys.executable} -m pycluster"


def programme(
    plan: Plan, pids: Mapping[str, int], kill_leader_after: float | None, exit_after: float | None
) -> list[str]:
    """Lines; ``pids`` are the agents' processes by name."""
    last, hosts = plan.places[-1], [place.host for place in plan.places]
    call, where = command(), f"-data-dir {last.data_dir}"
    several = f"{len(hosts)} agents on {hosts[0]} to {hosts[-1]}" if len(hosts) > 1 else f"1 agent on {hosts[0]}"
    lines = [
        f"{several}, port {plan.port} (UDP and TCP). Nothing outside this machine is contacted.",
        "They find each other, elect the lowest name, and print their status every five seconds.",
    ]
    if kill_leader_after is not None:
        lines.append(f"After {kill_leader_after:g} s the leader is killed; watch the others elect the next one.")
    end = "Ctrl-C ends it" if exit_after is None else f"It ends after {exit_after:g} s, or by Ctrl-C"
    lines += [
        f"{end}; then the agents are stopped and their data is removed.",
        "",
        f"Live page: {plan.page(last)}",
        "",
        "In another terminal:",
        f"  {call} status {where}",
        f"  {call} explain leader {where}",
        f"  {call} monitor {where}",
    ]
    if len(plan.places) > 2:
        victim = plan.places[-2].name
        lines += [
            f"  kill -9 {pids[victim]}    # {victim}, which does not lead; then:",
            f"  {call} explain node {victim} {where}",
        ]
    return [*lines, "", "Processes: " + ", ".join(f"{name} {pid}" for name, pid in pids.items()), ""]
