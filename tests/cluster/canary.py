"""A bad configuration of real HAProxies is rolled out, canary first: it stops there, and everything says why."""

from __future__ import annotations

import http.client
import json
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec

from pycluster.client.blocking import StateClient
from pycluster.rollouts import RolloutView
from tests.cluster.agents import AgentProcess, fleet, free_port, wait_for
from tests.cluster.engines import keeping
from tests.cluster.loads import Wrk
from tests.cluster.rendered import client_of
from tests.cluster.served import CONNECTIONS, serves, service
from tests.cluster.three import HOSTS, agents_on, formed, seated

#: What the check finds, and what only the running service shows.
Bad = Literal["refused", "broken"]
NAME = "haproxy.j2"
SOURCE = """\
global
    maxconn 100
defaults
    mode http
    timeout connect 10s
    timeout client 60s
    timeout server 60s
    option idle-close-on-response
frontend web
    bind {{ node.address.rpartition(":")[0] }}:PORT
MORE
    http-request return status 200 content-type text/plain string "version VERSION"
# VERSION
"""
SECTION = """
[template {name}]
nodes = node:{name}
entry = haproxy.j2
destination = {folder}/haproxy.cfg
check = {haproxy} -c -f {{file}}
reload = /bin/sh -c "echo reload >> {folder}/reloads; kill -USR2 $(cat {folder}/haproxy.pid)"
probe = {python} {probe} {host} {port} {folder}/haproxy.cfg
timeout = 60s
"""
#: HAProxy takes a new file some time after it was told.
PROBE = """\
import http.client, sys, time
host, port, file = sys.argv[1:]
wanted, until = f"200 version {open(file).read().split()[-1]}", time.monotonic() + 3
while True:
    asked = http.client.HTTPConnection(host, int(port), timeout=5)
    asked.request("GET", "/health", headers={"Connection": "close"})
    answer = asked.getresponse()
    found = f"{answer.status} {answer.read().decode().strip()}"
    if found == wanted:
        break
    if time.monotonic() > until:
        sys.exit(f"it says {found}, not {wanted}")
    time.sleep(0.05)
"""
REFUSED, BROKEN = "bindd 127.0.0.1:1", "http-request return status 503 if { path /health }"


