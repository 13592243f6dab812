"""Real services whose file agents render, under load: nginx on each of three nodes, HAProxy before two servers."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.cluster.agents import LIMIT_S, fleet, free_port, wait_for
from tests.cluster.loads import Wrk
from tests.cluster.rendered import Repeated, client_of
from tests.cluster.three import HOSTS, agents_on, formed, seated

#: Of each wrk. nginx breaks kept connections where it is told anew, so each request has one of its own.
CONNECTIONS = 4
NGINX = """\
worker_processes 1;
pid FOLDER/{{ node.name }}/nginx.pid;
error_log FOLDER/{{ node.name }}/error.log;
events {}
http {
    map $status $failed { ~^2 0; default 1; }
    access_log FOLDER/{{ node.name }}/failed.log combined if=$failed;
    client_body_temp_path FOLDER/{{ node.name }}/body;
    proxy_temp_path FOLDER/{{ node.name }}/proxy;
    fastcgi_temp_path FOLDER/{{ node.name }}/fastcgi;
    uwsgi_temp_path FOLDER/{{ node.name }}/uwsgi;
    scgi_temp_path FOLDER/{{ node.name }}/scgi;
    server {
        listen {{ node.address.rpartition(":")[0] }}:PORT;
        location / { return 200 "version {{ key("web/version", "0") }}\\n"; }
    }
}
# {{ key("web/version", "0") }}
"""
NGINX_SECTION = """
[template nginx-{name}]
nodes = node:{name}
entry = nginx.j2
destination = {folder}/nginx.conf
keys = web/
check = {nginx} -t -q -e {folder}/check.log -c {{file}}
reload = {nginx} -s reload -e {folder}/check.log -c {folder}/nginx.conf
"""
HAPROXY = """\
global
    maxconn 200
defaults
    mode http
    timeout connect 10s
    timeout client 60s
    timeout server 60s
    option idle-close-on-response
frontend web
    bind 127.0.0.1:PORT
    http-request return status 200 content-type text/plain string "version {{ key("web/version", "0") }}" if { path / }
    http-request return status 200 content-type text/plain string "{{ members | map(attribute="name") | join(" ") }}" \
if { path /members }
    default_backend app
backend app
{% for name, address in keys("web/servers/").items() %}
    server {{ name.rpartition("/")[2] }} {{ address }}
{% endfor %}
# {{ key("web/version", "0") }}
"""
HAPROXY_SECTION = """
[template haproxy]
nodes = node:node001
entry = haproxy.j2
destination = {folder}/haproxy.cfg
keys = web/
check = {haproxy} -c -f {{file}}
reload = /bin/sh -c "kill -USR2 $(cat {folder}/haproxy.pid)"
"""


def text_at(host: str, port: int, path: str = "/") -> str:
    """What is served there."""
    connection = http.client.HTTPConnection(host, port, timeout=LIMIT_S)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        answer = connection.getresponse()
        text = answer.read().decode().strip()
        assert answer.status == 200, text
        return text
    finally:
        connection.close()


def serves(host: str, port: int, version: int) -> bool:
    return text_at(host, port) == f"version {version}"


def whole(file: Path, first: str) -> int:
    """The version that a reader finds there; fails where it is neither old nor new."""
    text = file.read_text()
    found = re.search(r'"version (\d+)', text)
    assert found is not None and text.startswith(first) and text.endswith(f"\n# {found[1]}\n"), f"{file} is torn"
    return int(found[1])


def failures_of(*readers: Repeated) -> list[str]:
    return [line for one in readers for line in one.failures]


@contextmanager
def service(*command: str) -> Iterator[None]:
    """A program in the foreground, told to end at the end."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


# --- nginx ------------------------------------------------------------------------------------------------------------


@contextmanager
def nginx_on(folder: Path, name: str, host: str, port: int) -> Iterator[Path]:
    """A real nginx that serves version 0; its configuration file."""
    own = folder / name
    own.mkdir()
    text = NGINX.replace("FOLDER", str(folder)).replace("PORT", str(port)).replace("{{ node.name }}", name)
    text = text.replace('{{ node.address.rpartition(":")[0] }}', host)
    (own / "nginx.conf").write_text(text.replace('{{ key("web/version", "0") }}', "0"))
    nginx = str(shutil.which("nginx"))
    with service(nginx, "-e", f"{own}/error.log", "-c", f"{own}/nginx.conf", "-g", "daemon off;"):
        wait_for(f"nginx of {name} runs", lambda: (own / "nginx.pid").exists() or None)
        yield own / "nginx.conf"


