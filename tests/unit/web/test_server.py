"""The listening sockets, and the server that starts at the first call."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pycluster.kernel.errors import LocalFault
from pycluster.web import Bounds, LazyServer
from pycluster.web.asgi import WebApp
from pycluster.web.sockets import open_tcp, open_unix
from tests.unit.runtime.waiting import until
from tests.unit.web.fake import Agent, read_all

LAZY = """
import asyncio, os, sys
from pathlib import Path
from pycluster.web import Access, LazyServer, site
from tests.unit.web.fake import FakeCluster

HEAVY = ("uvicorn", "starlette", "httptools", "anyio", "prometheus_client")

async def main() -> None:
    server = LazyServer(site(FakeCluster(), Access.of("node001")), sys.argv[1])
    server.open()
    server.start()
    await asyncio.sleep(0)
    print([name for name in HEAVY if name in sys.modules], server.awake, flush=True)
    reader, writer = await asyncio.open_unix_connection(sys.argv[1])
    writer.write(b"GET /api/v1/leader HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
    answer = await reader.read()
    writer.close()
    print(answer[:15].decode(), [name for name in HEAVY if name in sys.modules], server.awake, flush=True)
    await server.stop()
    print(os.path.exists(sys.argv[1]), flush=True)

asyncio.run(main())
"""


def never() -> WebApp:
    raise AssertionError("nobody called")


def test_nothing_is_imported_before_the_first_call(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)}
    child = subprocess.run(
        [sys.executable, "-c", LAZY, str(tmp_path / "s")],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert child.stdout.splitlines() == [
        "[] False",
        "HTTP/1.1 200 OK ['uvicorn', 'starlette', 'httptools', 'anyio'] True",
        "False",
    ], child.stderr


def test_the_first_callers_all_get_their_answer(tmp_path: Path) -> None:
    with Agent(tmp_path) as agent:
        assert not agent.server.awake
        found: list[int] = []
        threads = [
            threading.Thread(
                target=lambda n=n: found.append(agent.ask("GET", "/api/v1/leader", unix=n % 2 == 0).status)
            )
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert found == [200] * 8


def test_an_agent_that_nobody_called_stops(tmp_path: Path) -> None:
    with Agent(tmp_path) as agent:
        pass
    assert not os.path.exists(agent.path)


def test_stopping_while_the_first_call_is_waiting(tmp_path: Path) -> None:
    with Agent(tmp_path) as agent:
        waiting = socket.create_connection(("127.0.0.1", agent.port))
    waiting.close()
    assert not os.path.exists(agent.path)


def test_an_import_that_hangs_does_not_hold_the_agents_end(tmp_path: Path) -> None:
    began, goes_on = threading.Event(), threading.Event()
    importing: list[threading.Thread] = []

    def hangs() -> WebApp:
        importing.append(threading.current_thread())
        began.set()
        goes_on.wait(20)
        raise OSError("gone")

    async def story() -> None:
        server = LazyServer(hangs, str(tmp_path / "s"))
        server.open()
        server.start()
        _, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
        await until(began.is_set)
        await server.stop()
        assert importing[0].is_alive() and importing[0].daemon
        writer.close()

    asyncio.run(story())
    assert not (tmp_path / "s").exists()
    goes_on.set()
    importing[0].join(60)


def test_signals_are_left_alone(tmp_path: Path) -> None:
    code = LAZY.replace("print([", "import signal; before = signal.getsignal(signal.SIGTERM)\n    print([").replace(
        "    await server.stop()", "    assert signal.getsignal(signal.SIGTERM) is before\n    await server.stop()"
    )
    assert code.count("before") == 2
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)}
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "s")], env=environment, check=True, timeout=60)


def test_a_factory_that_fails_closes_the_sockets(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Agent(tmp_path) as agent:
        agent.server._factory = never
        # Whoever was not taken from the queue yet is reset.
        with (
            socket.create_connection(("127.0.0.1", agent.port), timeout=30) as caller,
            contextlib.suppress(ConnectionResetError),
        ):
            assert read_all(caller) == b""
        assert "the HTTP interface cannot start" in caplog.text
        assert not os.path.exists(agent.path)


def test_the_unix_socket_is_the_users_own(tmp_path: Path) -> None:
    path = str(tmp_path / "agent.sock")
    with open_unix(path):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_a_dead_agents_socket_is_replaced(tmp_path: Path) -> None:
    path = str(tmp_path / "agent.sock")
    open_unix(path).close()
    assert os.path.exists(path)
    with open_unix(path) as again, socket.socket(socket.AF_UNIX) as caller:
        caller.connect(path)
        again.accept()[0].close()


def test_a_living_agents_socket_is_not(tmp_path: Path) -> None:
    path = str(tmp_path / "agent.sock")
    with open_unix(path), pytest.raises(LocalFault, match="another agent answers there"):
        open_unix(path)
    assert os.path.exists(path)


def test_another_kind_of_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    path.write_text("precious")
    with pytest.raises(LocalFault, match="another kind of file"):
        open_unix(str(path))
    assert path.read_text() == "precious"


def test_a_path_that_is_longer_than_a_socket_address_is_reached_through_its_directory(tmp_path: Path) -> None:
    directory = tmp_path / ("long" * 40)
    directory.mkdir()
    path = str(directory / "agent.sock")
    open_unix(path).close()
    assert os.path.exists(path)
    with open_unix(path), pytest.raises(LocalFault, match="another agent answers there"):
        open_unix(path)


def test_a_name_that_is_too_long_or_nowhere(tmp_path: Path) -> None:
    with pytest.raises(LocalFault, match="too long"):
        open_unix("/" + "x" * 107)
    with pytest.raises(LocalFault, match="No such file or directory"):
        open_unix(str(tmp_path / "missing" / "agent.sock"))


def test_stopping_leaves_a_successors_socket_alone(tmp_path: Path) -> None:
    with Agent(tmp_path) as agent:
        os.unlink(agent.path)
        successor = open_unix(agent.path)
    assert os.path.exists(agent.path)
    successor.close()


def test_a_port_in_use_says_so_and_leaves_nothing_open(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = LazyServer(never, str(tmp_path / "agent.sock"), ("127.0.0.1", port))
        with pytest.raises(LocalFault) as refused:
            server.open()
    assert str(refused.value).startswith(f"cannot listen on http://127.0.0.1:{port}: another process listens there")
    assert "-web" in refused.value.remedy
    assert not os.path.exists(tmp_path / "agent.sock")


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("192.0.2.1", "no such address"),
        ("no-such-host.invalid", "is no address"),
        ("2001:db8::1", "no such address|not supported"),
    ],
)
def test_an_address_that_is_not_ours(host: str, why: str) -> None:
    with pytest.raises(LocalFault, match=why):
        open_tcp(host, 0, 1)


def test_every_address_of_this_machine() -> None:
    (listener,) = open_tcp("", 0, 1)
    with listener, socket.create_connection(("127.0.0.1", listener.getsockname()[1])) as caller:
        assert caller.getpeername()[0] == "127.0.0.1"


def test_the_kernel_cuts_off_readers_that_take_nothing() -> None:
    (listener,) = open_tcp("127.0.0.1", 0, 7)
    with listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7_000


def test_a_request_that_never_ends_does_not_hold_the_agents_end(tmp_path: Path) -> None:
    with Agent(tmp_path, Bounds(shutdown_s=1)) as agent:
        caller = socket.create_connection(("127.0.0.1", agent.port), timeout=30)
        head = b"POST /api/v1/leave HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        caller.sendall(head + b"Expect: 100-continue\r\nContent-Length: 9\r\n\r\n")
        assert caller.recv(12) == b"HTTP/1.1 100"
    caller.close()
    assert agent.cluster.commands == []
