"""What strace wrote down of an agent: its calls in order, and the voters' messages in them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import msgspec
import pytest

from pycluster.runtime.framing import BrokenFraming, FrameReader
from pycluster.wire import Codec, Malformed, Rejected, VoterMessage
from tests.cluster.agents import AgentProcess, wait_for

SENDS = ("write", "sendto", "sendmsg", "writev")
RECEIVES = ("read", "recvfrom", "recvmsg")
LOG = "state.db-wal"
_TRACED = ",".join(("fsync", "fdatasync", "pwrite64", *SENDS, *RECEIVES))
_QUOTED = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_FILE = re.compile(r"\(\d+<((?:\\x[0-9a-f]{2})+)>")
_NAME = re.compile(r"^\d+ +(?:<\.\.\. )?(\w+)")


class Call(msgspec.Struct, frozen=True):
    """One line of the trace: the call, the file it was on and what it carried, where the line shows these."""

    name: str
    file: str
    data: bytes
    finished: bool


def traced(agent: AgentProcess, folder: Path, trace: Path) -> AgentProcess:
    """The same agent, not started, under strace; skips where there is none."""
    return AgentProcess(agent.name, folder, *agent.flags[4:], enter=strace(trace))


def strace(trace: Path, *more: str) -> tuple[str, ...]:
    """What to put before a command to have its calls written to ``trace``; skips where there is no strace."""
    program = shutil.which("strace")
    if program is None:
        pytest.skip("needs strace, Debian's package strace")
    # -D: the command itself is our child; -xx: data and names in hexadecimal; -y: which file a descriptor is.
    return (program, "-D", "-f", "-y", "-xx", "-s", "8192", "-e", f"trace={_TRACED}", "-o", str(trace), *more)


def written_whole(trace: Path, agent: AgentProcess) -> None:
    """Until strace, which may be behind, has written that the killed ``agent`` is gone."""
    end = re.compile(rf"^{agent.pid} +\+\+\+ killed by SIGKILL", re.M)
    wait_for(f"the trace of {agent.name} ends", lambda: end.search(trace.read_text()))


def calls(trace: Path) -> list[Call]:
    """The lines in the order in which the kernel reported them."""
    return [parsed for line in trace.read_text().splitlines() if (parsed := parse(line)) is not None]


def parse(line: str) -> Call | None:
    """One line; None where it is no call."""
    name = _NAME.match(line)
    if name is None:
        return None
    file = _FILE.search(line)
    data = b"".join(unhexed(found) for found in _QUOTED.findall(line))
    return Call(name[1], unhexed(file[1]).decode() if file else "", data, "<unfinished" not in line)


def unhexed(text: str) -> bytes:
    """The bytes that ``-xx`` wrote."""
    return bytes.fromhex(text.replace("\\x", ""))


def voters_words(data: bytes) -> list[object]:
    """The Raft messages in what one call carried, over TCP."""
    try:
        frames = [frame for _, frame in FrameReader().feed(data)]
        bodies = [Codec("proxy").decode(frame, datagram=False) for frame in frames if frame]
    except (BrokenFraming, Malformed, Rejected):
        return []
    return [body.message for body in bodies if isinstance(body, VoterMessage)]


def synced(made: list[Call], begin: int, end: int) -> bool:
    """Whether the log was written after ``begin`` and, after the last such write, synced before ``end``."""
    on_disk = [at for at in range(begin, end) if made[at].name == "pwrite64" and made[at].file.endswith(LOG)]
    return bool(on_disk) and synced_since(made, on_disk[-1], end)


def synced_since(made: list[Call], written: int, end: int) -> bool:
    """Whether a sync of the log began after ``written`` and was over before ``end``."""
    # A sync that another thread's calls interrupt in the trace shows its file where it began, its end where it ended.
    return any(
        made[at].name == "fdatasync"
        and made[at].file.endswith(LOG)
        and any(made[over].name == "fdatasync" and made[over].finished for over in range(at, end))
        for at in range(written, end)
    )
