"""The client's reader of server-sent events: events or one of our errors, and it ends where its input ends."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable
from typing import cast

import msgspec

from pycluster.client import Endpoint
from pycluster.client.following import Follower
from pycluster.client.stream import EventReader
from pycluster.kernel.errors import PyClusterError
from pycluster.node.view import ClusterEvent, Fault, StatusView
from tests.unit.web.fake import STATUS


class _Agent:
    """What following asks of a client; nothing is asked here."""

    endpoint = Endpoint(host="127.0.0.1", port=1)

    def status(self) -> StatusView:
        return STATUS


def seeds() -> Iterable[bytes]:
    """A stream as the agent writes it."""
    event = msgspec.json.encode(ClusterEvent(7, "member-up", "it happened", at_us=5, node="node002", fields={"a": 1}))
    status = msgspec.json.encode(STATUS)
    fault = msgspec.json.encode(Fault("what", "why", "remedy"))
    yield b"retry: 2000\n\nid: 7\nevent: member-up\ndata: " + event + b"\n\n: still here\n\n"
    yield b"event: status\ndata: " + status + b"\n\n"
    yield b"event: reset\ndata: " + fault + b"\n\n"
    yield b"id\ndata\ndata: x\r\nretry: \xd9\xa3\nretry: 99999999999999999999\n\n"


def run(data: bytes) -> None:
    """Read to the end."""
    reader = EventReader(cast("object", io.BytesIO(data)), contextlib.ExitStack())  # type: ignore[arg-type]
    follower = Follower(_Agent(), None, snapshot=True)
    count, failure = 0, None
    try:
        for sent in reader:
            count += 1
            item = follower._item(sent)
            assert item is None or isinstance(item, ClusterEvent | StatusView)
    except PyClusterError as error:
        failure = error
    assert failure is None or failure.what
    assert count <= data.count(b"\n")
    assert reader.retry_s >= 0
