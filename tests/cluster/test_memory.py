"""What an agent weighs: unsecured, after one question from the command line, and with the page open."""

from __future__ import annotations

import http.client
import re
import urllib.request
from pathlib import Path

from tests.cluster.agents import LIMIT_S, AgentProcess, fleet, free_port
from tests.cluster.three import HOSTS, agents_on, formed
from tests.program import COMPILED, PROGRAM

#: What is compiled takes 2.3 MiB, of which most are shared by all agents of one machine.
_CODE_MIB = 3 if PROGRAM == COMPILED else 0
ASKED_MAX_MIB = 40 + _CODE_MIB
PAGE_MAX_MIB = 50


def resident_mib(agent: AgentProcess) -> float:
    """Resident memory, shared pages included."""
    found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{agent.pid}/status").read_text(), re.M)
    assert found is not None
    return int(found[1]) / 1024


def test_an_agent_stays_small_after_one_question(tmp_path: Path) -> None:
    agents = agents_on(tmp_path, HOSTS)
    with fleet(*agents):
        formed(agents)
        for agent in agents:
            assert agent.cli("members").returncode == 0
            assert resident_mib(agent) <= ASKED_MAX_MIB


def test_an_agent_stays_small_with_the_page_open(tmp_path: Path) -> None:
    one, two = agents_on(tmp_path, {"node001": "127.0.0.1", "node002": "127.0.0.2"})
    port = free_port("127.0.0.1")
    one.flags = (*one.flags, "-web", f"127.0.0.1:{port}")
    with fleet(one, two):
        formed((one, two))
        page = get(port, "/").decode()
        for address in set(re.findall(r'(?:src|href)="(/?static/[^"]+)"', page)):
            assert get(port, "/" + address.lstrip("/"))
        with open_stream(port) as stream:
            assert stream.readline().startswith((b"retry:", b"event:", b"id:", b"data:", b":"))
            assert one.cli("members").returncode == 0
            assert resident_mib(one) <= PAGE_MAX_MIB
        get(port, "/metrics")
        assert resident_mib(one) <= PAGE_MAX_MIB


def get(port: int, path: str) -> bytes:
    """A file of the page."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=LIMIT_S) as answer:
        return bytes(answer.read())


def open_stream(port: int) -> http.client.HTTPResponse:
    """The page's event stream; stays open until closed."""
    stream = urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/events?snapshot=1", timeout=LIMIT_S)
    assert isinstance(stream, http.client.HTTPResponse)
    return stream
