"""What a voter asks of its kernel, in order: a vote is on the disk before the answer that tells of it leaves."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import msgspec
import pytest

from pycluster.consensus.messages import VoteReply, VoteRequest
from pycluster.runtime.framing import BrokenFraming, FrameReader
from pycluster.wire import Codec, Malformed, Rejected, VoterMessage
from tests.cluster.agents import AgentProcess, fleet
from tests.cluster.three import HOSTS, agents_on, formed

pytestmark = pytest.mark.root
_TRACED = "fsync,fdatasync,pwrite64,read,recvfrom,recvmsg,write,sendto,sendmsg,writev"
_QUOTED = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_FILE = re.compile(r"\(\d+<((?:\\x[0-9a-f]{2})+)>")
_NAME = re.compile(r"^\d+ +(?:<\.\.\. )?(\w+)")


class Call(msgspec.Struct, frozen=True):
    """One line of the trace: the call, the file it was on and what it carried, where the line shows these."""

    name: str
    file: str
    data: bytes
    finished: bool


def calls(trace: Path) -> list[Call]:
    """The lines in the order in which the kernel reported them."""
    return [parsed for line in trace.read_text().splitlines() if (parsed := parse(line)) is not None]


def parse(line: str) -> Call | None:
    name = _NAME.match(line)
    if name is None:
        return None
    file = _FILE.search(line)
    data = b"".join(unhexed(found) for found in _QUOTED.findall(line))
    return Call(name[1], unhexed(file[1]).decode() if file else "", data, "<unfinished" not in line)


def unhexed(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def voters_words(data: bytes) -> list[object]:
    """The Raft messages in what one call carried, over TCP."""
    try:
        frames = [frame for _, frame in FrameReader().feed(data)]
        bodies = [Codec("proxy").decode(frame, datagram=False) for frame in frames if frame]
    except (BrokenFraming, Malformed, Rejected):
        return []
    return [body.message for body in bodies if isinstance(body, VoterMessage)]


def test_a_vote_is_synced_before_its_answer_is_sent(tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("needs strace, Debian's package strace")
    trace = tmp_path / "trace"
    one, two, plain = agents_on(tmp_path, HOSTS)
    # -D: the agent itself is our child; -xx: data and names in hexadecimal; -y: which file a descriptor is.
    traced = (strace, "-D", "-f", "-y", "-xx", "-s", "4096", "-e", f"trace={_TRACED}", "-o", str(trace))
    three = AgentProcess("node003", tmp_path, *plain.flags[4:], enter=traced)
    with fleet(one, two, three):
        formed((one, two, three))
        one.kill()
        two.wait_says("Became new leader: node002")
        three.wait_says("Following new leader: node002")
        three.kill()
    made = calls(trace)
    votes = 0
    for sent, call in enumerate(made):
        if call.name not in ("write", "sendto", "sendmsg", "writev"):
            continue
        for word in voters_words(call.data):
            if isinstance(word, VoteReply) and word.granted:
                votes += 1
                assert synced(made, sent, word.request_term), f"the vote in term {word.request_term} left unsynced"
    assert votes >= 1, f"{votes} votes in {len(made)} calls"


def synced(made: list[Call], sent: int, term: int) -> bool:
    """Whether the log was written and then synced between the request for ``term`` and the answer at ``sent``."""
    asked = next(
        at
        for at, call in enumerate(made)
        if call.name in ("read", "recvfrom", "recvmsg")
        and any(isinstance(word, VoteRequest) and word.term == term for word in voters_words(call.data))
    )
    on_disk = [
        at for at in range(asked, sent) if made[at].name == "pwrite64" and made[at].file.endswith("state.db-wal")
    ]
    if not on_disk:
        return False
    # A sync that another thread's calls interrupt in the trace shows its file where it began, its end where it ended.
    return any(
        made[at].name == "fdatasync"
        and made[at].file.endswith("state.db-wal")
        and any(made[end].name == "fdatasync" and made[end].finished for end in range(at, sent))
        for at in range(on_disk[-1], sent)
    )
