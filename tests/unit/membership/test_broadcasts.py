"""The queue of news: bounded, and honest about what it dropped."""

from __future__ import annotations

from pycluster.membership.broadcasts import Broadcasts
from pycluster.membership.messages import Packet, Suspect, Vouch
from pycluster.membership.params import Params
from tests.paper.swim_hand import alive, name, uuid

BASE = Packet("n1", "u", 1)


def suspect(number: int, by: str) -> Suspect:
    return Suspect(name(number), uuid(number), 1, by)


def test_a_full_queue_drops_what_was_told_most() -> None:
    news = Broadcasts(Params(queue_max=16, packet_max_bytes=600))
    for number in range(2, 18):
        news.put(alive(number))
    told = [update.name for update in news.fill(BASE, 5).updates]
    for number in range(20, 20 + len(told)):
        news.put(alive(number))
    assert len(news) == 16
    assert news.dropped == len(told)
    left: set[str] = set()
    while packet := news.fill(BASE, 5).updates:
        left |= {update.name for update in packet}
    assert not left & set(told)
    assert {name(number) for number in range(20, 20 + len(told))} <= left, "what nobody has heard yet stays"


def test_confirmations_and_vouches_are_kept_beside_the_accusation() -> None:
    news = Broadcasts(Params())
    news.put(suspect(2, "n3"))
    news.put(suspect(2, "n4"), replaces=False)
    news.put(Vouch(name(2), uuid(2), 1, "n5"), replaces=False)
    assert len(news.fill(BASE, 5).updates) == 3


def test_what_settles_a_matter_takes_all_of_it_out() -> None:
    news = Broadcasts(Params())
    news.put(suspect(2, "n3"))
    news.put(suspect(2, "n4"), replaces=False)
    news.put(alive(2, 2))
    assert news.fill(BASE, 5).updates == (alive(2, 2),)


def test_what_must_come_first_comes_first_and_is_not_told_twice_in_one_packet() -> None:
    news = Broadcasts(Params())
    news.put(alive(3))
    news.put(suspect(2, "n3"))
    packet = news.fill(BASE, 5, (suspect(2, "n3"),))
    assert packet.updates == (suspect(2, "n3"), alive(3))


def test_a_packet_without_news_is_the_packet() -> None:
    assert Broadcasts(Params()).fill(BASE, 5) is BASE


def test_what_fits_no_packet_stays_and_does_not_stop_the_rest() -> None:
    news = Broadcasts(Params(packet_max_bytes=600))
    news.put(alive(2, tags={"a": "x" * 700}))
    news.put(alive(3))
    assert [update.name for update in news.fill(BASE, 5).updates] == [name(3)]
