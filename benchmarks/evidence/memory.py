"""Resident memory after one question, and with the page open: the tests' own bounds, with the figures."""

from __future__ import annotations

import compileall
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.evidence.notebook import Notebook
from tests.cluster.agents import fleet, free_port
from tests.cluster.test_memory import ASKED_MAX_MIB, PAGE_MAX_MIB, get, open_stream, resident_mib
from tests.cluster.three import HOSTS, agents_on, formed
from tests.program import PROGRAM


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """One round is one fresh cluster of three."""
    del options
    # An installed package has its bytecode; an agent that compiled the web interface itself would keep 2 MiB of that.
    compileall.compile_dir(PROGRAM, quiet=1)
    for number in numbers:
        notebook.play(number, within_bounds)


def within_bounds() -> dict[str, float | int | str]:
    """MiB of the leader at three moments."""
    with tempfile.TemporaryDirectory(prefix="pycluster-evidence-") as folder:
        agents = agents_on(Path(folder), HOSTS)
        port = free_port("127.0.0.1")
        one = agents[0]
        one.flags = (*one.flags, "-web", f"127.0.0.1:{port}")
        with fleet(*agents):
            formed(agents)
            unasked = resident_mib(one)
            assert one.cli("members").returncode == 0
            asked = resident_mib(one)
            get(port, "/")
            with open_stream(port) as stream:
                stream.readline()
                page = resident_mib(one)
    assert asked <= ASKED_MAX_MIB, f"{asked:.1f} MiB after one question"
    assert page <= PAGE_MAX_MIB, f"{page:.1f} MiB with the page open"
    return {"unasked MiB": round(unasked, 1), "asked MiB": round(asked, 1), "page open MiB": round(page, 1)}
