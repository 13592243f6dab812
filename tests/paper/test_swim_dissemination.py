"""SWIM (Das, Gupta, Motivala 2002) §4.1, infection-style dissemination: news rides on probes, the least told first."""

from __future__ import annotations

import math

import msgspec
import pytest

from pycluster.membership.broadcasts import Broadcasts, retransmits
from pycluster.membership.messages import Ack, Left, Packet, Ping, Suspect
from pycluster.membership.params import Params
from tests.paper.swim_hand import Hand, address, alive, name, uuid

BASE = Packet("n1", "u", 1)


def names(packet: Packet) -> list[str]:
    return [update.name for update in packet.updates]


def test_section_4_1_news_rides_on_pings() -> None:
    hand = Hand(members=5, params=Params(gossip_interval_ms=60_000))
    hand.run(20_000)
    hand.hear(2, Left(name(3), uuid(3), 1))
    done = hand.run(3_000)
    assert any(Left(name(3), uuid(3), 1) in sent.packet.updates for sent in hand.probes(Ping, done))


def test_section_4_1_news_rides_on_acks() -> None:
    hand = Hand(members=3)
    hand.run(20_000)
    done = hand.hear(2, Left(name(3), uuid(3), 1), probe=Ping(9, name(1), uuid(1)))
    (ack,) = hand.probes(Ack, done)
    assert ack.packet.updates == (Left(name(3), uuid(3), 1),)


@pytest.mark.parametrize("members", [2, 9, 10, 99, 100, 4_000])
def test_section_4_1_each_piece_of_news_is_told_at_most_lambda_log_n_times(members: int) -> None:
    params = Params()
    news = Broadcasts(params)
    news.put(alive(2))
    told = 0
    while names(news.fill(BASE, members)):
        told += 1
    assert told == retransmits(params, members) == params.retransmit_factor * max(1, math.ceil(math.log10(members + 1)))


def test_section_4_1_what_was_told_fewer_times_goes_first_where_not_all_fits() -> None:
    params = Params(packet_max_bytes=600)
    news = Broadcasts(params)
    for number in range(2, 30):
        news.put(alive(number))
    first = names(news.fill(BASE, 30))
    second = names(news.fill(BASE, 30))
    assert 2 < len(first) < 28
    assert not set(first) & set(second), "the second packet tells what the first had no room for"
    news.put(Suspect("n99", "u99", 1, "n1"))
    assert "n99" in names(news.fill(BASE, 30)), "what is new is told at once"


def test_section_4_1_a_packet_never_outgrows_its_bound() -> None:
    params = Params()
    news = Broadcasts(params)
    for number in range(2, 200):
        news.put(alive(number, tags={"rack": "r" * (number % 100)}))
    for _ in range(100):
        packet = news.fill(BASE, 200)
        assert len(msgspec.msgpack.encode(packet)) <= params.packet_max_bytes


def test_section_4_1_newer_news_of_a_member_takes_the_olders_place() -> None:
    news = Broadcasts(Params())
    news.put(alive(2, 1))
    news.put(Suspect(name(2), uuid(2), 1, "n3"))
    news.put(alive(2, 2))
    assert news.fill(BASE, 5).updates == (alive(2, 2),)


def test_section_3_2_what_a_member_learns_it_passes_on() -> None:
    hand = Hand(members=4)
    hand.run(20_000)
    for update in (alive(5), Suspect(name(2), uuid(2), 1, name(3)), Left(name(4), uuid(4), 1)):
        hand.hear(3, update)
        assert update in hand.told(type(update), hand.run(1_000))


def test_section_3_2_a_member_that_joins_is_known_to_all_it_is_told_to() -> None:
    hand = Hand(members=2)
    hand.hear(2, alive(9))
    assert hand.state(9) == "alive"
    assert hand.member(9).address == address(9)
    assert hand.changes(9) == ["discovered"]
