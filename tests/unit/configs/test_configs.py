"""Entries: each change a version with its author and reason, checked, in one step, whoever else writes."""

from __future__ import annotations

import asyncio

import pytest

from pycluster import store
from pycluster.configs import (
    ChangeRequest,
    ChangesView,
    Contended,
    NoEntry,
    Params,
    Unfit,
    VersionDiffers,
    Wanted,
    id_of_try,
)
from pycluster.configs.names import ENTRIES
from pycluster.kernel.errors import LocalFault, LocalMisuse
from pycluster.node.ports import StateFailed
from tests.unit.configs.hand import Hand

PORT = '{"properties": {"port": {"type": "integer"}}, "required": ["port"]}'


def test_each_change_is_a_version_with_who_why_and_when() -> None:
    hand = Hand()
    assert hand.put("app.yaml", "a: 1\n").action == "created"
    hand.now_ms = 2_000_000
    changed = hand.put("app.yaml", "a: 2\n")
    assert (changed.action, changed.version, changed.before) == ("changed", 2, 1)
    now, old = hand.get("app.yaml"), hand.get("app.yaml", 1)
    assert (now.version, now.content, now.at_ms, now.current) == (2, "a: 2\n", 2_000_000, True)
    assert (old.version, old.content, old.at_ms, old.current) == (1, "a: 1\n", 1_000_000, False)
    assert (old.author, old.reason, old.format, old.size) == ("ada", "why not", "yaml", 5)
    assert hand.versions("app.yaml") == [2, 1]


def test_the_same_again_is_no_version() -> None:
    hand = Hand()
    hand.put("app.yaml", "a: 1\n")
    revision = hand.state.store.revision
    assert hand.put("app.yaml", "a: 1\n").action == "unchanged"
    assert hand.state.store.revision == revision
    assert hand.put("app.yaml", "a: 1\n", "text").version == 2, "another format is a change"
    assert hand.put("app.yaml", "a: [\n").version == 3, "which is kept"


def test_a_rollback_is_a_version_too() -> None:
    hand = Hand()
    for content in ("1", "2", "3"):
        hand.put("app.json", content)
    assert hand.rollback("app.json", 1).version == 4
    assert (hand.get("app.json").content, hand.get("app.json").reason) == ("1", "rollback to version 1")
    assert hand.get("app.json").author == "bob"
    assert hand.rollback("app.json", 4).action == "unchanged"
    with pytest.raises(NoEntry, match=r"version 9 of app\.json is not kept"):
        hand.rollback("app.json", 9)
    assert hand.versions("app.json") == [4, 3, 2, 1]


def test_what_is_deleted_can_be_had_back_and_counts_on() -> None:
    hand = Hand()
    hand.put("app", "one")
    gone = hand.put("app", None)
    assert (gone.action, gone.version) == ("deleted", 2)
    with pytest.raises(NoEntry, match="there is no entry app"):
        hand.get("app")
    assert [(one.version, one.deleted) for one in hand.run(hand.configs.history("app")).versions] == [
        (2, True),
        (1, False),
    ]
    assert hand.put("app", None).action == "unchanged"
    assert hand.rollback("app", 1).version == 3
    assert hand.get("app").content == "one"
    assert hand.rollback("app", 2).action == "deleted", "a rollback to a deletion deletes"
    assert hand.versions("app") == [4, 3, 2, 1]


def test_history_is_kept_by_count() -> None:
    hand = Hand(Params(history_versions=2))
    for number in range(6):
        hand.put("app", str(number))
    assert hand.versions("app") == [6, 5, 4]
    hand.put("app/other", "x")
    hand.put("app@node:x", "x")
    assert hand.versions("app") == [6, 5, 4]
    none = Hand(Params(history_versions=0))
    for content in ("1", "2"):
        none.put("app", content)
    assert none.versions("app") == [2]


def test_history_outlives_the_compaction_of_the_state() -> None:
    hand = Hand()
    for number in range(3):
        hand.put("app", str(number))
    hand.apply(store.Compact(hand.state.store.revision))
    assert [hand.get("app", version).content for version in (1, 2, 3)] == ["0", "1", "2"]


