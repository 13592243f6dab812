"""The client against the real server around a fake cluster."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from pycluster.client import AgentFailed, AgentUnreachable, Client, Denied, Endpoint, NotFound, Rejected, TimedOut
from pycluster.node.ports import Outcome
from pycluster.node.view import LocalHealthView
from tests.unit.web.fake import MEMBERS, STATUS, Agent


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    with Agent(tmp_path) as running:
        yield running


@pytest.fixture(params=["unix", "tcp"])
def client(agent: Agent, request: pytest.FixtureRequest) -> Client:
    tcp = Endpoint(host="127.0.0.1", port=agent.port)
    return Client(Endpoint(path=agent.path) if request.param == "unix" else tcp, timeout_s=30)


def test_every_read_is_what_the_cluster_says(client: Client) -> None:
    assert client.status() == STATUS
    assert client.members() == MEMBERS
    assert client.member("node002") == MEMBERS[1]
    assert client.leader() == STATUS.leader
    assert client.health().quorum
    assert client.ready().leader == "node001"
    assert client.version().protocol == (1, 2)
    assert client.settings() == {"cluster.name": {"value": "test", "source": "cluster.conf:2"}}
    assert client.explain("leader").answer == "because"
    assert client.explain("node", "node002").question == "Why node node002?"


def test_what_a_503_carries_is_an_answer(agent: Agent, client: Client) -> None:
    """§ docs/reference/http.md: health is 503 when critical, ready while there is no leader."""
    agent.cluster.view = msgspec.structs.replace(
        STATUS,
        health=LocalHealthView("critical", 9, ("late",)),
        leader=msgspec.structs.replace(STATUS.leader, leader="", reason="no quorum"),
    )
    assert client.health().reasons == ("late",)
    assert client.ready().reason == "no quorum"


def test_every_change_arrives_and_its_outcome_comes_back(agent: Agent, client: Client) -> None:
    agent.cluster.outcome = Outcome(True, "as you say")
    outcomes = {
        client.join(("192.0.2.1:7946", "node009")),
        client.leave(),
        client.force_leave("node003"),
        client.transfer("node002"),
        client.transfer(),
        client.add_voter("node004", dry_run=True),
        client.remove_voter("node003"),
        client.replace_voter("node003", "node004"),
        client.set_tags({"rack": "r1"}),
    }
    assert outcomes == {Outcome(True, "as you say")}
    assert agent.cluster.commands == [
        ("join", ("192.0.2.1:7946", "node009")),
        ("leave", None),
        ("force-leave", "node003"),
        ("raft-transfer", "node002"),
        ("raft-transfer", ""),
        ("raft-add", ("node004", True)),
        ("raft-remove", ("node003", False)),
        ("raft-replace", ("node003", "node004", False)),
        ("tags", {"rack": "r1"}),
    ]


def test_a_refusal_by_the_node_is_an_outcome_too(agent: Agent, client: Client) -> None:
    refused = agent.cluster.outcome = Outcome(False, "not left", "the quorum would be lost", "add a voter first")
    assert client.leave() == refused


def test_an_unknown_member_is_not_found(client: Client) -> None:
    for ask in (lambda: client.member("no such node?"), lambda: client.explain("node", "nobody")):
        with pytest.raises(NotFound) as raised:
            ask()
        assert "is known here" in raised.value.what


def test_a_request_that_the_agent_does_not_take_is_our_fault(client: Client) -> None:
    with pytest.raises(Rejected) as raised:
        client.join(())
    assert raised.value.why


def test_a_name_that_is_not_the_agents_is_rejected_with_its_reason(agent: Agent) -> None:
    assert Client(Endpoint(host="127.0.0.1", port=agent.port)).leader().leader == "node001"
    with pytest.raises(Rejected) as raised:
        Client(Endpoint(host="127.1", port=agent.port)).leader()
    assert "does not answer to the name" in raised.value.what


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(AgentUnreachable) as raised:
        Client(Endpoint(path=str(tmp_path / "agent.sock"))).status()
    assert "no such socket" in raised.value.why
    assert raised.value.remedy
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "agent.sock"))
    with pytest.raises(AgentUnreachable, match="no agent answers") as raised:
        Client(Endpoint(path=str(tmp_path / "agent.sock"))).status()
    assert "nobody listens" in raised.value.why
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(AgentUnreachable):
            Client(Endpoint(host="127.0.0.1", port=unused.getsockname()[1])).status()


def test_a_stopped_agent_times_out(tmp_path: Path) -> None:
    """The kernel still completes connections to a process that was stopped."""
    path = str(tmp_path / "agent.sock")
    with socket.socket(socket.AF_UNIX) as stopped:
        stopped.bind(path)
        stopped.listen()
        with pytest.raises(TimedOut) as raised:
            Client(Endpoint(path=path), timeout_s=0.05).status()
    assert "0.05 s" in raised.value.why


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", AgentUnreachable),
        (b"SSH-2.0-OpenSSH_9.2\r\n", AgentUnreachable),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", AgentFailed),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", AgentFailed),
        (b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", AgentFailed),
        (b"HTTP/1.1 500 Oh\r\nContent-Length: 4\r\n\r\noops", AgentFailed),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", AgentUnreachable),
        (b'HTTP/1.1 403 No\r\n\r\n{"error":{"what":"nope"}}', Denied),
        (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}", AgentUnreachable),
    ],
)
def test_somebody_else_there(tmp_path: Path, answer: bytes, kind: type[Exception]) -> None:
    with socket.socket(socket.AF_UNIX) as stranger:
        path = str(tmp_path / "s")
        stranger.bind(path)
        stranger.listen()
        thread = threading.Thread(target=_answer_once, args=(stranger, answer))
        thread.start()
        try:
            with pytest.raises(kind):
                Client(Endpoint(path=path), timeout_s=30).status()
        finally:
            thread.join()


def _answer_once(stranger: socket.socket, answer: bytes) -> None:
    connected, _ = stranger.accept()
    with connected:
        connected.recv(65536)
        connected.sendall(answer)


def test_a_socket_whose_path_is_longer_than_an_address_holds(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*(f"a-rather-long-directory-name-number-{n}" for n in range(4)))
    deep.mkdir(parents=True)
    path = str(deep / "agent.sock")
    assert len(os.fsencode(path)) > 107
    with Agent(tmp_path) as agent:
        os.rename(agent.path, path)
        client = Client(Endpoint(path=path))
        assert client.process_id() == os.getpid()
        assert client.leader().leader == "node001"


def test_the_process_at_the_other_end_is_known_over_the_unix_socket_only(agent: Agent) -> None:
    over_unix = Client(Endpoint(path=agent.path))
    assert over_unix.process_id() == os.getpid()
    assert over_unix.leader().leader == "node001"
    assert Client(Endpoint(host="127.0.0.1", port=agent.port)).process_id() is None


def test_a_socket_of_somebody_else_is_denied_and_says_whose(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        path = tmp_path / "s"
        with socket.socket(socket.AF_UNIX) as held:
            held.bind(str(path))
            held.listen()
            path.chmod(0)
            with pytest.raises(Denied) as raised:
                Client(Endpoint(path=str(path))).status()
        assert "only" in raised.value.why
        return
    child = os.fork()
    if child == 0:
        os._exit(_refused_as_nobody(tmp_path))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _refused_as_nobody(folder: Path) -> int:
    """In a child that gave root up: 0 where the client says Denied and whose the socket is."""
    try:
        path = folder / "s"
        with socket.socket(socket.AF_UNIX) as held:
            held.bind(str(path))
            held.listen()
            path.chmod(0o600)
            os.setuid(65534)
            try:
                Client(Endpoint(path=str(path))).status()
            except Denied:
                return 0
    except BaseException:
        return 2
    return 1
