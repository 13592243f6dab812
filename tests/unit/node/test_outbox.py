"""Numbers that bring answers back to whoever asked."""

from __future__ import annotations

from pycluster import consensus
from pycluster.consensus import LeaderQuery, Vote
from pycluster.kernel.ids import Address
from pycluster.node.effects import Call, Persist
from pycluster.node.ledger import Ledger
from pycluster.node.outbox import Outbox
from pycluster.wire import Codec

PEER = Address("192.0.2.7", 7946)


def outbox() -> Outbox:
    made = Outbox(Codec("demo"), Ledger(()))
    made.begin(5)
    return made


def test_persist_tokens_rise_by_one_whoever_asks() -> None:
    box = outbox()
    box.save_incarnation(3)
    box.save_log(consensus.Persist(1, Vote(4)))
    box.save_incarnation(4)
    assert box.effects == [Persist(1, 3), Persist(2, None, Vote(4)), Persist(3, 4)]


def test_a_disk_that_answers_for_many_at_once_answers_consensus_too() -> None:
    box = outbox()
    for token in (1, 2):
        box.save_log(consensus.Persist(token))
    box.save_incarnation(4)
    box.save_log(consensus.Persist(3))
    assert box.persisted(3) == 2, "the newest of consensus that is covered"
    assert box.persisted(3) is None
    assert box.persisted(4) == 3


def test_an_incarnation_alone_is_nothing_to_consensus() -> None:
    box = outbox()
    box.save_incarnation(1)
    assert box.persisted(1) is None


def test_a_call_is_answered_once() -> None:
    box = outbox()
    box.call(PEER, LeaderQuery(), 1_000, "node002")
    box.call(PEER, LeaderQuery(), 1_000, 17)
    assert [effect.call for effect in box.effects if isinstance(effect, Call)] == [1, 2]
    assert box.called(2) == (PEER, 17) and box.called(2) is None
    assert box.called(1) == (PEER, "node002") and box.called(99) is None


def test_each_handle_begins_with_nothing() -> None:
    box = outbox()
    box.publish("warning", "text", node="node001", term=3)
    (told,) = box.effects
    box.append(None)
    assert box.effects == [told]
    box.begin(6)
    assert box.effects == []


def test_what_was_taken_is_kept_here_no_longer() -> None:
    box = outbox()
    box.save_incarnation(3)
    assert box.taken() == [Persist(1, 3)]
    assert box.effects == []
    box.save_incarnation(4)
    assert box.taken() == [Persist(2, 4)]