def play_nginx(folder: Path, changes: int) -> dict[str, float | int | str]:
    """``changes`` one after the other, each with a reload on three nodes, under three wrk: every request is answered,
    nobody ever reads half a file; how long it takes until all three serve what was written.
    """
    port = free_port(*HOSTS.values())
    agents = agents_on(folder, HOSTS)
    own = folder / "nginx"
    own.mkdir()
    source = NGINX.replace("FOLDER", str(own)).replace("PORT", str(port))
    with (folder / "cluster.conf").open("a") as conf:
        for name in HOSTS:
            conf.write(NGINX_SECTION.format(name=name, folder=own / name, nginx=shutil.which("nginx")))
    waits: list[tuple[float, float]] = []
    with ExitStack() as stack:
        files = [stack.enter_context(nginx_on(own, name, host, port)) for name, host in HOSTS.items()]
        stack.enter_context(fleet(*agents))
        formed(agents)
        seated(agents)
        client = stack.enter_context(client_of(agents[1]))
        client.configs.put("nginx.j2", source)
        readers = [Repeated(lambda file=file: whole(file, "worker_processes")) for file in files]  # type: ignore[misc]
        loads = [Wrk(own, f"http://{host}:{port}/", CONNECTIONS, "Connection: close") for host in HOSTS.values()]
        with ExitStack() as meanwhile:
            for one in (*readers, *loads):
                meanwhile.enter_context(one)  # type: ignore[arg-type]
            for version in range(1, changes + 1):
                client.put("web/version", str(version))
                waits.append(followed(files, port, version))
            refused = sum(len((own / name / "failed.log").read_text().splitlines()) for name in HOSTS)
        assert failures_of(*readers) == []
        told = [line for name in HOSTS for line in (own / name / "error.log").read_text().splitlines()]
    assert [line for line in told if re.search(r"\[(warn|error|crit|alert|emerg)\]", line)] == []
    failed = sum(one.asked.failed for one in loads)
    assert failed == 0, [one.asked for one in loads]
    assert refused == 0, f"nginx answered {refused} requests with something else"
    return {
        "changes": changes,
        "requests": sum(one.asked.answers for one in loads),
        "requests failed": failed + refused,
        "reads of the files": sum(one.done for one in readers),
        **figures("files in place", [placed for placed, _ in waits]),
        **figures("served by all", [served for _, served in waits]),
    }


def followed(files: list[Path], port: int, version: int) -> tuple[float, float]:
    """Seconds from now until all files are in place, and until all three serve them."""
    begun = time.monotonic()
    placed = 0.0
    hosts = list(HOSTS.values())
    while hosts:
        if not placed and all(whole(file, "worker_processes") == version for file in files):
            placed = time.monotonic() - begun
        hosts = [host for host in hosts if not serves(host, port, version)]
        assert time.monotonic() < begun + 60, f"change {version} is not followed by {hosts}"
        time.sleep(0.003 if hosts else 0)
    served = time.monotonic() - begun
    return placed or served, served


