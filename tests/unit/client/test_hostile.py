"""Answers and streams that no honest agent sends; most of them were found by ``tests.fuzz``."""

from __future__ import annotations

import contextlib
import io
from typing import Any, cast

import pytest

from pycluster.client import AgentFailed, Endpoint
from pycluster.client.decoding import decode
from pycluster.client.stream import EventReader
from pycluster.node.view import LeaderView

ENDPOINT = Endpoint(host="127.0.0.1", port=1)


@pytest.mark.parametrize("status", [400, 404, 409, 503])
def test_a_refusal_without_a_word_is_no_agents(status: int) -> None:
    with pytest.raises(AgentFailed) as failed:
        decode(ENDPOINT, status, b'{"error":{"what":""}}', LeaderView, {200})
    assert failed.value.what == f"http://127.0.0.1:1 answered {status}"


@pytest.mark.parametrize("digits", [10, 400, 5_000])
def test_a_time_to_wait_that_nobody_meant_is_ignored(digits: int) -> None:
    stream = io.BytesIO(b"retry: " + b"9" * digits + b"\n\nid: 7\ndata: x\n\n")
    reader = EventReader(cast(Any, stream), contextlib.ExitStack())
    assert [sent.data for sent in reader] == ["x"]
    assert reader.retry_s == 2.0