def test_a_condition_on_the_version() -> None:
    hand = Hand()
    assert hand.put("app", "1", if_version=0).version == 1
    with pytest.raises(VersionDiffers, match="app does not have version 0"):
        hand.put("app", "2", if_version=0)
    assert hand.put("app", "2", if_version=1).version == 2
    assert hand.put("app", "2", if_version=1).action == "unchanged", "a retry finds its own change made"
    with pytest.raises(VersionDiffers):
        hand.put("app", "3", if_version=1)
    with pytest.raises(VersionDiffers):
        hand.put("other", "3", if_version=1)
    with pytest.raises(VersionDiffers):
        hand.put("app", None, if_version=1)
    with pytest.raises(VersionDiffers):
        hand.put("app", "2", "yaml", if_version=1)
    assert hand.put("app", "2", "text", if_version=1).action == "unchanged"
    assert hand.put("app", None, if_version=2).action == "deleted"
    assert hand.put("app", None, if_version=2).action == "unchanged", "so does one of a deletion"
    with pytest.raises(VersionDiffers):
        hand.put("app", None, if_version=1)


def test_many_are_changed_in_one_step_or_none() -> None:
    hand = Hand()
    with pytest.raises(Unfit) as unfit:
        hand.change(
            Wanted(name="a.json", content="1"), Wanted(name="b.json", content="{"), Wanted(name="c.yaml", content="[")
        )
    assert [line.partition(":")[0] for line in unfit.value.problems] == ["b.json", "c.yaml"]
    assert hand.state.store.revision == 1
    done = hand.change(Wanted(name="a.json", content="1"), Wanted(name="b", content="x"))
    assert [one.version for one in done.changes] == [1, 1]
    assert hand.state.store.revision == 2 == done.revision
    again = hand.change(Wanted(name="a.json", content="1"), Wanted(name="b", content=None))
    assert [one.action for one in again.changes] == ["unchanged", "deleted"]


def test_a_dry_run_checks_and_tells_and_writes_nothing() -> None:
    hand = Hand()
    told = hand.change(Wanted(name="a.json", content="1"), dry_run=True)
    assert (told.dry_run, told.revision, told.changes[0].action) == (True, 0, "created")
    assert hand.state.store.revision == 1
    with pytest.raises(Unfit):
        hand.change(Wanted(name="a.json", content="{"), dry_run=True)


def test_bounds_are_told() -> None:
    hand = Hand(Params(content_max_bytes=10, batch_max=2))
    with pytest.raises(LocalMisuse, match="a is too large: it has 11 bytes, and 10 are possible"):
        hand.put("a", "é" * 5 + "x")
    with pytest.raises(LocalMisuse, match="3 entries cannot be changed together"):
        hand.change(*(Wanted(name=name, content="x") for name in "abc"))
    with pytest.raises(LocalMisuse, match="0 entries"):
        hand.change()
    with pytest.raises(LocalMisuse, match="given twice"):
        hand.change(*(Wanted(name="a", content="x") for _ in range(2)))


def test_the_largest_batch_of_the_deepest_names_goes_through_or_is_told() -> None:
    hand = Hand()
    params = Params()
    flat = tuple(Wanted(name=f"site/{number:02d}.conf", content="x") for number in range(params.batch_max))
    assert len(hand.change(*flat).changes) == params.batch_max
    deep = tuple(Wanted(name=f"{n}/" + "/".join("abcdefghijk") + "/x", content="x") for n in range(params.batch_max))
    with pytest.raises(LocalMisuse, match="too much for one step"):
        hand.change(*deep)


def test_text_without_a_schema_is_not_sent_to_a_parser() -> None:
    hand = Hand()
    hand.put("nginx.conf", "server {")
    assert hand.judged == []
    hand.put("@schema", '{"type": "string", "maxLength": 20}')
    hand.put("nginx.conf", "server { }")
    assert len(hand.judged) == 2


def test_a_schema_counts_with_every_entry_that_it_is_for() -> None:
    hand = Hand(Params(judged_max_bytes=65_536))
    for name in ("m/a", "m/b"):
        hand.put(name, "x")
    with pytest.raises(LocalMisuse, match="too much to check"):
        hand.put("m/@schema", "description: " + "x" * 30_000)
    hand.put("m/@schema", "description: " + "x" * 20_000)


def test_a_schema_judges_what_its_prefix_covers_before_it_is_accepted() -> None:
    hand = Hand()
    hand.put("services/@schema", PORT)
    hand.put("other/a.yaml", "host: x")
    with pytest.raises(Unfit, match="not accepted") as unfit:
        hand.put("services/a.yaml", "host: x")
    assert unfit.value.problems == ("services/a.yaml: /: 'port' is a required property (services/@schema)",)
    hand.put("services/a.yaml", "port: 1")
    hand.put("services/deep/a.toml", "port = 1")
    with pytest.raises(Unfit):
        hand.put("services/deep/a.toml", 'port = "x"')


