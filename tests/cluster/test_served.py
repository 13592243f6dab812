"""Real services reconfigured and reloaded under load by the files that agents render: nobody's request fails."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.cluster import served
from tests.cluster.loads import missing

CHANGES = 12


@pytest.mark.slow
@pytest.mark.skipif(bool(missing("nginx")), reason=missing("nginx"))
def test_nginx_on_three_nodes_follows_under_load(tmp_path: Path) -> None:
    told = served.play_nginx(tmp_path, CHANGES)
    assert (told["changes"], told["requests failed"]) == (CHANGES, 0)
    assert int(told["requests"]) > 0


@pytest.mark.slow
@pytest.mark.skipif(bool(missing("haproxy")), reason=missing("haproxy"))
def test_haproxy_gets_and_loses_servers_under_load(tmp_path: Path) -> None:
    told = served.play_haproxy(tmp_path, CHANGES)
    assert (told["changes"], told["requests failed"]) == (CHANGES, 0)
    assert int(told["requests"]) > 0


def test_the_small_servers_end_the_connections_that_others_keep() -> None:
    with served.Servers("one") as servers:
        kept = socket.create_connection(("127.0.0.1", servers.ports["one"]), timeout=30)
        kept.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert kept.recv(100).endswith(b"one")
    with kept:
        assert kept.recv(100) == b""
