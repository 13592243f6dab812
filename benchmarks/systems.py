"""How to start each system, and how its log says what happened."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import msgspec

from benchmarks.fleet import Agent, node_address, node_name

PORT = 7946
#: Listed in PyCluster's [nodes]: voters and seeds. Everyone else is found by gossip.
LISTED = 5


class System(msgspec.Struct, frozen=True):
    """One system under measurement. The patterns' first group is a node's name."""

    title: str
    joined: re.Pattern[str]
    failed: re.Pattern[str]
    leads: re.Pattern[str] | None
    #: What shows a fleet that knows each other: how many names each log names.
    itself: int

    def command(self, number: int, total: int, folder: Path) -> list[str]:
        """The command line of node ``number`` of ``total``."""
        return _COMMANDS[self.title](number, total, folder)

    def start(self, number: int, total: int, folder: Path) -> Agent:
        """Start one agent."""
        log = folder / f"{node_name(number)}.log"
        return Agent(node_name(number), self.command(number, total, folder), log, {"PYTHONPATH": "src"})


def _serf(number: int, total: int, folder: Path) -> list[str]:
    address = node_address(number)
    command = ["serf", "agent", f"-node={node_name(number)}", f"-bind={address}:{PORT}", f"-rpc-addr={address}:7373"]
    return command if number == 1 else [*command, f"-join={node_address(1)}:{PORT}"]


def _pycluster(number: int, total: int, folder: Path) -> list[str]:
    conf = folder / "cluster.conf"
    if not conf.exists():
        listed = "".join(f'{node_name(n)} = "{node_address(n)}:{PORT}"\n' for n in range(1, min(total, LISTED) + 1))
        conf.write_text(f'[cluster]\nname = "bench"\ndiscovery_port = {PORT}\n\n[nodes]\n{listed}')
    data = folder / node_name(number)
    command = [sys.executable, "-m", "pycluster", "agent", "-config", str(conf), "-name", node_name(number)]
    return [*command, "-bind-address", node_address(number), "-port", str(PORT), "-data-dir", str(data)]


_COMMANDS = {"Serf": _serf, "PyCluster": _pycluster}

SERF = System(
    title="Serf",
    joined=re.compile(r"EventMemberJoin: (\S+)"),
    failed=re.compile(r"EventMemberFailed: (\S+)"),
    leads=None,
    itself=1,
)
PYCLUSTER = System(
    title="PyCluster",
    joined=re.compile(r"New node discovered: (\S+)"),
    failed=re.compile(r"Node timeout: (\S+)"),
    leads=re.compile(r"(?:Following new leader|Became new leader): (\S+)"),
    itself=0,
)


def available() -> list[System]:
    """What can be measured here."""
    return [PYCLUSTER, SERF] if shutil.which("serf") else [PYCLUSTER]
