"""A client written for etcd, its agents real ones: what it writes at one is there at the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.audience import four


@pytest.mark.slow
def test_etcd3gw_works_with_every_agent(tmp_path: Path) -> None:
    etcd3gw = pytest.importorskip("etcd3gw")
    with four(tmp_path) as (_, webs):
        clients = [etcd3gw.client(*web.split(":")) for web in webs]
        for number, client in enumerate(clients):
            assert client.put(f"config/{number}", f"value {number}")
        for client in clients:
            assert [value for value, _ in client.get_prefix("config/")] == [f"value {at}".encode() for at in range(4)]
        first, last = clients[0], clients[-1]
        assert first.create("once", "first")
        assert not last.create("once", "last")
        assert last.replace("once", "first", "second")

        watching, stop = last.watch_prefix("config/", start_revision=2)
        assert first.delete("config/0")
        told = [next(watching) for _ in range(5)]
        assert [event["kv"]["key"] for event in told] == [f"config/{at}".encode() for at in (0, 1, 2, 3, 0)]
        stop()

        lease = last.lease(60)
        assert first.put("leased", "x", lease=lease)
        assert lease.keys() == [b"leased"]
        assert 0 < lease.ttl() <= 60
        assert lease.revoke()
        assert first.get("leased") == []

        with first.lock("one", ttl=60) as lock:
            assert lock.is_acquired()
            assert not last.lock("one", ttl=60).acquire()
        assert last.lock("one", ttl=60).acquire()
        assert first.status()["header"]["cluster_id"] == last.status()["header"]["cluster_id"]
        assert {member["name"] for member in last.members()} >= {"node001", "node002", "node003"}
