"""Overrides: which count at a node, and in which order."""

from __future__ import annotations

from pycluster.configs.merging import counts, ordered
from pycluster.configs.names import parse
from pycluster.node.view import MemberView

MEMBER = MemberView(
    name="web1",
    uuid="",
    host="",
    address="",
    state="alive",
    role="follower",
    voter=False,
    local=False,
    region="eu",
    zone="eu-1",
    tags={"role": "db", "rack": "r1"},
)


def test_which_overrides_count_and_in_which_order() -> None:
    texts = ("a@node:web1", "a@tag:role=db", "a@zone:eu-1", "a", "a@tag:rack=r1", "a@region:eu")
    names = [parse(text) for text in texts]
    assert all(counts(name, MEMBER) for name in names)
    expected = ["a", "a@region:eu", "a@zone:eu-1", "a@tag:rack=r1", "a@tag:role=db", "a@node:web1"]
    assert [name.text for name in ordered(names)] == expected
    for text in ("a@node:web2", "a@tag:role=web", "a@tag:other=", "a@zone:eu", "a@region:eu-1"):
        assert not counts(parse(text), MEMBER)
