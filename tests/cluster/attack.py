"""An attacker on the agents' own network: datagrams, connections and requests that no honest program sends.

Everything is drawn from one seed. Nothing here waits for an answer for longer than a moment.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from random import Random

import msgspec

from pycluster.kernel.ids import Address, fingerprint
from pycluster.kernel.limits import FRAME_MAX_BYTES
from pycluster.membership import Packet
from pycluster.membership.messages import Alive
from pycluster.runtime.framing import CALL, POST, REPLY, framed
from pycluster.wire import Codec, Gossip
from tests.fuzz.frames import captured
from tests.fuzz.mutation import BOMBS, HEADER_BYTES, mutated_frame

#: Connections that are kept open at once.
_OPEN_MAX = 200
_BYTES_AT_ONCE = 64 * 1024


class Forger:
    """Frames for ``cluster``: real ones of every sort, damaged; noise; and records of members that do not exist."""

    def __init__(self, cluster: str, seed: int, known: dict[str, tuple[str, Address]] | None = None) -> None:
        """``known``: uuid and address by name, of those who are spoken of truly; an attacker that listens has them."""
        self.rng = Random(seed)
        self._known = known or {}
        self._mark = fingerprint(cluster)
        self._codec = Codec(cluster)
        self._datagrams = [self._ours(frame.data) for frame in captured() if frame.datagram]
        self._frames = [self._ours(frame.data) for frame in captured() if not frame.datagram]
        self._invented = 0

    def datagram(self) -> bytes:
        """Noise, a stranger's, a bomb, one too long, a TCP frame by UDP, or a real one with damage that decodes."""
        rng, choice = self.rng, self.rng.random()
        if choice < 0.1:
            return rng.randbytes(rng.randrange(1_472))
        if choice < 0.15:
            return rng.choice(self._datagrams)[:HEADER_BYTES] + rng.choice(BOMBS)
        if choice < 0.2:
            return rng.choice(self._datagrams)[:4] + rng.randbytes(8) + rng.randbytes(rng.randrange(200))
        if choice < 0.25:
            return mutated_frame(rng.choice(self._frames), rng)[:1_472]
        return mutated_frame(rng.choice(self._datagrams), rng)[:1_472]

    def frame(self) -> bytes:
        """A TCP frame, damaged."""
        return mutated_frame(self.rng.choice(self._frames), self.rng)

    def ghosts(self, count: int = 10) -> bytes:
        """A datagram that brings news of ``count`` members that nobody ever started."""
        made = []
        for _ in range(count):
            self._invented += 1
            number = self._invented
            where = Address(f"127.{10 + (number >> 16)}.{number >> 8 & 255}.{number & 255}", 7_946)
            made.append(Alive(f"ghost{number:06}", f"{number:032x}", 1, where))
        return self._codec.encode(Gossip(Packet(made[0].name, made[0].uuid, 1, None, tuple(made))))

    def _ours(self, frame: bytes) -> bytes:
        body = frame[HEADER_BYTES:]
        for name, uuid, address in captured()[0].cast:
            if name in self._known:
                real_uuid, real_address = self._known[name]
                body = body.replace(_packed(uuid), _packed(real_uuid))
                body = body.replace(_packed(address)[1:], _packed(real_address)[1:])
        return frame[:4] + self._mark + frame[HEADER_BYTES - 1 : HEADER_BYTES] + body


def _packed(value: object) -> bytes:
    """As it stands in a frame; both forms of an address have the same head, so frames stay whole."""
    return msgspec.msgpack.encode(value)


class Datagrams:
    """Sends to every one of ``targets`` in turn, from a few sockets and therefore ports."""

    def __init__(self, targets: tuple[tuple[str, int], ...], make: Callable[[], bytes], sources: int = 8) -> None:
        self._targets = targets
        self._make = make
        self._sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(sources)]
        for one in self._sockets:
            one.setblocking(False)
        self.sent = 0

    def send(self, count: int) -> None:
        """That many; what the system does not take counts as sent, for the wire may lose it as well."""
        for _ in range(count):
            sender = self._sockets[self.sent % len(self._sockets)]
            with contextlib.suppress(OSError):
                sender.sendto(self._make(), self._targets[self.sent % len(self._targets)])
            self.sent += 1

    def close(self) -> None:
        """No more."""
        for one in self._sockets:
            one.close()


