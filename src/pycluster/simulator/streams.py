"""TCP as the node sees it: calls are answered or fail, posts arrive in order while their connection lasts.

Idle streams are in ``idle``.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from pycluster.kernel.ids import Address
from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.node.effects import Call, Post
from pycluster.node.events import CallFailed, CallReceived, CallReplied, Event, PostReceived
from pycluster.simulator.host import Host
from pycluster.simulator.idle import IdleStreams
from pycluster.simulator.network import Network
from pycluster.simulator.timeline import Timeline

Deliver = Callable[[Host, int, Event], None]

#: A segment that got lost is sent again after this long (RFC 6298's least RTO is 1 s; Linux uses 200 ms).
RETRANSMIT_US = 200 * MILLISECOND
#: A connection whose peer acknowledges nothing for this long is given up (``TCP_USER_TIMEOUT``).
USER_TIMEOUT_US = 2 * SECOND
#: Frames that wait for a connection to move again; the next ones are dropped.
QUEUE_MAX = 64


#: The pause after a refused dial, doubled up to the second number, as in ``runtime.posts``.
RETRY_US = (100 * MILLISECOND, 500 * MILLISECOND)
#: A connection is the source's label, the address it leads to, and the channel.
_Key = tuple[str, Address, str]


class _Exchange:
    """One call in flight."""

    __slots__ = (
        "call",
        "callee",
        "callee_life",
        "caller",
        "caller_address",
        "caller_life",
        "connected",
        "done",
        "token",
    )

    def __init__(self, caller: Host, call: Call) -> None:
        self.caller = caller
        self.caller_life = caller.life
        self.caller_address = caller.address
        self.call = call
        self.callee: Host | None = None
        self.callee_life = 0
        self.token = 0
        #: The handshake is over: who stays mute now is no longer out of reach.
        self.connected = False
        self.done = False


class _Connection:
    """One direction of one (address, channel)."""

    __slots__ = ("broken", "ends", "last_us", "peer", "peer_life", "source", "stalled", "stalled_since_us")

    def __init__(self, source: Host, peer: Host) -> None:
        self.source = source
        self.peer = peer
        self.peer_life = peer.life
        self.ends = (source.address, peer.address)
        self.last_us = 0
        self.stalled: list[bytes] = []
        self.stalled_since_us = 0
        self.broken = False


class Streams:
    """Every TCP connection of the world."""

    def __init__(self, timeline: Timeline, network: Network, rng: Random, deliver: Deliver) -> None:
        self._timeline = timeline
        self._network = network
        self._rng = rng
        self._deliver = deliver
        self.idle = IdleStreams(timeline, network, Random(rng.getrandbits(64)), deliver, self._delay_us)
        self._tokens = 0
        self._exchanges: dict[int, _Exchange] = {}
        self._connections: dict[_Key, _Connection] = {}
        #: Until when no dial is tried after a refused one, and the pause after the next.
        self._pauses: dict[_Key, tuple[int, int]] = {}

    # --- calls ----------------------------------------------------------------------------------------------------

    def call(self, caller: Host, call: Call) -> None:
        """Send a request; exactly one outcome follows while the caller lives."""
        exchange = _Exchange(caller, call)
        now_us = self._timeline.now_us
        self._timeline.at(now_us + call.timeout_us, self._give_up_call, exchange)
        callee = self._network.owners.get(call.to)
        if callee is None or not callee.powered or not self._network.connected(caller, callee):
            if self._rng.random() < 0.1:
                self._timeline.at(now_us + self._delay_us(), self._fail, exchange, "unreachable")
            return
        if callee.process is None:
            self._timeline.at(now_us + 2 * self._delay_us(), self._fail, exchange, "refused")
            return
        exchange.callee = callee
        exchange.callee_life = callee.life
        self._timeline.at(now_us + 2 * self._delay_us(), self._shaken, exchange)

    def answer(self, host: Host, token: int, data: bytes | None) -> None:
        """The callee's reply, or None for a hang-up."""
        exchange = self._exchanges.pop(token, None)
        if exchange is None or exchange.done or exchange.callee_life != host.life:
            return
        moved = host.address != exchange.call.to or exchange.caller.address != exchange.caller_address
        if moved or not self._network.connected(host, exchange.caller):
            return
        arrival_us = self._timeline.now_us + self._delay_us()
        if data is None:
            self._timeline.at(arrival_us, self._fail, exchange, "closed")
        else:
            self._timeline.at(arrival_us, self._reply, exchange, data)

    def _shaken(self, exchange: _Exchange) -> None:
        callee = exchange.callee
        assert callee is not None
        if exchange.done or not self._network.connected(exchange.caller, callee) or not callee.powered:
            return
        if callee.address != exchange.call.to:
            return
        exchange.connected = True
        self._timeline.at(self._timeline.now_us + self._delay_us(), self._request, exchange)

    def _request(self, exchange: _Exchange) -> None:
        callee = exchange.callee
        assert callee is not None
        if exchange.done or not self._network.connected(exchange.caller, callee) or not callee.powered:
            return
        if callee.process is None or callee.life != exchange.callee_life:
            self._fail(exchange, "closed")
            return
        self._tokens += 1
        exchange.token = self._tokens
        self._exchanges[exchange.token] = exchange
        source = Address(exchange.caller.address.host, 40_000 + exchange.token % 20_000)
        self._deliver(callee, callee.life, CallReceived(exchange.token, source, exchange.call.data))

    def _reply(self, exchange: _Exchange, data: bytes) -> None:
        if exchange.done:
            return
        exchange.done = True
        self._deliver(exchange.caller, exchange.caller_life, CallReplied(exchange.call.call, data))

    def _give_up_call(self, exchange: _Exchange) -> None:
        """Its time is up."""
        self._fail(exchange, "timeout" if exchange.connected else "unreachable")

    def _fail(self, exchange: _Exchange, reason: str) -> None:
        if exchange.done:
            return
        exchange.done = True
        self._exchanges.pop(exchange.token, None)
        self._deliver(exchange.caller, exchange.caller_life, CallFailed(exchange.call.call, reason))

    # --- posts ----------------------------------------------------------------------------------------------------

    def post(self, source: Host, post: Post) -> None:
        """Send a frame on the connection to (address, channel), dialled when there is none."""
        key = (source.label, post.to, post.channel)
        connection = self._connections.get(key)
        dialling = connection is None or connection.broken
        if connection is None or connection.broken:
            peer = self._network.owners.get(post.to)
            if peer is None or self._refused(key, source, peer):
                return
            self._greet(peer, source)
            connection = self._connections[key] = _Connection(source, peer)
            if not peer.powered or not self._network.connected(source, peer):
                self._stall(connection, post.data)
                return
        if connection.stalled:
            self._stall(connection, post.data)
            return
        delay_us = self._delay_us() + (2 * self._delay_us() if dialling else 0)
        connection.last_us = max(connection.last_us, self._timeline.now_us + delay_us)
        self._timeline.at(connection.last_us, self._frame, connection, post.data)

    def _refused(self, key: _Key, source: Host, peer: Host) -> bool:
        """Whether a dial fails at once, or is not tried so soon after one that failed."""
        now_us = self._timeline.now_us
        not_before_us, pause_us = self._pauses.get(key, (0, RETRY_US[0]))
        if now_us < not_before_us:
            return True
        if not peer.powered or peer.process is not None or not self._network.connected(source, peer):
            self._pauses.pop(key, None)
            return False
        self._pauses[key] = (now_us + pause_us, min(2 * pause_us, RETRY_US[1]))
        return True

    def _greet(self, peer: Host, source: Host) -> None:
        """``peer`` hears from ``source`` again, so it dials ``source`` at once when it has something to say."""
        for key in [key for key in self._pauses if key[0] == peer.label and key[1] == source.address]:
            del self._pauses[key]

    def _passes(self, connection: _Connection) -> bool:
        source, peer = connection.source, connection.peer
        in_place = connection.ends == (source.address, peer.address)
        return in_place and peer.powered and self._network.connected(source, peer)

    def _frame(self, connection: _Connection, data: bytes) -> None:
        peer = connection.peer
        if connection.broken:
            return
        if connection.stalled or not self._passes(connection):
            self._stall(connection, data)
        elif peer.process is None or peer.life != connection.peer_life:
            connection.broken = True
        else:
            source = Address(connection.source.address.host, 60_000)
            self._deliver(peer, peer.life, PostReceived(source, data))

    def _stall(self, connection: _Connection, data: bytes) -> None:
        if not connection.stalled:
            connection.stalled_since_us = self._timeline.now_us
            self._timeline.at(self._timeline.now_us + USER_TIMEOUT_US, self._give_up, connection)
        if len(connection.stalled) < QUEUE_MAX:
            connection.stalled.append(data)

    def _give_up(self, connection: _Connection) -> None:
        if connection.stalled and self._timeline.now_us - connection.stalled_since_us >= USER_TIMEOUT_US:
            connection.stalled.clear()
            connection.broken = True

    # --- what happens to hosts ------------------------------------------------------------------------------------

    def moved(self) -> None:
        """Cuts changed: what stalled is sent again after the back-off that it has reached by now."""
        now_us = self._timeline.now_us
        for connection in self._connections.values():
            if connection.stalled and not connection.broken:
                backoff_us = max(min(now_us - connection.stalled_since_us, 2 * SECOND), RETRANSMIT_US)
                self._timeline.at(now_us + int(self._rng.random() * backoff_us), self._flush, connection)

    def _flush(self, connection: _Connection) -> None:
        if connection.broken or not self._passes(connection):
            return
        frames, connection.stalled = connection.stalled, []
        for data in frames:
            self._frame(connection, data)

    def died(self, host: Host, *, goodbye: bool = False) -> None:
        """The process on ``host`` ended; a machine that still has power says so to everyone it was connected to.

        ``goodbye``: it ended its idle streams in order before.
        """
        self.idle.ended(host, goodbye=goodbye)
        self._pauses = {key: pause for key, pause in self._pauses.items() if key[0] != host.label}
        for connection in self._connections.values():
            if connection.source is host or (connection.peer is host and host.powered):
                connection.broken = True
                connection.stalled.clear()
        self._connections = {key: c for key, c in self._connections.items() if not c.broken}
        for exchange in [e for e in self._exchanges.values() if e.callee is host]:
            if host.powered and self._network.connected(host, exchange.caller):
                self._timeline.at(self._timeline.now_us + self._delay_us(), self._fail, exchange, "closed")

    def _delay_us(self) -> int:
        delay_us = self._network.delay_us()
        loss = self._network.weather.loss
        wait_us = RETRANSMIT_US
        while loss and self._rng.random() < loss and wait_us < 4 * SECOND:
            delay_us += wait_us
            wait_us *= 2
        return delay_us
