"""A non-voter believes a voter's word, for as long as somebody vouches for it."""

from __future__ import annotations

from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycluster.consensus import LeaderAnswer, Voter
from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.node.config import Params
from pycluster.node.following import Following
from pycluster.wire import Claim
from tests.unit.node.village import Village

TTL = Params().claim_ttl_ms * MILLISECOND


def answer(term: int, leader: str) -> LeaderAnswer:
    return LeaderAnswer(
        term, leader, f"uuid-{leader}", False, "cluster", (Voter("node001", "a"), Voter("node002", "b"))
    )


@pytest.fixture
def following() -> Following:
    return Following(Params(), Random(1))


def test_gossip_alone_never_installs_a_leader(following: Following) -> None:
    following.hear(Claim(3, "node001", 0), SECOND)
    assert following.belief is None
    assert following.wants_query(SECOND)


def test_a_voters_answer_installs_it(following: Following) -> None:
    following.asking()
    following.answered("node002", answer(3, "node001"), SECOND)
    assert following.belief is not None
    assert (following.belief.leader, following.belief.term) == ("node001", 3)
    assert following.voters == (("node001", "a"), ("node002", "b"))


def test_who_took_part_itself_goes_by_nothing_older(following: Following) -> None:
    following.answered("node002", answer(3, "node001"), SECOND)
    following.took_part(7, "cluster", (("node002", "b"),))
    assert following.belief is None and following.voters == (("node002", "b"),)
    following.answered("node002", answer(6, "node001"), 2 * SECOND)
    assert following.belief is None, "an earlier term"
    following.answered("node002", answer(7, "node002"), 2 * SECOND)
    assert following.belief is not None and following.belief.leader == "node002"


def test_claims_keep_it_alive_and_their_age_counts(following: Following) -> None:
    following.answered("node002", answer(3, "node001"), 0)
    following.hear(Claim(3, "node001", 4_000), 8 * SECOND)
    following.expire(4 * SECOND + TTL - 1)
    assert following.belief is not None
    following.expire(4 * SECOND + TTL)
    assert following.belief is None
    assert "no voter vouched for node001 within 10 s" in following.reason


def test_half_way_to_the_end_a_voter_is_asked(following: Following) -> None:
    following.answered("node002", answer(3, "node001"), 0)
    assert not following.wants_query(TTL // 2 - 1)
    assert following.wants_query(TTL // 2)
    following.asking()
    assert not following.wants_query(TTL // 2)


def test_a_jump_is_confirmed_before_it_is_shown(following: Following) -> None:
    following.answered("node002", answer(3, "node001"), 0)
    following.hear(Claim(4, "node002", 0), SECOND)
    assert following.belief is not None and following.belief.leader == "node001"
    assert following.wants_query(SECOND)
    following.asking()
    following.answered("node003", answer(4, "node002"), SECOND)
    assert following.belief.leader == "node002"


def test_the_term_never_goes_back(following: Following) -> None:
    following.answered("node002", answer(5, "node002"), 0)
    following.hear(Claim(4, "node001", 0), SECOND)
    following.answered("node001", answer(4, "node001"), SECOND)
    assert following.belief is not None and following.belief.term == 5


def test_two_leaders_of_one_term_are_never_believed_in_turn(following: Following) -> None:
    following.answered("node002", answer(5, "node002"), 0)
    following.hear(Claim(5, "node001", 0), SECOND)
    assert not following.wants_query(SECOND)


def test_a_claim_that_is_too_old_is_worth_nothing(following: Following) -> None:
    following.hear(Claim(3, "node001", TTL // MILLISECOND), SECOND)
    following.answered("node002", None, SECOND)
    assert not following.wants_query(SECOND)


def test_what_is_passed_on_grows_old(following: Following) -> None:
    assert following.claim(0) is None
    following.answered("node002", answer(3, "node001"), SECOND)
    assert following.claim(3 * SECOND) == Claim(3, "node001", 2_000)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["hear", "answer", "none", "expire"]),
            st.integers(-5, 9),
            st.sampled_from(["node001", "node002", ""]),
            st.integers(-10, 20_000),
            st.integers(0, 3 * SECOND),
        ),
        max_size=40,
    )
)
def test_whatever_is_heard_terms_are_monotone_and_beliefs_are_voters_words(
    steps: list[tuple[str, int, str, int, int]],
) -> None:
    following = Following(Params(), Random(1))
    now, highest, words = 0, 0, set()
    for what, term, leader, age_ms, pause in steps:
        now += pause
        if what == "hear":
            following.hear(Claim(term, leader, age_ms), now)
        elif what == "answer":
            words.add((term, leader))
            following.answered("voter", answer(term, leader), now)
        elif what == "none":
            following.answered("voter", None, now)
        following.expire(now)
        if following.belief is not None:
            assert following.belief.term >= highest
            assert (following.belief.term, following.belief.leader) in words
            assert now - following.belief.vouched_us < TTL
            highest = following.belief.term


def test_a_new_cluster_is_followed_once_nobody_vouches_for_the_old_one(
    following: Following,
) -> None:
    """``recover`` and a new bootstrap begin with low terms."""
    following.answered("node002", answer(50, "node002"), 0)
    anew = msgspec.structs.replace(answer(2, "node001"), cluster_uuid="another")
    following.answered("node001", anew, SECOND)
    assert following.belief is not None and following.belief.term == 50, "somebody still vouched for the old one"
    following.expire(TTL)
    following.answered("node002", answer(49, "node003"), TTL)
    assert following.belief is None, "within one cluster no term goes back"
    following.answered("node001", anew, TTL)
    assert following.belief is not None and (following.belief.term, following.belief.leader) == (2, "node001")


def test_a_rumour_that_is_not_confirmed_yet_is_asked_about_again_soon_and_then_ever_more_rarely(
    following: Following,
) -> None:
    now_us = SECOND
    following.hear(Claim(4, "node002", 0), now_us)
    pauses = []
    for _ in range(7):
        assert following.wants_query(now_us)
        following.asking()
        following.answered("node002", answer(4, ""), now_us)
        asked_us = now_us
        while not following.wants_query(now_us):
            now_us += MILLISECOND
        pauses.append((now_us - asked_us) // MILLISECOND)
    assert pauses[0] <= 75, "the leader may have been elected a few milliseconds before it could say so"
    assert min(pauses[-2:]) >= Params().query_interval_ms


@pytest.mark.parametrize("seed", [1, 7])
def test_who_was_cut_off_asks_the_only_voter_again_though_it_still_suspects_it(seed: int) -> None:
    village = Village(tuple(f"node{number:03}" for number in range(1, 21)), ("node001",), seed)
    village.run(5)
    cut = village.cut("node009")

    def belief() -> str:
        member = village.node("node009").member("node001", village.now("node009"))
        return member.state if member is not None else ""

    for _ in range(60):
        if belief() == "suspect" and not village.leader("node009").leader:
            break
        village.run(0.5)
    assert belief() == "suspect"
    village.heal(cut)
    village.run(1.5)
    assert village.leader("node009").leader == "node001"