def test_a_schema_that_what_is_there_breaks_is_not_accepted() -> None:
    hand = Hand()
    hand.put("a/x.json", "{}")
    hand.put("a/y.json", '{"port": 1}')
    hand.put("a/y.json@node:web1", '{"port": null}')
    with pytest.raises(Unfit) as unfit:
        hand.put("a/@schema", PORT)
    assert [line.partition(": ")[0] for line in unfit.value.problems] == ["a/x.json", "a/y.json@node:web1"]
    fixed = hand.change(
        Wanted(name="a/@schema", content=PORT),
        Wanted(name="a/x.json", content='{"port": 2}'),
        Wanted(name="a/y.json@node:web1", content=None),
    )
    assert len(fixed.changes) == 3, "together with what makes it fit it is"
    with pytest.raises(LocalMisuse, match="cannot be text"):
        hand.put("b/@schema", "x", "text")


def test_an_override_is_judged_on_what_it_overrides_and_the_other_way_round() -> None:
    hand = Hand()
    hand.put("a.json@schema", PORT)
    hand.put("a.json", '{"port": 1, "host": "x"}')
    hand.put("a.json@zone:z", '{"host": "y"}')
    with pytest.raises(Unfit, match="not accepted"):
        hand.put("a.json@node:n", '{"port": "x"}')
    with pytest.raises(LocalMisuse, match="an override has the format of what it overrides"):
        hand.put("a.json@node:n", "port: 2", "yaml")
    with pytest.raises(Unfit):
        hand.put("a.json", None)
    done = hand.change(Wanted(name="a.json", content=None), Wanted(name="a.json@zone:z", content=None))
    assert [one.action for one in done.changes] == ["deleted", "deleted"]


def test_a_change_of_what_it_depends_on_meanwhile_is_seen() -> None:
    hand, other = Hand(), Hand()
    other.state = hand.state
    other.configs._state = hand.state
    hand.put("a.json", "{}")

    hand.meanwhile = [lambda: void(other.put("a.json@schema", '{"maxProperties": 1}'))]
    with pytest.raises(Unfit, match="not accepted"):
        hand.put("a.json", '{"x": 1, "y": 2}')
    hand.meanwhile = [lambda: void(other.put("a.json", '{"z": 1}'))]
    assert hand.put("a.json", '{"w": 1}').version == 3, "nobody's version is lost"
    hand.meanwhile = [lambda: void(other.put("a.json", '{"z": 2}'))]
    with pytest.raises(VersionDiffers):
        hand.put("a.json", '{"v": 1}', if_version=3)
    hand.meanwhile = [lambda: void((other.put("b", "x"), other.put("b", None)))]
    assert hand.put("b", "y").version == 3, "a name that came and went meanwhile counts on"


def test_a_deletion_meanwhile_is_seen() -> None:
    hand, other = Hand(), Hand()
    other.state = hand.state
    other.configs._state = hand.state
    hand.put("a", "1")
    hand.meanwhile = [lambda: void(other.put("a", None))]
    assert hand.put("a", "2").version == 3
    assert hand.versions("a") == [3, 2, 1]
    hand.put("b.json@schema", PORT)
    hand.put("b.json", '{"port": 1}')
    hand.meanwhile = [lambda: void(other.put("b.json", None))]
    with pytest.raises(Unfit):
        hand.put("b.json@node:n", "{}")


def void(_: object) -> None:
    """Nothing is given back."""


def test_who_is_always_too_late_is_told() -> None:
    hand, other = Hand(), Hand()
    other.state = hand.state
    other.configs._state = hand.state
    hand.meanwhile = [lambda n=n: void(other.put("a", f"other {n}")) for n in range(5)]  # type: ignore[misc]
    with pytest.raises(Contended, match="others change the same entries"):
        hand.put("a", "x")


def test_each_try_has_an_id_of_its_own_made_from_the_callers() -> None:
    hand, other = Hand(), Hand()
    other.state = hand.state
    other.configs._state = hand.state
    hand.meanwhile = [lambda: void(other.put("a", "other"))]
    hand.change(Wanted(name="a", content="x"), request_id=b"mine")
    ids = [asked.request_id for asked in hand.state.asked if isinstance(asked.request, store.Txn)]
    assert sorted(ids) == sorted((b"", id_of_try(b"mine", 0), id_of_try(b"mine", 1))) and len(set(ids)) == 3


@pytest.mark.parametrize("length", [1, 62, 63, 64])
def test_all_of_the_callers_id_counts_however_long_it_is(length: int) -> None:
    hand = Hand()
    for content in ("x", "y"):
        hand.change(Wanted(name="a", content=content), request_id=content.encode() + b"=" * (length - 1))
        assert hand.get("a").content == content
    assert all(len(id_of_try(b"=" * length, tried)) <= 64 for tried in (0, 4))