class Proxies:
    """Three voters and more members, not started, each with an HAProxy of its own that serves version 0."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder = folder
        self.hosts = {f"node{number:03d}": f"127.0.0.{number}" for number in range(1, count + 1)}
        self.port = free_port(*self.hosts.values())
        self.voters = agents_on(folder, HOSTS)
        flags = self.voters[0].flags
        shared = flags[flags.index("-config") : flags.index("-bind-address")]
        more = [name for name in self.hosts if name not in HOSTS]
        self.agents = [
            *self.voters,
            *(AgentProcess(name, folder, *shared, "-bind-address", self.hosts[name]) for name in more),
        ]
        self.web = free_port("127.0.0.1")
        self.voters[1].flags += ("-web", f"127.0.0.1:{self.web}")
        (folder / "probe.py").write_text(PROBE)
        with (folder / "cluster.conf").open("a") as conf:
            for name, host in self.hosts.items():
                own = self.own(name)
                own.mkdir()
                facts = {"haproxy": shutil.which("haproxy"), "python": sys.executable, "probe": folder / "probe.py"}
                conf.write(SECTION.format(name=name, folder=own, host=host, port=self.port, **facts))

    def own(self, name: str) -> Path:
        return self.folder / f"etc-{name}"

    def source(self, version: int, more: str = "") -> str:
        text = SOURCE.replace("PORT", str(self.port)).replace("VERSION", str(version))
        return text.replace("MORE\n", more)

    @contextmanager
    def running(self, engine: str) -> Iterator[None]:
        """All agents, which keep the state in ``engine``, and all HAProxies."""
        with ExitStack() as stack:
            stack.enter_context(keeping(engine, self.folder / "cluster.conf"))
            for name, host in self.hosts.items():
                own, file = self.own(name), self.own(name) / "haproxy.cfg"
                file.write_text(self.source(0).replace('{{ node.address.rpartition(":")[0] }}', host))
                command = (str(shutil.which("haproxy")), "-W", "-q", "-f", str(file), "-p", f"{own}/haproxy.pid")
                stack.enter_context(service(*command))
                wait_for(f"HAProxy of {name} runs", lambda own=own: (own / "haproxy.pid").exists() or None)  # type: ignore[misc]
            stack.enter_context(fleet(*self.agents))
            formed(self.voters)
            seated(self.voters)
            yield

    def all_serve(self, version: int) -> bool:
        return all(serves(host, self.port, version) for host in self.hosts.values())

    def traces(self) -> dict[str, object]:
        """Of each node what would not be as before if anybody had touched it."""
        found: dict[str, object] = {}
        for name in self.hosts:
            file = self.own(name) / "haproxy.cfg"
            facts = file.stat()
            found[name] = (facts.st_ino, facts.st_mtime_ns, file.read_text(), (self.own(name) / "reloads").read_text())
        return found

    def asked(self, path: str) -> Any:
        """What a page reads at the second voter."""
        connection = http.client.HTTPConnection("127.0.0.1", self.web, timeout=30)
        try:
            connection.request("GET", f"/api/v1/config/{path}")
            answer = connection.getresponse()
            told = answer.read()
            assert answer.status == 200, told
            return json.loads(told)
        finally:
            connection.close()


def play(
    folder: Path, count: int, bad: Bad, engine: str = "embedded", timeout_s: int = 10
) -> dict[str, float | int | str]:
    """Version 1 to all, and then one that is no good, canary 1, under load; each node has ``timeout_s``."""
    cluster = Proxies(folder, count)
    canary, *others = cluster.hosts
    with cluster.running(engine), client_of(cluster.voters[1]) as client:
        client.configs.put(NAME, cluster.source(1))
        wait_for("all serve version 1", lambda: cluster.all_serve(1) or None, 120.0)
        wait_for("all say so", lambda: reported(client, 1, count) or None, 120.0)
        before = cluster.traces()
        more = f"    {REFUSED if bad == 'refused' else BROKEN}\n"
        (folder / "bad.j2").write_text(cluster.source(2, more))
        with Wrk(folder, f"http://{cluster.hosts[canary]}:{cluster.port}/", CONNECTIONS) as load:
            words = ("-rollout", f"canary=1,batch=25%,timeout={timeout_s}s", "-m", "faster", "-wait", "-o", "json")
            begun = time.monotonic()
            done = cluster.voters[2].cli("config", "put", NAME, str(folder / "bad.j2"), *words)
            took_s = time.monotonic() - begun
            wait_for("all say so", lambda: reported(client, 3, count) or None, 120.0)
        view = msgspec.json.decode(done.stdout, type=RolloutView)
        reason = "unknown keyword 'bindd'" if bad == "refused" else "it says 503"
        assert done.returncode == 1, done.stderr
        assert (view.state, view.result, view.released) == ("rolled-back", 3, 1), view
        assert view.why.startswith(f"{canary}: ") and reason in view.why, view.why
        history = json.loads(cluster.voters[0].cli("config", "history", NAME, "-o", "json").stdout)
        assert view.why in history[0]["reason"] and [one["version"] for one in history] == [3, 2, 1]
        page = cluster.asked(f"rollout?name={NAME}")
        assert (page["state"], page["why"]) == ("rolled-back", view.why)
        assert view.why in cluster.asked(f"history?name={NAME}")["versions"][0]["reason"]
        after = cluster.traces()
        touched = [name for name in others if after[name] != before[name]]
        assert touched == []
        assert (after[canary] == before[canary]) == (bad == "refused"), "what is refused is not put in place"
        wait_for("all serve version 1 again", lambda: cluster.all_serve(1) or None, 120.0)
    assert load.asked.failed == 0, load.asked
    return {
        "bad": bad,
        "agents": count,
        "until it is rolled back s": round(took_s, 2),
        "others touched": len(touched),
        "exit code": done.returncode,
        "requests of the canary": load.asked.answers,
        "requests failed": load.asked.failed,
        "why": view.why,
    }


def reported(client: StateClient, version: int, count: int) -> bool:
    """Whether every node says that it has that version in place."""
    nodes = client.rollouts.nodes(NAME)
    return len(nodes) == count and all(one.placed == version for node in nodes for one in node.files)
