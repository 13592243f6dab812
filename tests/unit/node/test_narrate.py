"""The words for members and leaders. The origin's lines stand here as the origin prints them; more may follow them."""

from __future__ import annotations

import pytest

from pycluster.kernel.ids import Address
from pycluster.membership import Member, MemberChanged
from pycluster.membership.messages import Alive
from pycluster.node import narrate

MEMBER = Member("node004", "u", Alive("node004", "u", 1, Address("192.0.2.4", 7946)), 1, "alive", 0)


@pytest.mark.parametrize(
    ("cause", "detail", "kind", "text"),
    [
        ("discovered", "", "member-up", "New node discovered: node004"),
        ("alive", "returned", "member-up", "New node discovered: node004 (came back)"),
        ("alive", "", "member-refuted", "Node node004 is alive: it refuted the suspicion"),
        ("suspect", "accused by node002", "member-suspect", "Node suspected: node004 (accused by node002)"),
        ("down", "verified", "member-down", "Node timeout: node004 (verified)"),
        ("down", "", "member-down", "Node timeout: node004"),
        ("left", "", "member-left", "Node left: node004"),
        ("updated", "its tags", "member-updated", "Node node004 changed (its tags)"),
        ("forgotten", "", "member-forgotten", "Node forgotten: node004"),
    ],
)
def test_a_members_change(cause: str, detail: str, kind: str, text: str) -> None:
    change = MemberChanged(cause, MEMBER, detail)  # type: ignore[arg-type]
    assert (narrate.member_kind(change), narrate.member_text(change)) == (kind, text)


def test_the_election() -> None:
    assert narrate.following("node002", 3) == "Following new leader: node002 (term 3)"
    assert narrate.became_leader("node002", 3) == "Became new leader: node002 (term 3)"
    assert narrate.role_changed("node004", "follower") == "Updated node node004 state to follower"
    assert narrate.leader_timed_out("node001").startswith("Leader node001 timed out, initiating new election")
    assert narrate.no_leader("reaches 2 of 5 voters") == "No leader: reaches 2 of 5 voters"
    assert narrate.stopped_leading("node002", 3, "why") == "Stopped leading: node002 (term 3): why"
