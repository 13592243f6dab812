"""The gate: strangers are told why, once a minute each; nonsense is counted; nothing raises, nothing grows."""

from __future__ import annotations

import pytest

from pycluster.kernel.ids import Address
from pycluster.kernel.units import SECOND
from pycluster.node.config import Params
from pycluster.node.effects import Effect, Publish
from pycluster.node.gate import Gate
from pycluster.node.ledger import Ledger
from pycluster.node.strangers import Strangers
from pycluster.wire import Codec, Refusal, Whois

PEER = Address("192.0.2.7", 7946)


class World:
    """A gate, and what it told."""

    def __init__(self, params: Params | None = None) -> None:
        self.ledger = Ledger(())
        self.gate = Gate(Codec("demo"), params or Params(), self.ledger)
        self.told: list[Effect] = []

    def open(self, data: bytes, now_us: int = 0, source: Address = PEER) -> Refusal | None:
        """Give it a frame that is not ours; the refusal that it answers with."""
        body, answer = self.gate.open(source, data, now_us, self.told, datagram=False)
        assert body is None
        if answer is None:
            return None
        refusal = self.gate.codec.decode(answer, datagram=False)
        assert isinstance(refusal, Refusal)
        return refusal

    def texts(self) -> list[str]:
        return [effect.event.text for effect in self.told if isinstance(effect, Publish)]


@pytest.fixture
def world() -> World:
    return World()


FOREIGN = Codec("other").encode(Whois())


def damaged(place: int, byte: int) -> bytes:
    frame = bytearray(Codec("demo").encode(Whois()))
    frame[place] = byte
    return bytes(frame)


def test_a_frame_of_ours_passes(world: World) -> None:
    assert world.gate.open(PEER, Codec("demo").encode(Whois()), 0, world.told, datagram=False) == (Whois(), None)
    assert world.told == [] and world.ledger.counters == {}


@pytest.mark.parametrize(
    ("frame", "reason", "detail"),
    [
        (FOREIGN, "wrong-cluster", "the frame belongs to a cluster of another name"),
        (damaged(2, 9), "wrong-version", "the frame speaks protocol 9, not 1-2"),
        (damaged(3, 1), "wrong-key", "the frame is sealed with key 1, and this node has no keys"),
    ],
)
def test_a_stranger_is_told_why_and_so_is_the_operator(world: World, frame: bytes, reason: str, detail: str) -> None:
    assert world.open(frame) == Refusal(reason, 1, 2, detail)
    (published,) = world.told
    assert isinstance(published, Publish)
    assert (published.event.kind, published.event.text) == (reason, f"Refused 192.0.2.7:7946: {detail}")
    assert published.event.fields == {"peer": "192.0.2.7:7946"}
    assert world.ledger.counters == {f"strangers_{reason.replace('-', '_')}": 1}


def test_one_refusal_and_one_line_a_minute_and_peer_whatever_port_it_speaks_from(world: World) -> None:
    answers = [
        world.open(FOREIGN, second * SECOND, Address("192.0.2.7", 1_024 + second)) is not None for second in range(180)
    ]
    assert [second for second, answered in enumerate(answers) if answered] == [0, 60, 120]
    assert len(world.texts()) == 3 and world.ledger.counters == {"strangers_wrong_cluster": 180}


def test_another_reason_is_another_line(world: World) -> None:
    assert world.open(FOREIGN) is not None and world.open(damaged(2, 9)) is not None
    assert len(world.texts()) == 2


def test_another_peer_is_answered_at_once(world: World) -> None:
    assert world.open(FOREIGN) is not None
    assert world.open(FOREIGN, source=Address("192.0.2.8", 7946)) is not None


def test_a_refusal_is_never_answered_so_that_two_cannot_go_on_for_ever(world: World) -> None:
    refusal = Codec("other").encode(Refusal("wrong-cluster", 1, 1, "the frame belongs to a cluster of another name"))
    for second in range(90):
        assert world.open(refusal, second * SECOND) is None
    line = "Refused by 192.0.2.7:7946: wrong-cluster: the frame belongs to a cluster of another name"
    assert world.texts() == [line, line] and world.ledger.counters == {"refusals_received": 90}


def test_what_makes_no_sense_is_counted_and_neither_answered_nor_told(world: World) -> None:
    assert world.open(b"GET / HTTP/1.1\r\n") is None
    assert world.gate.open(PEER, b"", 0, world.told, datagram=True) == (None, None)
    assert world.told == [] and world.ledger.counters == {"frames_malformed": 1, "datagrams_malformed": 1}


def test_a_crowd_of_strangers_is_counted_and_costs_no_memory() -> None:
    world = World(Params(refusal_peers=10))
    peers = [Address(f"192.0.2.{number}", 7946) for number in range(200)]
    assert sum(world.open(FOREIGN, source=peer) is not None for peer in peers) == 10
    assert len(world.texts()) == 10 and len(world.gate.strangers.reasons) == 10
    assert world.ledger.counters == {"strangers_wrong_cluster": 200}
    assert world.open(FOREIGN, 61 * SECOND, peers[-1]) is not None, "a minute later there is room again"


def test_what_went_wrong_is_kept_for_explain_the_newest_by_host() -> None:
    strangers = Strangers(Params(refusal_peers=2))
    for host, text in (("a", "one"), ("b", "two"), ("a", "three"), ("c", "four")):
        strangers.remember(Address(host, 1), text)
    assert dict(strangers.reasons) == {"a": "three", "c": "four"}


def test_a_refusals_text_is_cut_to_a_line(world: World) -> None:
    world.open(Codec("other").encode(Refusal("wrong-key", 1, 1, "x" * 900)))
    assert len(world.texts()[0]) < 350
