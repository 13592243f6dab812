"""How a round without proof of life ends: refused, unreachable, or mute."""

from __future__ import annotations

import pytest

from pycluster.kernel.units import MILLISECOND
from pycluster.membership import effects, events
from pycluster.membership.messages import Ack, IndirectPing, Nack, Ping, Suspect
from pycluster.membership.params import Params
from pycluster.membership.suspicion import REFUSED, SILENT, UNREACHABLE
from tests.paper.swim_hand import Hand, address, name, uuid

PARAMS = Params()


def asked_about_n2(hand: Hand) -> list[IndirectPing]:
    """What helpers were asked about it."""
    probes = (sent.packet.probe for sent in hand.packets())
    return [probe for probe in probes if isinstance(probe, IndirectPing) and probe.name == name(2)]


def accusation(strength: int) -> Suspect:
    return Suspect(name(2), uuid(2), 1, name(1), strength)


def verifying(hand: Hand) -> Hand:
    """It verifies n2, accused by n3 on no strong evidence."""
    hand.hear(3, Suspect(name(2), uuid(2), 1, name(3)))
    return hand


def pinged_ms(hand: Hand, for_ms: int) -> list[int]:
    """When n2 is pinged, from now on."""
    begun_us = hand.now_us
    at_ms = []
    for _ in range(for_ms):
        done = hand.run(1)
        at_ms += [(hand.now_us - begun_us) // MILLISECOND for sent in hand.probes(Ping, done) if sent.to == address(2)]
    return at_ms


def until_suspect(hand: Hand) -> int:
    """ms from the first ping of the period's own probe of n2 to the accusation."""
    while not any(sent.to == address(2) for sent in hand.probes(Ping)):
        hand.run(1)
    pinged_us = hand.now_us
    while hand.state(2) == "alive":
        hand.run(1)
    return (hand.now_us - pinged_us) // MILLISECOND


def test_a_verification_that_is_refused_waits_for_an_answer_by_udp_and_accuses() -> None:
    hand = Hand(members=3)
    hand.crash(2)
    verifying(hand)
    hand.run(PARAMS.refused_wait_ms - 1)
    assert not hand.told(Suspect) or accusation(REFUSED) not in hand.told(Suspect)
    hand.run(20)
    assert accusation(REFUSED) in hand.told(Suspect)
    assert f"connection refused, no answer by UDP in {PARAMS.refused_wait_ms} ms" in hand.member(2).evidence[-2].detail


def test_a_verification_that_is_refused_pings_twice_in_its_short_time() -> None:
    hand = Hand(members=3, params=Params(seed_interval_min_ms=60_000, probe_interval_ms=60_000))
    hand.crash(2)
    verifying(hand)
    assert pinged_ms(hand, PARAMS.refused_wait_ms)[0] == pytest.approx(PARAMS.refused_wait_ms // 2, abs=1)


def test_a_refusal_that_comes_late_leaves_half_of_the_wait() -> None:
    hand = Hand(members=3)
    hand.kill(2)
    done = hand.hear(3, Suspect(name(2), uuid(2), 1, name(3)))
    (call,) = hand.calls(done)
    hand.run(300)
    hand.feed(events.CallFailed(call.call, "refused"))
    hand.run(PARAMS.refused_wait_ms // 2 - 2)
    assert accusation(REFUSED) not in hand.told(Suspect)
    hand.run(20)
    assert accusation(REFUSED) in hand.told(Suspect)


def test_an_answer_by_udp_saves_a_member_that_refuses_connections() -> None:
    hand = Hand(members=3)
    hand.silent_tcp.add(2)
    hand.refusing.add(2)
    hand.run(60_000)
    assert hand.changes(2) == []


def test_a_verification_without_a_connection_pings_three_times_and_ends_with_the_call() -> None:
    hand = Hand(members=3, params=Params(seed_interval_min_ms=60_000))
    hand.unplug(2)
    done = hand.hear(3, Suspect(name(2), uuid(2), 1, name(3)))
    (call,) = hand.calls(done)
    assert call.timeout_us == PARAMS.connect_timeout_ms * MILLISECOND
    pings = [1 for sent in hand.probes(Ping, done) if sent.to == address(2)]
    pings += [1 for _ in pinged_ms(hand, PARAMS.connect_timeout_ms - 1)]
    assert len(pings) >= 3
    hand.run(20)
    assert accusation(UNREACHABLE) in hand.told(Suspect)
    waited = f"no connection, no answer by UDP in {PARAMS.connect_timeout_ms} ms"
    assert waited in [line.detail for line in hand.member(2).evidence]


def test_no_route_at_all_does_not_shorten_the_wait_for_udp() -> None:
    hand = Hand(members=3)
    hand.kill(2)
    (call,) = hand.calls(hand.hear(3, Suspect(name(2), uuid(2), 1, name(3))))
    hand.feed(events.CallFailed(call.call, "unreachable"))
    hand.run(PARAMS.connect_timeout_ms - 2)
    assert accusation(UNREACHABLE) not in hand.told(Suspect)
    hand.run(20)
    assert accusation(UNREACHABLE) in hand.told(Suspect)


def test_a_member_that_connects_and_is_mute_has_the_whole_time_and_is_called_again() -> None:
    hand = Hand(members=3)
    hand.kill(2)
    verifying(hand)
    hand.run(PARAMS.verify_timeout_ms - 2)
    assert accusation(SILENT) not in hand.told(Suspect)
    assert [call.timeout_us // MILLISECOND for call in hand.calls() if call.to == address(2)][:2] == [400, 600]
    hand.run(20 + PARAMS.gossip_interval_ms)
    assert accusation(SILENT) in hand.told(Suspect)


def test_a_member_that_answers_the_second_call_is_saved_by_it() -> None:
    hand = Hand(members=3, params=Params(probe_interval_ms=60_000))
    hand.kill(2)
    verifying(hand)
    hand.run(500)
    call = [call for call in hand.calls() if call.to == address(2)][-1]
    assert isinstance(call.request, Ping)
    hand.feed(events.CallReplied(call.call, Ack(call.request.seq, name(2), uuid(2))))
    hand.run(2_000)
    assert not any(isinstance(told, Suspect) and told.by == name(1) for told in hand.told(Suspect))


def test_a_member_that_hangs_up_is_called_three_times_at_most() -> None:
    hand = Hand(members=3)
    hand.kill(2)
    done = hand.hear(3, Suspect(name(2), uuid(2), 1, name(3)))
    calls = hand.calls(done)
    for _ in range(10):
        for call in calls:
            done = hand.feed(events.CallFailed(call.call, "closed"))
        calls = hand.calls(done)
    assert len([call for call in hand.calls() if call.to == address(2)]) == 3


def test_a_member_whose_process_ends_during_the_call_is_found_refused_by_the_next() -> None:
    hand = Hand(members=3)
    hand.kill(2)
    (call,) = hand.calls(hand.hear(3, Suspect(name(2), uuid(2), 1, name(3))))
    hand.crash(2)
    hand.feed(events.CallFailed(call.call, "closed"))
    hand.run(PARAMS.refused_wait_ms + 20)
    assert accusation(REFUSED) in hand.told(Suspect)


def test_a_cut_machine_is_accused_half_a_second_after_its_probe_began() -> None:
    hand = Hand(members=6)
    hand.member(2).rtt_us = 500
    hand.unplug(2)
    assert until_suspect(hand) == pytest.approx(PARAMS.ack_timeout_min_ms + PARAMS.connect_timeout_ms, abs=2)
    assert "no connection, no answer by UDP in 500 ms, 3 of 3 helpers neither" in hand.member(2).evidence[0].detail


def test_while_a_helper_is_mute_the_probe_of_a_cut_machine_lasts_for_the_period_and_costs_health() -> None:
    hand = Hand(members=3)
    hand.member(2).rtt_us = 500
    hand.unplug(2)
    hand.silent.add(3)
    assert until_suspect(hand) == pytest.approx(PARAMS.probe_interval_ms, abs=2)
    assert hand.swim.health_score > 0


def test_the_word_of_one_helper_is_enough_to_end_it_a_moment_later() -> None:
    hand = Hand(members=5, seed=2)
    hand.member(2).rtt_us = 500
    hand.unplug(2)
    hand.silent.add(3)
    connect_ms = PARAMS.connect_timeout_ms
    while len({sent.to for sent in hand.probes(IndirectPing)}) < 3:
        hand.run(1)
    assert until_suspect(hand) == pytest.approx(connect_ms + connect_ms // 4, abs=3)
    assert hand.swim.health_score == 1, "the mute one may be right"


def test_the_last_helpers_nack_ends_the_round_of_a_cut_machine() -> None:
    hand = Hand(members=3)
    hand.member(2).rtt_us = 500
    hand.unplug(2)
    hand.silent.add(3)
    while not (asked := asked_about_n2(hand)):
        hand.run(1)
    request = asked[0]
    hand.run(PARAMS.connect_timeout_ms + 50)
    assert hand.state(2) == "alive"
    hand.hear(3, probe=Nack(request.seq))
    assert hand.state(2) == "suspect"


def test_a_member_never_measured_is_waited_for_as_long_as_the_others_take() -> None:
    hand = Hand(members=5)
    hand.unplug(2)
    hand.run(4_000)
    assert hand.member(2).rtt_us is None
    assert hand.member(3).rtt_us is not None
    asked = hand.probes(IndirectPing)[0].packet.probe
    assert isinstance(asked, IndirectPing)
    assert "no connection, no answer by UDP in 500 ms" in hand.member(2).evidence[0].detail


def test_whoever_is_refused_learns_nothing_of_itself_from_mute_helpers() -> None:
    hand = Hand(members=5)
    hand.member(2).rtt_us = 500
    hand.crash(2)
    hand.silent |= {3, 4, 5}
    while hand.state(2) == "alive":
        hand.run(1)
    assert hand.member(2).strength == REFUSED
    begun = [e for e in hand.done if isinstance(e, effects.MemberChanged) and e.member.name == name(2)]
    assert [change.cause for change in begun] == ["suspect"]


def test_who_doubts_itself_waits_longer_for_a_connection() -> None:
    hand = Hand(members=3)
    hand.kill(2)
    hand.hear(3, Suspect(name(1), uuid(1), 1, name(3)))
    (call,) = hand.calls(hand.hear(3, Suspect(name(2), uuid(2), 1, name(3))))
    assert call.timeout_us == 2 * PARAMS.connect_timeout_ms * MILLISECOND


def test_what_a_process_that_was_late_missed_is_forgiven_however_it_failed() -> None:
    hand = Hand(members=3)
    hand.crash(2)
    hand.hear(3, Suspect(name(2), uuid(2), 1, name(3)))
    hand.feed(events.LoopLagged(700 * MILLISECOND))
    hand.run(PARAMS.lag_grace_ms - 10)
    assert accusation(REFUSED) not in hand.told(Suspect)
