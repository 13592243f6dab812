"""Agents that render files, and whoever reads these meanwhile."""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

from pycluster.agent import SOCKET_NAME
from pycluster.client import Endpoint
from pycluster.client.blocking import StateClient
from tests.cluster.agents import LIMIT_S, AgentProcess, fleet, wait_for
from tests.cluster.three import HOSTS, agents_on, formed, seated

SOURCE = """\
# {{ node.name }}
begin {{ key("web/version", "0") }}
{% for n in range(2000) %}
line {{ n }}
{% endfor %}
end {{ key("web/version", "0") }}
"""
WHOLE = re.compile(r"# (\w+)\nbegin (\d+)\n(?:line \d+\n){2000}end (\d+)\n")
SECTION = """
[template {name}]
nodes = node:{name}
entry = web.j2
destination = {folder}/web.conf
keys = web/
check = /bin/sh -c "! grep -q 'begin 1300$' {{file}}"
reload = /bin/sh -c "grep begin {folder}/web.conf >> {folder}/reloads"
"""
ONE_OF_MANY = """
[template many{number}]
nodes = node:node001
source = {folder}/many{number}.j2
destination = {folder}/many{number}
keys = many/
"""
#: Hundreds of files are hundreds of syncs.
_MANY_S = 240.0


def version_of(file: Path) -> int | None:
    """What a reader finds there; fails where it is neither old nor new."""
    if not file.exists():
        return None
    found = WHOLE.fullmatch(file.read_text())
    assert found is not None and found[2] == found[3], f"{file} is torn"
    return int(found[2])


class Repeated(threading.Thread):
    """Does something again and again, in a ``with``; ``failures`` are what it raised."""

    def __init__(self, what: Callable[[], object], pause_s: float = 0.01) -> None:
        super().__init__()
        self._what = what
        self._pause_s = pause_s
        self._over = threading.Event()
        self.failures: list[str] = []
        self.done = 0

    def run(self) -> None:
        while not self._over.wait(self._pause_s):
            try:
                self._what()
                self.done += 1
            except (AssertionError, OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))

    def __enter__(self) -> Repeated:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self.join()


def children_of(agent: AgentProcess) -> list[Path]:
    """The processes that it runs now, in ``/proc``."""
    found = Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text().split()
    return [Path("/proc", pid) for pid in found]


def gone(process: Path) -> bool:
    """Whether it has ended; whoever should have read that may not have."""
    try:
        return not (process / "cmdline").read_bytes()
    except OSError:
        return True


def client_of(agent: AgentProcess) -> StateClient:
    """A client of that agent's socket."""
    return StateClient(Endpoint(path=str(agent.data_dir / SOCKET_NAME)), timeout_s=LIMIT_S)


def with_files(folder: Path, *more: str) -> tuple[tuple[AgentProcess, ...], list[Path]]:
    """Three agents, not started, each with a file of its own; ``more`` sections."""
    agents = agents_on(folder, HOSTS)
    files = []
    with (folder / "cluster.conf").open("a") as conf:
        for agent in agents:
            own = folder / f"etc-{agent.name}"
            own.mkdir()
            files.append(own / "web.conf")
            conf.write(SECTION.format(name=agent.name, folder=own))
        conf.writelines(more)
    (folder / "web.j2").write_text(SOURCE)
    return agents, files


def play(folder: Path, changes: int, many: int) -> dict[str, float | int | str]:
    """``changes`` one after the other, followed by all three; of ``many`` files of one node one follows its key."""
    own = folder / "many"
    own.mkdir()
    for number in range(many):
        (own / f"many{number}.j2").write_text(f"{{{{ key('many/{number}', '0') }}}}\n")
    agents, files = with_files(folder, *(ONE_OF_MANY.format(number=n, folder=own) for n in range(many)))
    waits_s = []
    with fleet(*agents):
        formed(agents)
        seated(agents)
        with client_of(agents[1]) as client:
            client.configs.put("web.j2", SOURCE)
            for file in files:
                wait_for(f"{file} is there", lambda file=file: version_of(file))  # type: ignore[misc]
            wait_for(f"{many} files", lambda: sum(not one.suffix for one in own.iterdir()) == many or None, _MANY_S)
            for version in range(1, changes + 1):
                client.put("web/version", str(version))
                begun = time.monotonic()
                while any(version_of(file) != version for file in files):
                    assert time.monotonic() < begun + 60, f"change {version} is not followed"
                    time.sleep(0.002)
                waits_s.append(time.monotonic() - begun)
            keys = range(0, many, max(many // 20, 1))
            # A file is there before its placement is counted.
            before = wait_for("all are counted", lambda: counted(agents[0], many + 1 + changes), _MANY_S)
            for number in keys:
                client.put(f"many/{number}", "1")
                one = own / f"many{number}"
                wait_for(f"{one} follows", lambda one=one: one.read_text() == "1\n" or None, _MANY_S)  # type: ignore[misc]
            written = wait_for("all are counted", lambda: counted(agents[0], before + len(keys)), _MANY_S) - before
    waits_s.sort()
    rank = max(-(-len(waits_s) * 99 // 100), 1) - 1
    return {
        "all nodes after s, median": round(waits_s[len(waits_s) // 2], 3),
        "all nodes after s, 99th percentile": round(waits_s[rank], 3),
        "files written for a key": round(written / len(keys), 2) if many else 0,
    }


def counted(agent: AgentProcess, least: int) -> int | None:
    """How many files it put in place since its start, once it counts so many."""
    status = agent.peek()
    placed = 0 if status is None else status.counters.get("files_placed", 0)
    return placed if placed >= least else None
