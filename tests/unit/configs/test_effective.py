"""What a node gets of an entry: merged from what is meant for it, judged, and bounded."""

from __future__ import annotations

import msgspec
import pytest

from pycluster import store
from pycluster.configs import Entry, NoEntry, Params, packed_entry
from pycluster.configs.names import ENTRIES
from pycluster.kernel.errors import LocalMisuse
from tests.unit.configs.hand import Hand
from tests.unit.configs.test_merging import MEMBER


def test_what_a_node_gets() -> None:
    hand = Hand()
    hand.put("app.json", '{"a": 1, "b": 1, "c": 1, "d": 1}')
    for scope, content in (
        ("region:eu", '{"a": 2, "b": 2, "c": 2}'),
        ("zone:eu-1", '{"b": 3, "c": 3}'),
        ("tag:role=db", '{"c": 4}'),
        ("node:web1", '{"d": null}'),
        ("node:web2", '{"a": 9}'),
    ):
        hand.put(f"app.json@{scope}", content)
    hand.put("motd", "hello")
    hand.put("motd@zone:eu-1", "hello Europe")
    hand.put("only@node:web2", "x")
    hand.put("@schema", '{"minProperties": 1}')
    found = hand.run(hand.configs.effective("web1", (MEMBER,)))
    app, motd = found.entries
    assert msgspec.json.decode(app.content) == {"a": 2, "b": 3, "c": 4}
    assert [layer.name.partition("@")[2] for layer in app.layers] == [
        "",
        "region:eu",
        "zone:eu-1",
        "tag:role=db",
        "node:web1",
    ]
    assert (motd.content, motd.layers[-1].version) == ("hello Europe", 1)
    with pytest.raises(NoEntry, match="there is no node web9"):
        hand.run(hand.configs.effective("web9", (MEMBER,)))


def test_layers_that_fit_alone_and_not_together_are_told() -> None:
    hand = Hand()
    hand.put("dir/@schema", '{"maxProperties": 2}')
    hand.put("dir/a.json", '{"a": 1}')
    hand.put("dir/a.json@zone:eu-1", '{"b": 1}')
    hand.put("dir/a.json@node:web1", '{"c": 1}')
    for prefix in ("", "dir/", "dir/a.json"):
        (entry,) = hand.run(hand.configs.effective("web1", (MEMBER,), prefix)).entries
        assert (entry.content, len(entry.problems)) == ("", 1)
        assert "dir/@schema" in entry.problems[0]


def test_what_is_only_read_is_merged_by_a_judge_of_its_own_and_has_the_same_bound() -> None:
    hand = Hand(Params(judged_max_bytes=65_536))
    for name in ("a.json", "b.json"):
        hand.put(name, f'"{"x" * 25_000}"')
        hand.put(f"{name}@node:web1", f'"{"y" * 25_000}"')
    judged = len(hand.judged)
    with pytest.raises(LocalMisuse, match="100008 characters have to be read for it, of 65536 possible"):
        hand.run(hand.configs.effective("web1", (MEMBER,)))
    assert hand.judged_reads == []
    (entry,) = hand.run(hand.configs.effective("web1", (MEMBER,), "a")).entries
    assert entry.content.strip() == f'"{"y" * 25_000}"'
    assert (len(hand.judged), len(hand.judged_reads)) == (judged, 1)


def test_what_a_node_gets_has_a_bound_and_what_others_get_does_not_count() -> None:
    hand = Hand()
    # 34 times a quarter of a mebibyte, of which the node gets all but the last two.
    bare = Entry(1, "text", "ada", "", 1)
    large = msgspec.structs.replace(bare, content="x" * (262_144 - len(packed_entry(bare))))
    for number in range(32):
        hand.apply(store.Put(ENTRIES + b"some/%02d" % number, packed_entry(large)))
    for number in range(2):
        hand.apply(store.Put(ENTRIES + b"some/%02d@node:web2" % number, packed_entry(large)))
    found = hand.run(hand.configs.effective("web1", (MEMBER,)))
    assert [len(one.content) for one in found.entries] == [len(large.content)] * 32
    hand.put("some/more", "x")
    with pytest.raises(LocalMisuse, match=r"web1 gets is too much for one answer: .* more than 8388608 bytes") as much:
        hand.run(hand.configs.effective("web1", (MEMBER,)))
    assert much.value.remedy == "ask for an entry by its name, or for those that begin with a longer prefix"
    assert len(hand.run(hand.configs.effective("web1", (MEMBER,), "some/0")).entries) == 10
