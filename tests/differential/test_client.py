"""A client written for etcd works with an agent as it is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.differential.local import LocalState
from tests.unit.web.fake import Agent


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    with Agent(tmp_path, state=lambda: LocalState(lambda: time.monotonic_ns() // 1_000)) as running:
        yield running


def test_etcd3gw_works_unchanged(agent: Agent) -> None:
    etcd3gw = pytest.importorskip("etcd3gw")
    client = etcd3gw.client("127.0.0.1", agent.port)
    assert client.api_path == "/v3/"

    assert client.put("config/a", "one")
    assert client.get("config/a") == [b"one"]
    assert client.get("config/none") == []
    assert client.create("config/b", "two")
    assert not client.create("config/b", "three")
    assert client.replace("config/b", "two", "four")
    assert not client.replace("config/b", "two", "five")
    assert [value for value, _ in client.get_prefix("config/", sort_order="descend")] == [b"four", b"one"]
    assert [meta["key"] for _, meta in client.get_all(sort_target="mod", sort_order="ascend")] == [
        b"config/a",
        b"config/b",
    ]

    watching, stop = client.watch("config/a")
    client.put("config/a", "six")
    event = next(watching)
    assert (event["kv"]["key"], event["kv"]["value"]) == (b"config/a", b"six")
    stop()
    past, stop = client.watch_prefix("config/", start_revision=2)
    assert [next(past)["kv"]["value"] for _ in range(4)] == [b"one", b"two", b"four", b"six"]
    stop()

    lease = client.lease(60)
    client.put("leased", "x", lease=lease)
    assert lease.keys() == [b"leased"]
    assert 0 < lease.ttl() <= 60
    assert lease.refresh() == 60
    assert lease.revoke()
    assert client.get("leased") == []

    with client.lock("one", ttl=60) as lock:
        assert lock.is_acquired()
        assert not client.lock("one", ttl=60).acquire()
    assert not lock.is_acquired()

    assert client.delete("config/a")
    assert not client.delete("config/a")
    assert client.delete_prefix("config/")
    assert client.status()["header"]["member_id"]
    assert {member["name"] for member in client.members()} == {"node001", "node002"}
