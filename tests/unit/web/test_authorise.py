"""The one seam: who may do what."""

from __future__ import annotations

import pytest

from pycluster.kernel.errors import Refused
from pycluster.web.asgi import Scope
from pycluster.web.authorise import Action, Caller, authorise, caller_of

CHANGES: tuple[Action, ...] = (
    "join",
    "leave",
    "force-leave",
    "raft-transfer",
    "raft-add",
    "raft-remove",
    "raft-replace",
    "tags",
    "kv",
)


def scope(client: tuple[str, int] | None, server: tuple[str, int | None] | None, *, unix: bool | None = False) -> Scope:
    state = {} if unix is None else {"unix": unix}
    return {"type": "http", "client": client, "server": server, "headers": [], "state": state}


@pytest.mark.parametrize("action", CHANGES)
@pytest.mark.parametrize(
    ("peer", "local"),
    [("127.0.0.1", "127.0.0.1"), ("127.0.0.5", "127.0.0.1"), ("::1", "::1"), ("::ffff:127.0.0.1", "::ffff:127.0.0.1")],
)
def test_a_process_of_this_machine_may_change(action: Action, peer: str, local: str) -> None:
    authorise(caller_of(scope((peer, 50000), (local, 8080))), action)


@pytest.mark.parametrize("action", CHANGES)
@pytest.mark.parametrize(
    ("peer", "local"),
    [
        ("192.0.2.9", "192.0.2.1"),
        ("192.0.2.1", "192.0.2.1"),  # this machine through its outer address: another user's container may look so too
        ("127.0.0.1", "192.0.2.1"),
        ("192.0.2.9", "127.0.0.1"),  # a spoofed source, or a router that was told to forward
        ("::ffff:192.0.2.9", "::ffff:127.0.0.1"),
        ("", "127.0.0.1"),
        ("localhost", "127.0.0.1"),
    ],
)
def test_anyone_else_may_read_only(action: Action, peer: str, local: str) -> None:
    caller = caller_of(scope((peer, 50000), (local, 8080)))
    authorise(caller, "read")
    with pytest.raises(Refused) as refused:
        authorise(caller, action)
    assert refused.value.what.startswith(f"{action} is not allowed from")
    assert "Unix socket" in refused.value.remedy


def test_the_unix_socket_may_do_all() -> None:
    for action in CHANGES:
        authorise(caller_of(scope(None, ("/run/agent.sock", None), unix=True)), action)


@pytest.mark.parametrize("unix", [False, None])
def test_a_missing_address_does_not_make_a_unix_socket(unix: bool | None) -> None:
    caller = caller_of(scope(None, None, unix=unix))
    assert caller == Caller(unix=False)
    with pytest.raises(Refused):
        authorise(caller, "leave")
