"""The ports of two agents together: every effect of the network reaches the other, and its event comes back."""

from __future__ import annotations

import asyncio

import pytest
import uvloop

from pycluster.kernel.ids import Address
from pycluster.node import effects, events
from pycluster.runtime.network import OpenPorts, PortNetwork
from tests.unit.runtime.waiting import until


class Agent:
    """The ports of one, and what they brought."""

    def __init__(self) -> None:
        ports = OpenPorts("127.0.0.1", 0)
        # Only the numbers differ from a real agent's, whose two sockets share one.
        self.udp = Address("127.0.0.1", ports.udp.getsockname()[1])
        self.tcp = Address("127.0.0.1", ports.tcp.getsockname()[1])
        self.told: list[events.Event] = []
        self.network = PortNetwork(ports, self.told.append)

    def of(self, kind: type[events.Event]) -> list[events.Event]:
        return [event for event in self.told if type(event) is kind]


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["plain", "uv"])
def test_two_agents_speak_hold_streams_and_learn_of_each_others_end(loop: type[asyncio.AbstractEventLoop]) -> None:
    async def story() -> None:
        one, two = Agent(), Agent()
        await one.network.start()
        await two.network.start()
        one.network.send(two.udp, b"datagram")
        one.network.post(effects.Post(two.tcp, "bulk", b"post"))
        one.network.call(effects.Call(7, two.tcp, b"call", 10_000_000))
        one.network.keep_streams(effects.KeepStreams((two.tcp,), b"one"))
        two.network.keep_streams(effects.KeepStreams((one.tcp,), b"two"))
        await until(lambda: len(two.told) == 5)
        assert two.of(events.Datagram) == [events.Datagram(one.udp, b"datagram")]
        (call,) = two.of(events.CallReceived)
        assert isinstance(call, events.CallReceived)
        two.network.answer(call.token, b"reply")
        await until(lambda: one.of(events.CallReplied) == [events.CallReplied(7, b"reply")])
        (opened,) = two.of(events.StreamOpened)
        assert isinstance(opened, events.StreamOpened)
        assert opened.data == b"one"
        await until(lambda: bool(one.of(events.StreamOpened) and one.of(events.StreamUp)))

        await two.network.close()
        await until(lambda: bool(one.of(events.StreamEnded)))
        (ended,) = one.of(events.StreamEnded)
        assert isinstance(ended, events.StreamEnded)
        assert ended.goodbye
        assert one.of(events.StreamLost) == []
        assert two.of(events.StreamEnded) == []

        def refused() -> bool:
            one.network.send(two.udp, b"anybody?")
            return bool(one.of(events.Refused))

        await until(refused)
        assert one.of(events.Refused) == [events.Refused(two.udp)]
        await one.network.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(story())


def test_the_node_ends_a_stream_of_a_peers_and_the_peer_takes_it_for_no_loss() -> None:
    async def story() -> None:
        one, two = Agent(), Agent()
        await one.network.start()
        await two.network.start()
        one.network.keep_streams(effects.KeepStreams((two.tcp,), b"one"))
        await until(lambda: bool(two.told and one.told))
        (opened,) = two.told
        assert isinstance(opened, events.StreamOpened)
        two.network.close_stream(opened.stream)
        await until(lambda: not two.network._inbound._connections)
        await one.network.close()
        await two.network.close()
        assert one.told == [events.StreamUp(two.tcp)]
        assert two.told == [opened]

    asyncio.run(story())


def test_an_agent_that_cannot_go_on_says_no_goodbye() -> None:
    async def story() -> None:
        one, two = Agent(), Agent()
        await one.network.start()
        await two.network.start()
        one.network.keep_streams(effects.KeepStreams((two.tcp,), b"one"))
        two.network.keep_streams(effects.KeepStreams((one.tcp,), b"two"))
        await until(lambda: len(one.told) == 2 and len(two.told) == 2)
        await two.network.close(goodbye=False)
        await until(lambda: bool(one.of(events.StreamLost) and one.of(events.StreamEnded)))
        (ended,) = one.of(events.StreamEnded)
        assert isinstance(ended, events.StreamEnded)
        assert not ended.goodbye
        await one.network.close()

    asyncio.run(story())
