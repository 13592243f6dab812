"""``state migrate`` as it is typed, between an agent and a real etcd, there and back."""

from __future__ import annotations

from pathlib import Path

import msgspec

from pycluster.controllers import fence_key
from pycluster.store import Command, LeaseGrant, Put, Range, RangeResult, Write
from tests.differential.etcd import Etcd
from tests.unit.cli.console import Ran, run
from tests.unit.web.fake import Agent
from tests.unit.web.fakestate import FakeState

CONFIG = b"/pycluster/config/entry/a"


def pairs(state: FakeState) -> dict[bytes, tuple[bytes, int]]:
    found = state.store.range(Range(b"\0", b"\0"))
    assert isinstance(found, RangeResult)
    return {pair.key: (pair.value, pair.lease) for pair in found.kvs}


def migrate(folder: Path, agent: Agent, etcd: Etcd, *words: str) -> Ran:
    conf = folder / "cluster.conf"
    conf.write_text(f"[nodes]\nnode001 = 127.0.0.1\n[state]\nendpoints = http://127.0.0.1:{etcd.port}\n")
    where = ("-config", str(conf), "-name", "node001", "-addr", f"unix:{agent.path}")
    return run("state", "migrate", *words, *where)


def keys(etcd: Etcd) -> int:
    status, body = etcd.ask("/v3/kv/range", b'{"key":"AA==","range_end":"AA==","count_only":true}')
    assert status == 200
    return int(msgspec.json.decode(body).get("count", 0))


def test_there_and_back_every_key_is_the_same(etcd: Etcd, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with Agent(tmp_path / "one") as agent:
        writes: list[Write] = [Put(b"%04d" % number, b"v%d" % number) for number in range(150)]
        writes += [Put(CONFIG, b"c"), Put(fence_key(1), b"7"), Put(b"\xff\0", b"\0"), LeaseGrant(600, 9)]
        for number, write in enumerate((*writes, Put(b"held", lease=9))):
            agent.state.store.apply(Command(b"%d" % number, write))

        rehearsed = migrate(tmp_path, agent, etcd, "-to", "etcd", "-dry-run", "-o", "json")
        assert (rehearsed.code, rehearsed.json["put"], rehearsed.json["leases"]) == (0, 153, 1), rehearsed
        assert keys(etcd) == 0
        done = migrate(tmp_path, agent, etcd, "-to", "etcd")
        assert done.code == 0, done
        assert "153 of revision 155: 153 written, 0 there already" in done.out and "equal, sha256 " in done.out
        assert "Not carried: older values, revisions and versions" in done.out
        assert "Now set engine = etcd under [state] on every node" in done.out
        assert keys(etcd) == 153
        again = migrate(tmp_path, agent, etcd, "-to", "etcd")
        assert again.code == 1 and "the target is not empty" in again.err and "--force" in again.err
        expected = pairs(agent.state)

    with Agent(tmp_path / "two") as agent:
        back = migrate(tmp_path, agent, etcd, "-to", "embedded", "-o", "json")
        assert (back.code, back.json["put"], back.json["later"]) == (0, 153, 0), back
        assert pairs(agent.state) == {key: value for key, value in expected.items() if key != fence_key(1)}
        assert agent.state.store.granted_ttl_s(9) == 600


def test_without_an_etcd_it_says_what_is_missing(etcd: Etcd, tmp_path: Path) -> None:
    with Agent(tmp_path) as agent:
        conf = tmp_path / "none.conf"
        conf.write_text("[nodes]\nnode001 = 127.0.0.1\n")
        where = ("-config", str(conf), "-name", "node001", "-addr", f"unix:{agent.path}")
        none = run("state", "migrate", "-to", "etcd", *where)
        assert none.code == 2 and "no etcd is named (write endpoints = https://HOST:2379" in none.err
        conf.write_text("[nodes]\nnode001 = 127.0.0.1\n[state]\nendpoints = http://127.0.0.1:1\n")
        down = run("state", "migrate", "-to", "etcd", "-dry-run", *where)
        assert down.code == 1 and "the migration stopped: no-leader: no member of etcd takes it" in down.err
