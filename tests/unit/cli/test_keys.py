"""``kv`` and ``lease``: what they print in every form, and their exit codes."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from pycluster import store
from pycluster.node.ports import StateHead
from tests.unit.cli.console import run
from tests.unit.cli.test_completion import completed
from tests.unit.web.fake import Agent
from tests.unit.web.fakestate import FakeState


def put(agent: Agent, key: bytes, value: bytes = b"1") -> None:
    agent.run(agent.state.ask(store.Put(key, value)))


def test_put_get_list_del(agent: Agent) -> None:
    done = run("kv", "put", "a/1", "one")
    assert (done.code, done.out, done.err) == (0, "written as revision 2\n", "")
    assert run("kv", "put", "a/2", "two", "-q").out == ""
    assert run("kv", "get", "a/1").raw == b"one"
    assert run("kv", "get", "a/1", terminal=True).out == "one\n"
    assert run("kv", "list").out.splitlines() == ["KEY  VALUE", "a/1  one", "a/2  two"]
    assert run("kv", "list", "a/", "-limit", "1", "-o", "name").out == "a/1\n"
    assert run("kv", "list", "a/", "-limit", "1").err == "1 of 2 keys, as of revision 3\n"
    assert run("kv", "list", "-keys-only").out == "KEY\na/1\na/2\n"
    assert run("kv", "get", "a", "--prefix", "-rev", "2", "-o", "name").out == "a/1\n"
    assert run("kv", "del", "a/1").out == "1 key deleted, revision 4\n"
    assert run("kv", "del", "a", "-prefix", "-prev").out.splitlines()[1:] == ["KEY  VALUE", "a/2  two"]
    assert run("kv", "list", "-q").out == ""


def test_what_is_not_there_ends_with_3(agent: Agent) -> None:
    for words in (("get", "a"), ("get", "a", "-o", "json"), ("del", "a"), ("get", "a", "-rev", "1")):
        done = run("kv", *words)
        assert (done.code, done.out) == (3, "")
        assert done.err.startswith("there is no key 'a'")
    assert run("kv", "del", "a", "-prefix").out == "0 keys deleted, revision 1\n"
    assert run("kv", "get", "a", "-prefix").code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("put", "k", "2", "-if-absent"),
        ("put", "k", "2", "-if-rev", "1"),
        ("put", "other", "2", "-if-rev", "2"),
        ("del", "k", "-if-rev", "1"),
    ],
)
def test_a_condition_that_does_not_hold_ends_with_3_and_says_how_it_is(agent: Agent, words: tuple[str, ...]) -> None:
    put(agent, b"k")
    done = run("kv", *words)
    assert (done.code, done.out, agent.state.store.revision) == (3, "", 2)
    assert done.err.startswith("the key is not as the condition says: the key ")


def test_a_condition_that_holds(agent: Agent) -> None:
    assert run("kv", "put", "k", "1", "-if-absent").code == 0
    assert run("kv", "put", "k", "2", "-if-rev", "2", "-prev").out.splitlines()[1:] == ["KEY  VALUE", "k    1"]
    assert run("kv", "del", "k", "-if-rev", "3").code == 0


def test_no_byte_is_lost_on_the_way(agent: Agent) -> None:
    every = bytes(range(256))
    for words in (("put", "k", "-"), ("put", "k")):
        assert run("kv", *words, piped=every).code == 0
        assert run("kv", "get", "k").raw == every
    assert run("kv", "put", "k", "-o", "json", "-prev", piped=b"\xff\n").json["previous"]["encoding"] == "base64"
    assert run("kv", "get", "k").raw == b"\xff\n"
    key = os.fsdecode(b"\xff\x01")
    assert run("kv", "put", key, "1").code == 0
    assert agent.state.asked[-1].request == store.Put(b"\xff\x01", b"1")
    assert run("kv", "get", key).raw == b"1"


def test_a_terminal_obeys_nothing_that_a_value_or_a_key_says(agent: Agent) -> None:
    put(agent, b"\x1b[2Jkey\xff", b"a\x1b]0;x\x07\n\xff\tb")
    key = os.fsdecode(b"\x1b[2Jkey\xff")
    assert run("kv", "get", key, terminal=True).out == "a?]0;x?\n\\xff\tb\n"
    for words in (("list",), ("list", "-o", "wide"), ("list", "-o", "name")):
        out = run("kv", *words, "-no-color", terminal=True).out
        assert "\x1b" not in out and "?[2Jkey\\xff" in out
    assert "(11 bytes)" in run("kv", "list").out


def test_a_long_value_is_cut_in_a_table(agent: Agent) -> None:
    put(agent, b"k", b"v" * 200)
    assert run("kv", "list", "-q").out == f"k  {'v' * 60}... (200 bytes)\n"


def test_the_forms(agent: Agent) -> None:
    put(agent, b"k")
    kv = run("kv", "get", "k", "-o", "json").json
    assert kv == agent.ask("GET", "/api/v1/kv?key=k").json["kvs"][0]
    assert run("kv", "list", "-o", "json").json == [kv]
    assert run("kv", "list", "-o", "jsonl").json == kv
    assert "mod_revision: 2" in run("kv", "get", "k", "-o", "yaml").out
    assert run("kv", "get", "k", "-o", "name").out == "k\n"
    wide = run("kv", "list", "-o", "wide").out.splitlines()
    assert wide[0].split() == ["KEY", "VALUE", "CREATED", "CHANGED", "VERSION", "LEASE"]
    assert wide[1].split() == ["k", "1", "2", "2", "1", "-"]
    assert run("kv", "del", "k", "-o", "json").json == {"revision": 3, "deleted": 1, "previous": []}


def test_watch_tells_each_change(agent: Agent) -> None:
    put(agent, b"a/1")
    put(agent, b"a/1", b"\xff")
    agent.run(agent.state.ask(store.DeleteRange(b"a/1")))
    words = ("kv", "watch", "a/", "-prefix", "-rev", "2", "-count", "3")
    assert run(*words).out.splitlines() == ["put a/1 1", "put a/1 (1 bytes)", "delete a/1"]
    assert run(*words, "-o", "wide", "-prev").out.splitlines() == [
        "2 put a/1 1",
        "3 put a/1 (1 bytes) (was 1)",
        "4 delete a/1 (was (1 bytes))",
    ]
    assert run(*words, "-o", "name").out == "a/1\n" * 3
    lines = run(*words, "-o", "jsonl").out.splitlines()
    assert ['"kind":"put"' in line for line in lines] == [True, True, False]
    assert run("kv", "watch", "a/1", "-rev", "4", "-count", "1").out == "delete a/1\n"


def test_a_watch_of_what_is_forgotten_fails(agent: Agent) -> None:
    put(agent, b"k")
    put(agent, b"k")
    assert run("kv", "compact").out == "compacted at revision 3\n"
    done = run("kv", "watch", "k", "-rev", "2")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("that revision is compacted")
    assert run("kv", "compact", "2").code == 1


class Seatless(FakeState):
    """The state as an agent without a seat has it: only the leader knows how far it is."""

    def head(self) -> StateHead:
        return msgspec.structs.replace(super().head(), revision=0, compact_revision=0, replica=False)


def test_all_is_compacted_by_an_agent_without_a_seat_too(tmp_path: Path) -> None:
    with Agent(tmp_path, state=Seatless) as agent:
        put(agent, b"k")
        put(agent, b"k")
        assert run("kv", "compact", "-addr", f"unix:{agent.path}").out == "compacted at revision 3\n"
        assert agent.state.store.compact_revision == 3


def test_everything_is_deleted_only_after_a_question(agent: Agent) -> None:
    put(agent, b"k")
    done = run("kv", "del", "", "-prefix", keys="n\n")
    assert (done.code, agent.state.store.revision) == (1, 2)
    assert run("kv", "del", "", "-prefix", keys="y\n").code == 0
    put(agent, b"k")
    assert run("kv", "del", "", "-prefix", "-y", keys="").code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("kv",),
        ("kv", "get"),
        ("kv", "get", "k", "-rev", "0"),
        ("kv", "get", "k", "-revision", "3"),
        ("kv", "got", "k"),
        ("kv", "put", "k", "1", "2"),
        ("kv", "put", "k", "1", "-lease", "xyz"),
        ("kv", "put", "", "1"),
        ("kv", "del", "k", "-prefix", "-if-rev", "3"),
        ("kv", "list", "-limit", "x"),
        ("kv", "watch"),
        ("lease", "grant", "soon"),
        ("lease", "ttl", "0"),
        ("lease", "revoke", "-1"),
        ("lock",),
        ("elect", "e", "-observe", "--", "true"),
    ],
)
def test_wrong_usage_ends_with_2(agent: Agent, words: tuple[str, ...]) -> None:
    done = run(*words)
    assert done.code == 2, done
    assert done.err


def test_a_value_is_not_waited_for_at_a_terminal(agent: Agent) -> None:
    done = run("kv", "put", "k", keys="")
    assert (done.code, "a value is missing" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("kind", "code"), [("no-leader", 5), ("timed-out", 6), ("overloaded", 1), ("no-space", 1), ("key-too-large", 2)]
)
def test_the_exit_code_says_what_kind_of_failure_it_was(agent: Agent, kind: store.FailureKind, code: int) -> None:
    agent.state.failures = [store.Failure(kind, "the reason")] * 1_000
    agent.ask("GET", "/api/v1/state")  # the server is awake
    done = run("kv", "put", "k", "1", "-timeout", "2s" if kind in store.RETRYABLE else "30s")
    assert (done.code, "the reason" in done.err) == (code, True)


def test_without_an_agent_it_ends_with_4(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("kv", "get", "k", "-addr", "unix:/nowhere/agent.sock").code == 4


def test_leases(agent: Agent) -> None:
    granted = run("lease", "grant", "1m", "-o", "name")
    lease = granted.out.strip()
    assert (granted.code, len(lease)) == (0, 16)
    assert run("kv", "put", "k", "1", "-lease", lease).code == 0
    agent.run(agent.state.pass_time(20))
    assert run("lease", "ttl", lease, "-keys").out.splitlines() == [
        f"lease: {lease}",
        "left:  40 s of 60 s",
        "key:   k",
    ]
    assert run("lease", "keep-alive", lease, "-once").out == f"lease {lease} lasts 60 s\n"
    assert run("lease", "list").out == f"LEASE\n{lease}\n"
    assert run("lease", "list", "-o", "json").json == [lease]
    assert run("lease", "ttl", lease, "-o", "json").json == {"id": lease, "ttl_s": 60, "granted_ttl_s": 60, "keys": []}
    assert run("lease", "revoke", lease).out == f"lease {lease} revoked, revision 3\n"
    for words in (("ttl",), ("revoke",), ("keep-alive",)):
        assert run("lease", *words, lease).code == 3
    assert run("lease", "grant", "500ms").out.endswith("granted for 1 s\n")


def test_keys_and_leases_are_completed(agent: Agent) -> None:
    for key in (b"apps/web/1", b"apps/web/2", b"apps/x", b"b\xff"):
        put(agent, key)
    agent.run(agent.state.ask(store.LeaseGrant(60, 0xABC)))
    assert completed("pycluster kv get ") == ["apps/"]
    assert completed("pycluster kv list apps/") == ["apps/web/", "apps/x"]
    assert completed("pycluster lease ttl ") == ["0000000000000abc"]
    assert completed("pycluster kv ") == ["get", "put", "del", "list", "watch", "compact"]
    assert completed("pycluster kv get ", PYCLUSTER_ADDR="unix:/nowhere") == []
