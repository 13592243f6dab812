"""Lifeguard (Dadgar, Phillips, Currey, arXiv 1707.00788) §IV-A, local health aware probe: doubt yourself first.

As in memberlist, a failed probe whose helpers all said nack costs nothing: it shows that this node's own network works.
"""

from __future__ import annotations

import pytest

from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.membership import events
from pycluster.membership.health import Health
from pycluster.membership.messages import Ack, IndirectPing, Nack, Ping, Suspect
from pycluster.membership.params import Params
from tests.paper.swim_hand import Hand, address, name, uuid


def accused(hand: Hand, times: int) -> None:
    """It has to refute so often."""
    for incarnation in range(1, times + 1):
        hand.hear(2, Suspect(name(1), uuid(1), incarnation, name(2)))


def test_section_4_a_refuting_a_suspicion_of_oneself_costs_one_step() -> None:
    hand = Hand(members=3)
    accused(hand, 2)
    assert hand.swim.health_score == 2
    assert "suspect" in hand.swim.health_reasons()[-1]


def test_section_4_a_each_helper_that_neither_acks_nor_nacks_costs_one_step() -> None:
    hand = Hand(members=5)
    hand.kill(2)
    while not any(sent.to == address(2) for sent in hand.probes(Ping)):
        hand.run(1)
    hand.run(600, answering=False)
    helpers = [int(sent.to.host.rpartition(".")[2]) for sent in hand.probes(IndirectPing)]
    probe = hand.probes(IndirectPing)[0].packet.probe
    assert isinstance(probe, IndirectPing)
    hand.kill(*helpers)
    hand.hear(helpers[0], probe=Nack(probe.seq))
    hand.hear(helpers[0], probe=Nack(probe.seq))
    hand.run(400, answering=False)
    assert hand.swim.health_score == 2, "two of three said nothing; one that says nack twice is one"


def test_section_4_a_a_failed_probe_with_every_nack_costs_nothing() -> None:
    hand = Hand(members=5)
    hand.kill(2)
    while hand.state(2) == "alive":
        hand.run(10)
    assert hand.swim.health_score == 0


def test_section_4_a_a_successful_probe_gives_one_step_back() -> None:
    hand = Hand(members=3)
    accused(hand, 3)
    hand.run(30_000)
    assert hand.swim.health_score == 0
    assert hand.swim.health_reasons() == ()


def test_section_4_a_the_counter_saturates() -> None:
    hand = Hand(members=3)
    accused(hand, 50)
    assert hand.swim.health_score == hand.params.health_max


@pytest.mark.parametrize("score", [0, 1, 3])
def test_section_4_a_period_and_time_out_are_multiplied_by_the_score_and_one(score: int) -> None:
    rare = Params(seed_interval_min_ms=60_000, reconnect_interval_ms=60_000, seed_interval_ms=60_000)
    hand = Hand(members=2, params=rare)
    hand.kill(2)
    accused(hand, score)
    begun: dict[int, int] = {}
    while len(begun) < 3:
        hand.run(1)
        for sent in hand.probes(Ping):
            assert isinstance(sent.packet.probe, Ping)
            begun.setdefault(sent.packet.probe.seq, hand.now_us)
    assert hand.swim.health_score == score, "nobody could help, so nothing is learned of one's own network"
    _, second_us, third_us = begun.values()
    assert third_us - second_us == (1 + score) * SECOND


def test_section_4_a_whoever_is_asked_says_nack_before_the_askers_time_is_up() -> None:
    hand = Hand(members=3)
    hand.kill(3)
    hand.hear(2, probe=IndirectPing(77, name(3), uuid(3), address(3)))
    asked_us = hand.now_us
    while not hand.probes(Nack):
        hand.run(1)
    (nack,) = hand.probes(Nack)
    assert (nack.to, nack.packet.probe) == (address(2), Nack(77))
    assert hand.now_us - asked_us <= hand.params.ack_timeout_ms * 8 // 10 * MILLISECOND


def test_section_4_a_an_ack_that_comes_after_the_nack_is_passed_on_all_the_same() -> None:
    hand = Hand(members=3)
    hand.kill(3)
    done = hand.hear(2, probe=IndirectPing(77, name(3), uuid(3), address(3)))
    probe = hand.probes(Ping, done)[0].packet.probe
    assert isinstance(probe, Ping)
    while not hand.probes(Nack):
        hand.run(1)
    done = hand.hear(3, probe=Ack(probe.seq, name(3), uuid(3)))
    (ack,) = hand.probes(Ack, done)
    assert (ack.to, ack.packet.probe) == (address(2), Ack(77, name(3), uuid(3)))


def test_ours_a_process_that_was_late_accuses_nobody_for_what_it_missed() -> None:
    hand = Hand(members=3)
    hand.run(2_000)
    hand.now_us += 10 * SECOND
    hand.feed(events.LoopLagged(10 * SECOND))
    hand.run(hand.params.lag_grace_ms - 100, answering=False)
    assert {hand.state(2), hand.state(3)} == {"alive"}
    assert hand.swim.health_score > 0
    assert "late" in hand.swim.health_reasons()[-1]


def test_ours_a_timer_that_comes_far_too_late_is_a_lag_of_its_own() -> None:
    hand = Hand(members=3)
    hand.run(2_000)
    hand.now_us += 5 * SECOND
    hand.feed(events.Timer())
    assert hand.swim.health_score > 0
    assert {hand.state(2), hand.state(3)} == {"alive"}


def test_reasons_are_few_and_end_with_the_score() -> None:
    health = Health(Params())
    for number in range(20):
        health.worse(1, f"reason {number}")
    assert len(health.reasons()) == 5
    for _ in range(20):
        health.better()
    assert health.reasons() == ()
