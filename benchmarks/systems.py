"""How to start each system, and what its lines mean. Defaults everywhere but for PyCluster's lines, which are JSON."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from benchmarks.network import PORT, Loopback
from benchmarks.watch import Reader, What

#: Listed in PyCluster's [nodes]: voters and seeds. Everyone else is found by gossip.
LISTED = 5


def node_name(number: int) -> str:
    """``node001`` and so on; numbers begin at 1."""
    return f"node{number:03d}"


class Place(msgspec.Struct, frozen=True):
    """Where one agent of a fleet stands."""

    number: int
    total: int
    folder: Path
    network: Loopback

    def address(self, number: int) -> str:
        """The address of any agent of the fleet."""
        return self.network.address(number)


class System(msgspec.Struct, frozen=True):
    """One system under measurement."""

    title: str
    command: Callable[[Place], list[str]]
    read: Reader
    #: Whether standard output is worth reading as well as standard error.
    tells_on_output: bool
    leads: bool
    #: What a fleet has to wait for beyond twice its detection until a member that came back is whole again.
    return_limit_s: float

    def version(self) -> str:
        """Its name and version, by its own word."""
        command = ["serf", "version"] if self is SERF else [sys.executable, "-m", "pycluster", "--version"]
        told = subprocess.run(
            command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": "src"}
        )
        found = re.search(r"v?(\d\S*)", told.stdout)
        return f"{self.title} {found[1] if found is not None else ''}".strip()

    def voters(self, total: int) -> int:
        """How many agents vote: the first so many; 0 where nobody does."""
        return min(total, LISTED) if self.leads else 0


def _serf(place: Place) -> list[str]:
    address = place.address(place.number)
    command = ["serf", "agent", f"-node={node_name(place.number)}", f"-bind={address}:{PORT}"]
    command.append(f"-rpc-addr={address}:7373")
    # The first starts alone; when it comes back it has to be told about another one.
    other = 1 if place.number > 1 else 2 if (place.folder / f"{node_name(2)}.log").exists() else 0
    return [*command, f"-join={place.address(other)}:{PORT}"] if other else command


def _pycluster(place: Place) -> list[str]:
    conf = place.folder / "cluster.conf"
    if not conf.exists():
        voters = range(1, PYCLUSTER.voters(place.total) + 1)
        listed = "".join(f'{node_name(number)} = "{place.address(number)}:{PORT}"\n' for number in voters)
        conf.write_text(f'[cluster]\nname = "bench"\ndiscovery_port = {PORT}\n\n[nodes]\n{listed}')
    name = node_name(place.number)
    command = [sys.executable, "-m", "pycluster", "agent", "-config", str(conf), "-name", name, "-log-format", "json"]
    command += ["-bind-address", place.address(place.number), "-port", str(PORT)]
    return [*command, "-data-dir", str(place.folder / name)]


class _Event(msgspec.Struct):
    """What is read of an agent's line."""

    kind: str
    node: str = ""


_KINDS: dict[str, What] = {
    "agent-started": "runs",
    "member-up": "up",
    "member-down": "down",
    "leader-changed": "follows",
    "leader-elected": "follows",
    "leader-gained": "acts",
    "leader-lost": "stops",
    "leader-unknown": "leaderless",
}
_EVENT = msgspec.json.Decoder(_Event)
_SERF_LINES: dict[bytes, What] = {b"EventMemberJoin": "up", b"EventMemberFailed": "down"}
_SERF_LINE = re.compile(rb"serf: (EventMemberJoin|EventMemberFailed): (\S+)")


def _read_pycluster(line: bytes) -> tuple[What, str] | None:
    try:
        event = _EVENT.decode(line)
    except msgspec.DecodeError:
        return None  # a traceback of an agent; its log file shows it
    what = _KINDS.get(event.kind)
    return (what, event.node) if what is not None else None


def _read_serf(line: bytes) -> tuple[What, str] | None:
    if b"Serf agent running!" in line:
        return ("runs", "")
    found = _SERF_LINE.search(line)
    return (_SERF_LINES[found[1]], found[2].decode()) if found is not None else None


SERF = System(title="Serf", command=_serf, read=_read_serf, tells_on_output=True, leads=False, return_limit_s=300)
PYCLUSTER = System(
    title="PyCluster", command=_pycluster, read=_read_pycluster, tells_on_output=False, leads=True, return_limit_s=120
)


def available() -> list[System]:
    """What can be measured here."""
    return [PYCLUSTER, SERF] if shutil.which("serf") else [PYCLUSTER]