class Openings:
    """Broken and slow TCP openings; the oldest is dropped where too many are open."""

    def __init__(self, targets: tuple[tuple[str, int], ...], forger: Forger) -> None:
        self._targets = targets
        self._forger = forger
        self._open: deque[socket.socket] = deque()
        self._slow: deque[tuple[socket.socket, bytes]] = deque(maxlen=40)
        self.made = self.failed = 0

    def open(self, count: int) -> None:
        """That many; some stay open, a few of them send a byte now and then."""
        for _ in range(count):
            self.made += 1
            try:
                one = socket.create_connection(self._targets[self.made % len(self._targets)], timeout=2)
            except OSError:
                self.failed += 1
                continue
            one.setblocking(False)
            self._misbehave(one)
            self._open.append(one)
            while len(self._open) > _OPEN_MAX:
                self._open.popleft().close()
        for _ in range(min(4, len(self._slow))):
            one, rest = self._slow.popleft()
            with contextlib.suppress(OSError):
                one.send(rest[:1])
                self._slow.append((one, rest[1:] or rest))

    def _misbehave(self, one: socket.socket) -> None:
        rng, frame = self._forger.rng, self._forger.frame()
        whole = framed(rng.choice((CALL, POST, REPLY, 4, 5)), frame)
        match rng.randrange(9):
            case 0:
                pass  # never says a word
            case 1:
                one.close()
            case 2:
                self._send(one, whole[: rng.randrange(1, len(whole))])
            case 3:
                self._send(one, rng.choice((0, 1, FRAME_MAX_BYTES + 2, 2**32 - 1)).to_bytes(4, "big") + b"\1" + frame)
            case 4:
                self._slow.append((one, whole))
            case 5:
                self._send(one, framed(CALL, frame) * 40)  # and never reads an answer
            case 6:
                self._send(one, (FRAME_MAX_BYTES + 1).to_bytes(4, "big") + b"\1" + bytes(_BYTES_AT_ONCE))
            case 7:
                self._send(one, rng.randbytes(300))
            case _:
                self._send(one, framed(rng.randrange(256), frame[:HEADER_BYTES] + rng.choice(BOMBS)))

    def _send(self, one: socket.socket, data: bytes) -> None:
        with contextlib.suppress(OSError):
            one.send(data)

    def close(self) -> None:
        """Drop them all."""
        for one in self._open:
            one.close()
        self._open.clear()
        self._slow.clear()


_HTTP_BOMBS = (
    b"GET /" + b"a" * 60_000,
    b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 9_000,
    b"POST /api/v1/join HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 9999999999\r\n\r\n{",
    b"POST /api/v1/join HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 60000\r\n\r\n" + b"[" * 60_000,
    b"PUT /api/v1/tags HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nffffffffff\r\n",
    b"GET /api/v1/status HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    b"GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50,
    b"GET /api/v1/events?snapshot=1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\nHos",
    b"",
)


def http_bomb(target: tuple[str, int], rng: Random) -> socket.socket | None:
    """One connection to the page's port that is up to no good; None where it was refused."""
    try:
        one = socket.create_connection(target, timeout=2)
        one.setblocking(False)
        one.send(rng.choice(_HTTP_BOMBS))
    except OSError:
        return None
    return one


def paced(rate: float, until: Callable[[], bool], step: Callable[[int], None], tick_s: float = 0.01) -> float:
    """Call ``step`` with how many are due at ``rate`` a second, until told; gives the seconds it took."""
    begun, done = time.monotonic(), 0
    while not until():
        due = int((time.monotonic() - begun) * rate)
        if due > done:
            step(due - done)
            done = due
        time.sleep(tick_s)
    return time.monotonic() - begun


def drain(sockets: list[socket.socket]) -> None:
    """Forget what was answered."""
    with selectors.DefaultSelector() as ready:
        for one in sockets:
            ready.register(one, selectors.EVENT_READ)
        for key, _ in ready.select(0):
            with contextlib.suppress(OSError):
                assert isinstance(key.fileobj, socket.socket)
                key.fileobj.recv(_BYTES_AT_ONCE)
