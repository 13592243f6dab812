"""Heads of requests that came before on a connection, byte for byte: what they decide is decided.

A program that asks again and again sends the same line and headers each time. Once the guard and the application have
let one pass, whatever follows the same head on the same connection is a body for the same place: nothing of the check
depends on anything else. Who may do what is asked anew each time, by the application.
"""

from __future__ import annotations

from pycluster.web.asgi import Direct

_END = b"\r\n\r\n"
#: Of one connection: a head for each length of body that it sends. Past it they are forgotten, all.
HEADS_MAX = 32
#: Programs have short ones.
HEAD_MAX_BYTES = 1_024


class Heads:
    """Of one connection; holds on to nothing of it."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[int, Direct]] = {}
        self._passing: tuple[bytes, int] | None = None

    def find(self, data: bytes) -> tuple[Direct, bytes] | None:
        """Who answers, and the body, where ``data`` is one whole request with a known head; None for anything else."""
        if not self._known:
            return None
        end = data.find(_END) + len(_END)
        known = self._known.get(data[:end])
        return (known[1], data[end:]) if known is not None and known[0] == len(data) else None

    def passing(self, data: bytes, body_bytes: int) -> None:
        """The parser took ``data`` for one whole request with so long a body; the connection lasts beyond it."""
        end = data.find(_END) + len(_END)
        # Any other framing of the body would have more bytes than the body itself.
        fits = end <= HEAD_MAX_BYTES and end + body_bytes == len(data)
        self._passing = (data[:end], len(data)) if fits else None

    def other(self) -> None:
        """What is asked now is anything else."""
        self._passing = None

    def learn(self, direct: Direct) -> None:
        """The application's word: what was passing may come to it directly."""
        if self._passing is None:
            return
        head, size = self._passing
        if len(self._known) >= HEADS_MAX:
            self._known.clear()
        self._known[head] = size, direct

    def forget(self) -> None:
        """The connection is over."""
        self._known.clear()
        self._passing = None
