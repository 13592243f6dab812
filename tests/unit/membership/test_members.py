"""The table: counts, digest and records stay right change by change."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycluster.kernel.ids import Address
from pycluster.kernel.limits import FRAME_MAX_BYTES
from pycluster.kernel.units import SECOND
from pycluster.membership.members import STATES, Evidence, Member, Table, member_of, plausible, rank, tags_bytes
from pycluster.membership.messages import Alive, Record
from tests.paper.swim_hand import alive, name, uuid


def member(number: int, state: str = "alive", incarnation: int = 1) -> Member:
    made = member_of(alive(number, incarnation), "alive", 0)
    made.state = state  # type: ignore[assignment]
    return made


def table_of(*members: Member) -> Table:
    table = Table()
    for one in members:
        table.put(one)
    return table


def test_two_tables_with_the_same_members_have_the_same_digest_whatever_the_order() -> None:
    assert table_of(member(1), member(2)).digest == table_of(member(2), member(1)).digest


@given(st.lists(st.tuples(st.integers(1, 5), st.sampled_from(STATES), st.integers(1, 3)), max_size=30))
def test_the_digest_tells_what_is_held_not_how_it_came_about(steps: list[tuple[int, str, int]]) -> None:
    table = Table()
    last: dict[int, Member] = {}
    for number, state, incarnation in steps:
        if name(number) in table and incarnation == 3:
            table.drop(name(number))
            last.pop(number)
            continue
        last[number] = member(number, state, incarnation)
        table.put(last[number])
    assert table.digest == table_of(*last.values()).digest
    assert table.living == sum(one.state in ("alive", "suspect") for one in last.values())


def test_the_digest_tells_identity_incarnation_and_state_apart_but_not_a_suspicion() -> None:
    base = table_of(member(1)).digest
    assert table_of(member(1, incarnation=2)).digest != base
    assert table_of(member(1, "down")).digest != table_of(member(1, "left")).digest != base
    assert table_of(member(1, "suspect")).digest == base, "it passes by itself"


def test_records_carry_each_members_own_word_its_state_and_since_when() -> None:
    down = member(2, "down")
    down.state_since_us = 10 * SECOND
    (record,) = table_of(down).records(25 * SECOND, 0)
    assert (record.alive, STATES[record.state], record.age_s) == (alive(2), "down", 15)


def test_large_tags_are_left_out_of_gossip_and_marked_so() -> None:
    large = member_of(alive(2, tags={"rack": "r" * 600}), "alive", 0)
    told = large.alive_message(512)
    assert (told.tags, told.tags_hidden) == ({}, True)
    assert large.alive_message().tags == {"rack": "r" * 600}
    assert tags_bytes({"rack": "ü"}) == 4 + 2 + 4


def test_a_newer_word_whose_tags_are_left_out_keeps_the_known_ones() -> None:
    known = member_of(alive(2, tags={"a": "1"}), "alive", 0)
    assert not known.take(alive(2, 2, tags_hidden=True))
    assert known.tags == {"a": "1"}
    assert known.take(alive(2, 3, tags={"a": "2"}))


def test_evidence_is_bounded_and_keeps_the_newest() -> None:
    known = member(2)
    for at in range(10):
        known.note(Evidence(at, "missed", "n1"), at_most=4)
    assert [line.at_us for line in known.evidence] == [6, 7, 8, 9]


def test_ranks_differ_by_key_so_that_no_member_always_verifies() -> None:
    def first(key: str) -> str:
        return max((uuid(number) for number in range(1, 10)), key=lambda one: rank(one, key))

    assert len({first(f"key{number}") for number in range(100)}) == 9


def test_records_of_a_large_table_fit_one_frame_and_turn_by_turn_all_are_told() -> None:
    table = table_of(*(member_of(alive(n, tags={"notes": "x" * 8_000}), "alive", 0) for n in range(1, 1_001)))
    told: set[str] = set()
    for start in range(0, 1_000, 100):
        page = table.records(0, start)
        assert len(msgspec.msgpack.encode(page)) < FRAME_MAX_BYTES
        told |= {record.alive.name for record in page}
    assert len(told) == 1_000


def test_a_record_is_as_large_as_is_reckoned() -> None:
    address = Address("2001:db8:1111:2222:3333:4444:5555:6666", 65_535)
    huge = Alive("n" * 63, "u" * 64, 2**62, address, "r" * 128, "z" * 128, {}, "v" * 128)
    assert plausible(huge, 0)
    assert len(msgspec.msgpack.encode(Record(huge, 3, 10**9))) <= 800


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "n" * 64},
        {"name": "a b"},
        {"name": "../etc"},
        {"name": "node001\n"},
        {"name": "\x1b[31m"},
        {"address": Address("192.0.2.1", 0)},
        {"address": Address("192.0.2.1", 70_000)},
        {"address": Address("192.0.2.1", -1)},
        {"address": Address("a.name.is.looked.up", 7946)},
        {"uuid": "u" * 65},
        {"region": "r" * 129},
        {"incarnation": -1},
        {"tags": {"a": "x" * 9_000}},
    ],
)
def test_a_record_that_no_node_would_write_is_not_plausible(wrong: dict[str, object]) -> None:
    assert plausible(alive(2), 8_192)
    assert not plausible(msgspec.structs.replace(alive(2), **wrong), 8_192)
