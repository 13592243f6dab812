"""How an agent's address is written."""

from __future__ import annotations

import pytest

from pycluster.client import Endpoint
from pycluster.kernel.errors import LocalMisuse


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("/run/agent.sock", Endpoint(path="/run/agent.sock")),
        ("unix:/run/agent.sock", Endpoint(path="/run/agent.sock")),
        ("unix:agent.sock", Endpoint(path="agent.sock")),
        ("127.0.0.1:8080", Endpoint(host="127.0.0.1", port=8080)),
        ("http://node001.example.org:8080", Endpoint(host="node001.example.org", port=8080)),
        ("http://127.0.0.1:8080/", Endpoint(host="127.0.0.1", port=8080)),
        ("[::1]:8080", Endpoint(host="::1", port=8080)),
        ("http://[2001:db8::1]:1", Endpoint(host="2001:db8::1", port=1)),
    ],
)
def test_every_form_is_understood_and_written_back(text: str, endpoint: Endpoint) -> None:
    assert Endpoint.parse(text) == endpoint
    assert Endpoint.parse(str(endpoint)) == endpoint


@pytest.mark.parametrize(
    "text",
    ["", "unix:", "node001", "127.0.0.1", ":8080", "127.0.0.1:0", "127.0.0.1:65536", "::1:80", "https://a:1", "a b:1"],
)
def test_what_is_no_address_is_told_with_the_forms(text: str) -> None:
    with pytest.raises(LocalMisuse) as raised:
        Endpoint.parse(text)
    assert "HOST:PORT" in raised.value.remedy