def test_a_retry_tells_what_the_first_one_made_and_not_what_others_made_of_it() -> None:
    hand = Hand()
    for name in ("a", "gone", "same"):
        hand.put(name, "one")
    wanted = [Wanted(name=name, content="two") for name in ("a", "new")]
    wanted += [Wanted(name="gone"), Wanted(name="same", content="one")]
    first = hand.change(*wanted, request_id=b"mine")
    assert [(one.action, one.version, one.before) for one in first.changes] == [
        ("changed", 2, 1),
        ("created", 1, 0),
        ("deleted", 2, 1),
        ("unchanged", 1, 1),
    ]
    for name in ("a", "new", "gone"):
        hand.put(name, "somebody else's")
    assert hand.change(*wanted, request_id=b"mine") == first
    assert (hand.get("a").version, hand.get("a").content) == (3, "somebody else's")


def test_another_change_at_once_under_the_same_id_is_not_told_as_done() -> None:
    hand = Hand()
    hand.put("a", "one")

    async def both() -> tuple[ChangesView | BaseException, ...]:
        requests = (ChangeRequest(entries=(Wanted(name="a", content=content),)) for content in ("two", "three"))
        asked = (hand.configs.change(request, request_id=b"mine") for request in requests)
        return tuple(await asyncio.gather(*asked, return_exceptions=True))

    first, second = hand.run(both())
    assert isinstance(first, ChangesView) and isinstance(second, LocalMisuse)
    assert hand.get("a").content == "two"


@pytest.mark.parametrize("wanted", [Wanted(name="b", content="two"), Wanted(name="gone")], ids=repr)
def test_what_an_entry_was_already_another_change_did_not_make(wanted: Wanted) -> None:
    hand = Hand()
    hand.put("b", "two")
    hand.change(Wanted(name="a", content="two"), request_id=b"mine")
    for name in ("b", "gone"):
        hand.put(name, "three")
    with pytest.raises(LocalMisuse, match="given to another change"):
        hand.change(wanted, request_id=b"mine")
    assert hand.get(wanted.name).content == "three"


@pytest.mark.parametrize(
    "other", [Wanted(name="a", content="three"), Wanted(name="a"), Wanted(name="b", content="two")], ids=repr
)
def test_another_change_under_the_same_id_is_refused_and_not_told_as_done(other: Wanted) -> None:
    hand = Hand()
    hand.put("a", "one")
    hand.change(Wanted(name="a", content="two"), request_id=b"mine")
    with pytest.raises(LocalMisuse, match="given to another change"):
        hand.change(other, request_id=b"mine")
    assert hand.get("a").content == "two"


def test_a_list_has_no_contents_goes_on_where_it_ended_and_copes_with_large_ones() -> None:
    hand = Hand()
    for number in range(8):
        hand.put(f"large/{number}", "x" * 262_144)
    hand.put("small/a", "x")
    found = hand.run(hand.configs.list())
    assert found.more and all(one.content == "" and one.size == 262_144 for one in found.entries)
    names: list[str] = []
    more, after = True, ""
    while more:
        piece = hand.run(hand.configs.list("", after))
        names += [one.name for one in piece.entries]
        more, after = piece.more, names[-1]
    assert names == [f"large/{number}" for number in range(8)] + ["small/a"]
    assert [one.name for one in hand.run(hand.configs.list("small/")).entries] == ["small/a"]
    assert [one.name for one in hand.run(hand.configs.list(limit=2)).entries] == ["large/0", "large/1"]


def test_the_history_of_a_large_entry_is_read_in_pieces() -> None:
    hand = Hand()
    for number in range(7):
        hand.put("a", f"{number}" + "x" * 262_000)
    assert hand.versions("a") == [7, 6, 5, 4, 3, 2, 1]


def test_a_value_that_somebody_forced_is_named() -> None:
    hand = Hand()
    hand.apply(store.Put(ENTRIES + b"app", b"no entry"))
    for work in (hand.configs.get("app"), hand.configs.list()):
        with pytest.raises(LocalFault, match="the key /pycluster/config/entry/app holds no configuration entry"):
            hand.run(work)
    with pytest.raises(LocalFault):
        hand.put("app", "x")


def test_what_the_state_refuses_is_raised() -> None:
    hand = Hand()
    hand.state.failures = [store.Failure("no-leader")]
    with pytest.raises(StateFailed, match="no-leader"):
        hand.get("app")
