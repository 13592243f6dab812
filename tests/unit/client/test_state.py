"""The clients of the replicated state against the real server around the real store."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

import pycluster
from pycluster import store
from pycluster.client import (
    AgentFailed,
    AgentUnreachable,
    Compacted,
    CompareFailed,
    NoAgent,
    NoQuorum,
    NotFound,
    Rejected,
    TimedOut,
    TooLarge,
)
from pycluster.client.blocking import StateClient
from pycluster.kernel.errors import LocalMisuse, PyClusterError
from tests.unit.web.fake import Agent


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    with Agent(tmp_path) as running:
        yield running


@pytest.fixture(params=["unix", "tcp"])
def client(agent: Agent, request: pytest.FixtureRequest) -> Iterator[StateClient]:
    address = f"unix:{agent.path}" if request.param == "unix" else f"127.0.0.1:{agent.port}"
    with pycluster.connect(address, timeout_s=30) as connected:
        yield connected


def test_keys_and_values_are_bytes_or_text(client: StateClient) -> None:
    every = bytes(range(256))
    assert client.put("text", "ž").revision == 2
    assert client.put(b"\xff", every).revision == 3
    assert client.get("text") == store.KeyValue(b"text", "ž".encode(), 2, 2, 1)
    found = client.get(b"\xff")
    assert found is not None and found.value == every
    assert client.get("nothing") is None
    assert [kv.key for kv in client.list().kvs] == [b"text", b"\xff"]
    assert client.list("te", keys_only=True).kvs[0].value == b""
    assert client.list("", limit=1).more
    assert client.delete("text", prev_kv=True).previous[0].value == "ž".encode()
    assert client.delete("", prefix=True).deleted == 1
    assert client.get("text", revision=3, serializable=True) is not None


def test_a_large_value_goes_both_ways(client: StateClient) -> None:
    large = b"\x01" * (1 << 20)  # text whose JSON is six times as long is refused, base64 is not
    client.put("large", b"\xff" + large[1:])
    found = client.get("large")
    assert found is not None and len(found.value) == 1 << 20


def test_a_list_that_is_too_much_for_one_answer_comes_in_pieces_of_one_revision(
    agent: Agent, client: StateClient
) -> None:
    for number in range(40):
        client.put(f"k/{number:02}", b"v" * 100_000)
    agent.state.asked.clear()
    found = client.list("k/")
    assert [kv.key for kv in found.kvs] == [b"k/%02d" % number for number in range(40)]
    assert (found.revision, found.count, found.more) == (41, 40, False)
    revisions = [asked.request.revision for asked in agent.state.asked if isinstance(asked.request, store.Range)]
    assert set(revisions) == {0, 41}
    some = client.list("k/", limit=30)
    assert (len(some.kvs), some.count, some.more) == (30, 40, True)
    with pytest.raises(TooLarge):
        client.range(store.Range(b"k", b"l"))


def test_a_list_of_more_keys_than_one_request_looks_at_goes_on_while_others_write(
    agent: Agent, client: StateClient
) -> None:
    held = agent.state.store
    held.params = msgspec.structs.replace(held.params, keys_max=1_100)
    for number in range(2_200):
        held.apply(store.Command(b"", store.Put(b"k/%04d" % number)))
    held.apply(store.Command(b"", store.DeleteRange(b"k/21", b"k/2150")))
    found = client.list("k/", revision=held.revision - 1)
    assert [kv.key for kv in found.kvs] == [b"k/%04d" % number for number in range(2_200)]
    assert (found.count, found.more) == (2_200, False)


def test_conditions(client: StateClient) -> None:
    first = client.put("k", "1", if_absent=True)
    with pytest.raises(CompareFailed) as raised:
        client.put("k", "2", if_absent=True)
    assert "version 1" in raised.value.why
    second = client.put("k", "2", if_mod_revision=first.revision, prev_kv=True)
    assert second.previous is not None and second.previous.value == b"1"
    with pytest.raises(CompareFailed):
        client.delete("k", if_version=1)
    assert client.delete("k", if_version=2).deleted == 1


def test_a_transaction(client: StateClient) -> None:
    wanted = pycluster.Put(b"k", b"\xff"), pycluster.Range(b"k", sort_order="descend", sort_target="mod")
    #: Conditions are of what was there before, those of inner transactions too.
    inner = pycluster.Txn((pycluster.Compare(b"k", "value", "not_equal", value=b"\xff"),), (), (wanted[1],))
    done = client.txn([pycluster.Compare(b"k", "create")], [*wanted, inner], [pycluster.DeleteRange(b"k")])
    assert done.succeeded
    kv = store.KeyValue(b"k", b"\xff", 2, 2, 1)
    read = store.RangeResult(2, (kv,), 1)
    assert done.results[:2] == (store.PutResult(2), read)
    last = done.results[2]
    assert isinstance(last, store.TxnResult)
    assert (last.succeeded, last.results) == (False, (read,))
    again = client.txn([pycluster.Compare(b"k", "create")], [], [pycluster.DeleteRange(b"k", prev_kv=True)])
    assert again.results == (store.DeleteResult(3, 1, (kv,)),)


def test_leases_by_hand(agent: Agent, client: StateClient) -> None:
    granted = client.grant(60)
    client.put("k", "1", lease=granted.id)
    agent.run(agent.state.pass_time(20))
    left = client.time_to_live(granted.id, keys=True)
    assert (left.ttl_s, left.granted_ttl_s, left.keys) == (40, 60, (b"k",))
    assert client.keep_alive(granted.id) == 60
    assert client.leases() == (granted.id,)
    client.revoke(granted.id)
    assert client.get("k") is None
    for gone in (client.keep_alive, client.time_to_live, client.revoke):
        with pytest.raises(NotFound):
            gone(granted.id)


def test_compaction_and_the_state(client: StateClient) -> None:
    client.put("k", "1")
    client.put("k", "2")
    assert client.compact(3) == 3
    with pytest.raises(Compacted) as raised:
        client.get("k", revision=2)
    assert raised.value.resume_revision == 3
    assert (client.state().compact_revision, client.state().revision) == (3, 3)
    assert client.agent.leader().leader == "node001"


@pytest.mark.parametrize("kind", sorted(store.RETRYABLE))
def test_what_may_be_tried_again_is_and_a_change_under_one_id(agent: Agent, kind: store.FailureKind) -> None:
    with pycluster.connect(agent.path) as client:
        agent.state.failures = [store.Failure(kind)] * 3
        client.put("k", "1")
        asked = [asked.request_id for asked in agent.state.asked]
        assert len(asked) == 4
        assert len(set(asked)) == 1
        client.put("k", "2")
        assert agent.state.asked[-1].request_id not in asked
        client.put("k", "3", request_id="mine")
        assert agent.state.asked[-1].request_id == b"mine"


def test_a_change_whose_answer_got_lost_is_made_once(agent: Agent) -> None:
    with pycluster.connect(agent.path) as client:
        revisions = [client.put("k", "1", if_absent=True, request_id="once").revision for _ in range(2)]
    assert revisions == [2, 2]


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("no-leader", NoQuorum),
        ("timed-out", TimedOut),
        ("outcome-unknown", TimedOut),
        ("overloaded", AgentFailed),
        ("no-space", AgentFailed),
        ("too-many-leases", AgentFailed),
        ("key-too-large", Rejected),
        ("lease-not-found", NotFound),
    ],
)
def test_every_failure_is_an_error_of_ours(agent: Agent, kind: store.FailureKind, error: type[Exception]) -> None:
    agent.ask("GET", "/api/v1/state")  # the server is awake
    again = kind in store.RETRYABLE
    with pycluster.connect(agent.path, timeout_s=1 if again else 30) as client:
        failed = raised(agent, lambda: client.put("k", "1"), store.Failure(kind, "the reason"), tries=4 if again else 1)
        assert type(failed) is error
        assert "the reason" in str(failed)


def test_a_change_that_may_have_been_made_is_not_called_refused(agent: Agent) -> None:
    agent.ask("GET", "/api/v1/state")  # the server is awake
    with pycluster.connect(agent.path, timeout_s=1) as client:
        leaderless = store.Failure("no-leader")
        failed = raised(agent, lambda: client.put("k", "1"), store.Failure("outcome-unknown"), leaderless)
        assert isinstance(failed, TimedOut)
        failed = raised(agent, lambda: client.get("k"), store.Failure("timed-out"), leaderless)
        assert isinstance(failed, NoQuorum)


def raised(agent: Agent, ask: Callable[[], object], *failures: store.Failure, tries: int = 4) -> PyClusterError:
    """What it ends with where the tries fail so, all further ones as the last; made anew where there were too few.

    A busy machine may have no time for a second try. One that was answered is followed by a third, and a fourth may be
    what was left of the time before.
    """
    for _ in range(30):
        agent.state.failures = [*failures, *[failures[-1]] * 1_000]
        before = len(agent.state.failures)
        with pytest.raises(PyClusterError) as failed:
            ask()
        if before - len(agent.state.failures) >= tries:
            return failed.value
    raise AssertionError("there are too few tries")


def test_nobody_there_is_said_at_once(tmp_path: Path) -> None:
    with pycluster.connect(f"unix:{tmp_path}/agent.sock", timeout_s=3_600) as client:
        with pytest.raises(AgentUnreachable):
            client.get("k")
        with pytest.raises(AgentUnreachable):
            next(client.watch("k"))


def test_bad_input_is_refused(client: StateClient) -> None:
    for wrong in ("", "\n", "x" * 65):
        if wrong:
            with pytest.raises(LocalMisuse):
                client.put("k", "1", request_id=wrong)
    with pytest.raises(Rejected):
        client.put("", "1")
    with pytest.raises(Rejected):
        client.put("k", "1", if_version=-1)
    with pytest.raises(Rejected):
        client.grant(0)
    with pytest.raises(LocalMisuse):
        client.lock("")


@pytest.mark.parametrize("wrong", [2**64 + 291, 1 << 63, -(1 << 63) - 1])
def test_a_lease_of_more_than_64_bits_is_refused_before_it_is_sent(client: StateClient, wrong: int) -> None:
    client.grant(60, 291)
    asks: tuple[Callable[[], object], ...] = (
        lambda: client.put("k", "1", lease=wrong),
        lambda: client.txn((), (store.Put(b"k", b"1", wrong),)),
        lambda: client.txn((store.Compare(b"k", "lease", "equal", wrong),)),
        lambda: client.grant(60, wrong),
        lambda: client.keep_alive(wrong),
        lambda: client.time_to_live(wrong),
        lambda: client.revoke(wrong),
    )
    for ask in asks:
        with pytest.raises(LocalMisuse, match="no lease"):
            ask()
    assert client.leases() == (291,) and client.get("k") is None
    assert client.grant(60, (1 << 63) - 1).id == (1 << 63) - 1


def test_a_long_path_of_a_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    with Agent(deep) as agent, pycluster.connect(agent.path) as client:
        assert client.put("k", "1").revision == 2


def test_the_same_without_waiting(agent: Agent) -> None:
    async def work() -> None:
        async with pycluster.connect_async(agent.path) as client:
            await asyncio.gather(*(client.put(f"k/{number}", "1") for number in range(20)))
            assert len((await client.list("k/")).kvs) == 20
            assert await client.get("none") is None
            granted = await client.grant(60)
            await client.revoke(granted.id)
            assert await client.leases() == ()

    asyncio.run(work())


def test_which_agent(agent: Agent, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYCLUSTER_ADDR", f"127.0.0.1:{agent.port}")
    with pycluster.connect() as client:
        assert client.put("k", "1").revision == 2
    monkeypatch.delenv("PYCLUSTER_ADDR")
    monkeypatch.setenv("PYCLUSTER_DATA_DIR", str(Path(agent.path).parent))
    with pycluster.connect() as client:
        assert client.get("k") is not None
    monkeypatch.delenv("PYCLUSTER_DATA_DIR")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "none"))
    with pytest.raises(NoAgent):
        pycluster.connect()
    with pytest.raises(LocalMisuse):
        pycluster.connect("https://example.org:1")


def test_pycluster_itself_imports_no_client_until_it_is_asked() -> None:
    source = Path(pycluster.__file__).parents[1]
    program = (
        f"import sys; sys.path.insert(0, {str(source)!r}); import pycluster; "
        "assert not [name for name in sys.modules if name.startswith('pycluster.') and name != 'pycluster.face']; "
        "import pycluster.client; assert 'asyncio' not in sys.modules; "
        "from pycluster import face; [getattr(pycluster, name) for name in face.OFFERED]"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    with pytest.raises(AttributeError, match="no attribute 'disconnect'"):
        _ = pycluster.disconnect  # type: ignore[attr-defined]