def figures(what: str, seconds: list[float]) -> dict[str, float]:
    """Median, 99th percentile and worst."""
    ordered = sorted(seconds)
    rank = max(-(-len(ordered) * 99 // 100), 1) - 1
    found = {"median": ordered[len(ordered) // 2], "99th percentile": ordered[rank], "worst": ordered[-1]}
    return {f"{what} after s, {name}": round(value, 3) for name, value in found.items()}


# --- HAProxy ----------------------------------------------------------------------------------------------------------


class Servers(threading.Thread):
    """Small servers of HTTP on loopback, each of which says its own name, in a ``with``."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self._names = names
        self._begun = threading.Event()
        self._end: Callable[[], object] = lambda: None
        self._open: set[asyncio.StreamWriter] = set()
        self.ports: dict[str, int] = {}

    def run(self) -> None:
        asyncio.run(self._all())

    async def _all(self) -> None:
        over, loop = asyncio.Event(), asyncio.get_running_loop()
        self._end = lambda: loop.call_soon_threadsafe(over.set)
        servers = [await self._start(name) for name in self._names]
        self._begun.set()
        await over.wait()
        for server in servers:
            server.close()
        # Whoever speaks with them keeps its connections: left open they would end as garbage, in some later test.
        for writer in self._open:
            writer.transport.abort()
        await asyncio.gather(*(writer.wait_closed() for writer in self._open), return_exceptions=True)

    async def _start(self, name: str) -> asyncio.Server:
        answer = f"HTTP/1.1 200 OK\r\nContent-Length: {len(name)}\r\n\r\n{name}".encode()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._open.add(writer)
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    await reader.readuntil(b"\r\n\r\n")
                    writer.write(answer)
            self._open.discard(writer)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self.ports[name] = server.sockets[0].getsockname()[1]
        return server

    def __enter__(self) -> Servers:
        self.start()
        assert self._begun.wait(60)
        return self

    def __exit__(self, *error: object) -> None:
        self._end()
        self.join()


@contextmanager
def haproxy_on(folder: Path, port: int) -> Iterator[Path]:
    """A real HAProxy, a master with its worker, that serves version 0; its configuration file."""
    file, haproxy = folder / "haproxy.cfg", str(shutil.which("haproxy"))
    head, _, _ = HAPROXY.replace("PORT", str(port)).partition("    http-request return status 200")
    answer = '    http-request return status 200 content-type text/plain string "version 0"\n'
    file.write_text(f"{head}{answer}# 0\n")
    with service(haproxy, "-W", "-q", "-f", str(file), "-p", f"{folder}/haproxy.pid"):
        wait_for("HAProxy runs", lambda: (folder / "haproxy.pid").exists() or None)
        yield file


def play_haproxy(folder: Path, changes: int) -> dict[str, float | int | str]:
    """``changes`` of what one HAProxy serves and whom it asks, under wrk: every request is answered."""
    port = free_port("127.0.0.1")
    agents = agents_on(folder, HOSTS)
    own = folder / "haproxy"
    own.mkdir()
    with (folder / "cluster.conf").open("a") as conf:
        conf.write(HAPROXY_SECTION.format(folder=own, haproxy=shutil.which("haproxy")))
    waits: list[float] = []
    with Servers("one", "two") as servers, haproxy_on(own, port) as file, fleet(*agents):
        formed(agents)
        seated(agents)
        load, reader = Wrk(own, f"http://127.0.0.1:{port}/app", CONNECTIONS), Repeated(lambda: whole(file, "global"))
        with client_of(agents[1]) as client:
            client.put("web/servers/one", f"127.0.0.1:{servers.ports['one']}")
            client.configs.put("haproxy.j2", HAPROXY.replace("PORT", str(port)))
            wait_for("it serves all", lambda: text_at("127.0.0.1", port, "/members") == " ".join(HOSTS) or None)
            wait_for("it has a server", lambda: text_at("127.0.0.1", port, "/app") == "one" or None)
            heard: set[str] = set()
            with load, reader:
                for version in range(1, changes + 1):
                    # Whom it asks changes too: one, both, both, one, ...
                    if version % 4 == 1:
                        client.put("web/servers/two", f"127.0.0.1:{servers.ports['two']}")
                    elif version % 4 == 3:
                        client.delete("web/servers/two")
                    client.put("web/version", str(version))
                    begun = time.monotonic()
                    wait_for(f"version {version}", lambda v=version: serves("127.0.0.1", port, v) or None)  # type: ignore[misc]
                    waits.append(time.monotonic() - begun)
                    heard |= {text_at("127.0.0.1", port, "/app") for _ in range(4)}
        assert heard == ({"one", "two"} if changes else {"one"})
        assert failures_of(reader) == []
    assert load.asked.failed == 0, load.asked
    return {
        "changes": changes,
        "requests": load.asked.answers,
        "requests failed": load.asked.failed,
        **figures("served", waits),
    }
