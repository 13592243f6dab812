"""One port number, UDP and TCP: opened together, or not at all."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Sequence
from random import Random

from pycluster.kernel.errors import LocalFault, LocalMisuse
from pycluster.kernel.ids import Address
from pycluster.node import effects, events
from pycluster.runtime.calls import Calls
from pycluster.runtime.endpoints import Endpoints
from pycluster.runtime.inbound import InboundPort
from pycluster.runtime.posts import Posts
from pycluster.runtime.resolver import Resolver
from pycluster.runtime.streams import IdleStreams
from pycluster.runtime.udp import DatagramPort


class OpenPorts:
    """The two bound sockets of an agent, before its node exists."""

    def __init__(self, host: str, port: int) -> None:
        """Bind both; raises ``LocalFault`` or ``LocalMisuse``, and leaves nothing open, where one cannot be had."""
        self.endpoints = Endpoints(host)
        self.udp = _bind(self.endpoints, socket.SOCK_DGRAM, host, port)
        try:
            self.tcp = _bind(self.endpoints, socket.SOCK_STREAM, host, port)
        except BaseException:
            self.udp.close()
            raise

    def close(self) -> None:
        """Give both up."""
        self.udp.close()
        self.tcp.close()


class PortNetwork:
    """Performs the network's effects on the two sockets and feeds what they bring; implements ``driver.Network``."""

    def __init__(
        self,
        ports: OpenPorts,
        feed: Callable[[events.Event], None],
        feed_all: Callable[[Sequence[events.Event]], None] | None = None,
    ) -> None:
        """``feed_all`` takes posts that came together; without it ``feed`` does."""
        self._udp = DatagramPort(
            ports.udp,
            ports.endpoints,
            lambda source, data: feed(events.Datagram(source, data)),
            lambda peer: feed(events.Refused(peer)),
        )
        self._posts = Posts(ports.endpoints)
        self._streams = IdleStreams(ports.endpoints, feed, Random(os.urandom(16)))
        self._inbound = InboundPort(ports.tcp, ports.endpoints, feed, self._heard_from, feed_all=feed_all)
        self._calls = Calls(ports.endpoints, feed)
        self._resolver = Resolver(ports.endpoints.family, feed, dual=ports.endpoints.dual)
        self.send = self._udp.send
        self.call = self._calls.perform
        self.post = self._posts.perform
        self.answer = self._inbound.answer
        self.hang_up = self._inbound.hang_up
        self.close_stream = self._inbound.close_stream
        self.resolve = self._resolver.perform

    async def start(self) -> None:
        """Read and accept from now on."""
        self._udp.start()
        await self._inbound.start()

    async def close(self, *, goodbye: bool = True) -> None:
        """Stop reading, end every connection.

        ``goodbye`` tells the peers of the idle streams that this process ends in order. One that cannot go on says
        none, so that they look after it at once.
        """
        self._inbound.close(goodbye=goodbye)
        await self._streams.close(goodbye=goodbye)
        await self._inbound.closing()
        await self._calls.close()
        await self._posts.close()
        self._udp.close()

    def keep_streams(self, wanted: effects.KeepStreams) -> None:
        """Hold those streams, and keep places for the seats."""
        self._streams.perform(wanted)
        self._inbound.favour(wanted.seats)

    def _heard_from(self, host: str) -> None:
        self._posts.heard_from(host)
        self._streams.heard_from(host)


def _bind(endpoints: Endpoints, kind: socket.SocketKind, host: str, port: int) -> socket.socket:
    name = "UDP" if kind == socket.SOCK_DGRAM else "TCP"
    what = f"cannot open {name} {Address(host, port)}"
    try:
        return endpoints.open(kind, host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            remedy = "another agent or program has this port; stop it, or choose another with -port or -bind-address"
            raise LocalFault(what, why="address already in use", remedy=remedy) from None
        if error.errno == errno.EADDRNOTAVAIL:
            remedy = "choose one of this machine's addresses with -bind-address"
            raise LocalMisuse(what, why=f"this machine has no address {host}", remedy=remedy) from None
        raise LocalFault(what, why=error.strerror or str(error)) from None
