"""Addresses and names as people type them: a value or the error that the command line shows, and no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pycluster.client import Endpoint
from pycluster.kernel.errors import LocalMisuse
from pycluster.kernel.ids import Address
from pycluster.settings import values

_WORDS = (
    "node001", "10.0.0.1", "10.0.0.1:7946", "[::1]:7946", "::1", "[::1]", ":8080", "host.example.org:1", "fe80::1%eth0",
    "http://host:80/", "http://[::1]:80", "unix:/run/a.sock", "/run/a.sock", "https://x:1", "a,b , c:1", "256.1.1.1:1",
    "0.0.0.0:7946", "224.0.0.1", "[::]:65536", "١٢:٣", "a" * 260, "10s", "500ms", "1.5h", "\x00", "[::1", "::1]:7",
)  # fmt: skip
_PARSERS: tuple[Callable[[str], object], ...] = (
    values.endpoint, values.endpoints, values.advertise, values.web, values.host, values.hosts, values.address,
    values.port, values.name, values.label, values.plain,
)  # fmt: skip


def seeds() -> Iterable[bytes]:
    """One word each."""
    for word in _WORDS:
        yield word.encode()


def run(data: bytes) -> None:
    """Every reader of one word."""
    text = data.decode("utf-8", "surrogateescape")
    for parse in _PARSERS:
        wrong = _wrong(parse, text)
        assert not isinstance(wrong, UnicodeError), wrong
        assert wrong is None or str(wrong).isprintable(), str(wrong)
    try:
        found = Endpoint.parse(text)
    except LocalMisuse:
        pass
    else:
        assert found.path or (found.host and 0 < found.port < 65_536)
    try:
        endpoint = values.endpoint(text)
    except ValueError:
        return
    address = Address(*endpoint)
    if address.usable:
        assert values.endpoint(str(address)) == (values.host(address.host), address.port)


def _wrong(parse: Callable[[str], object], text: str) -> ValueError | None:
    try:
        parse(text)
    except ValueError as error:
        return error
    return None
