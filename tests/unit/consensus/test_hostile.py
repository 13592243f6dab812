"""A voter survives whatever a decoder lets through: sense is not assumed, and its own rules still hold."""

from __future__ import annotations

import msgspec.inspect
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pycluster.consensus import Halt, Message, Stored, Vote
from tests.paper.raft_hand import CLUSTER, Hand, log_of
from tests.unit.wire.bodies import values

WORDS = st.sampled_from(["", CLUSTER, "uuid1", "uuid2", "uuid3", "node001", "node003", "other"])
NUMBERS = st.sampled_from([0, 1, 2, 3, 4, 5, 6] * 4 + [1_000_000_000, 2**62])
ANY = values(msgspec.inspect.type_info(Message), WORDS, NUMBERS)
AIMED = ANY.map(
    lambda message: msgspec.structs.replace(message, cluster_uuid=CLUSTER, from_uuid="uuid1", to_uuid="uuid2")
)
MESSAGES = ANY | AIMED | AIMED
STEPS = st.lists(st.tuples(st.sampled_from(["tell", "tell", "tell", "due", "write"]), MESSAGES), max_size=25)
STARTS = {
    "empty": Stored(),
    "founding": Stored(Vote(1), log_of(1)),
    "log": Stored(Vote(2, "uuid2"), log_of(1, 1, 2)),
}


@pytest.mark.parametrize("role", ["follower", "leader"])
@pytest.mark.parametrize("start", STARTS)
@settings(max_examples=150)
@given(steps=STEPS)
def test_no_message_is_fatal(start: str, role: str, steps: list[tuple[str, Message]]) -> None:
    """Terms never fall, what was committed is never replaced, and no deadline lies behind."""
    hand = Hand(stored=STARTS[start])
    if role == "leader" and start == "log":
        hand.act()
    hand.later(0)
    term, committed = hand.raft.term, list(hand.raft.entries[: hand.raft.view(hand.now_us).commit_index])
    for what, message in steps:
        if what == "tell":
            hand.tell(1, message)
        elif what == "write":
            hand.write()
        elif hand.raft.next_deadline() is not None:
            hand.due()
        if hand.did(Halt):
            return
        due = hand.raft.next_deadline()
        assert due is None or due > hand.now_us
        assert hand.raft.term >= term and hand.raft.entries[: len(committed)] == committed
        term, committed = hand.raft.term, list(hand.raft.entries[: hand.raft.view(hand.now_us).commit_index])
