"""Where an operator says that nodes are."""

from __future__ import annotations

import pytest

from pycluster.kernel.errors import LocalMisuse
from pycluster.runtime.seeds import parse


def test_a_host_may_have_a_port_and_an_ipv6_address_brackets() -> None:
    hosts = (" node-1.example ", "node_1:7000", "192.0.2.1", "::1", "[2001:db8::1]", "[::1]:7000", "bücher.example")
    assert parse(hosts, 7946) == (
        ("node-1.example", 7946),
        ("node_1", 7000),
        ("192.0.2.1", 7946),
        ("::1", 7946),
        ("2001:db8::1", 7946),
        ("::1", 7000),
        ("bücher.example", 7946),
    )


@pytest.mark.parametrize(
    "text", ["", "a b", "\0x", "a\x1b[31m", "*", "a" * 254, "[::1", "[::1]7", "x:0", "x:65536", "x:y", "1::2::3"]
)
def test_what_can_be_no_host_is_refused(text: str) -> None:
    with pytest.raises(LocalMisuse, match="it is no host"):
        parse((text,), 7946)
