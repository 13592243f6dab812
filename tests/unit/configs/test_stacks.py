"""Several overrides together: what a node would get of them is judged before one of them is accepted."""

from __future__ import annotations

import msgspec
import pytest

from pycluster.configs import Unfit, Wanted
from pycluster.node.view import MemberView
from tests.unit.configs.hand import Hand
from tests.unit.configs.test_merging import MEMBER

#: Each half alone is fine.
SCHEMA = '{"not": {"required": ["a", "b"]}}'
PROBLEM = "is not accepted: app.yaml at web1: /: "
ZONE, NODE = "app.yaml@zone:eu-1", "app.yaml@node:web1"


def hand(*members: MemberView) -> Hand:
    made = Hand(members=members or (MEMBER,))
    made.put("app.yaml", "x: 1\n")
    made.put("@schema", SCHEMA)
    made.put(ZONE, "a: 1\n")
    return made


def other(name: str, **more: object) -> MemberView:
    return msgspec.structs.replace(MEMBER, name=name, **more)


def test_what_does_not_fit_together_is_refused_whichever_comes_last() -> None:
    stage = hand()
    with pytest.raises(Unfit, match=PROBLEM):
        stage.put(NODE, "b: 1\n")
    stage.put(ZONE, None)
    stage.put(NODE, "b: 1\n")
    with pytest.raises(Unfit, match=PROBLEM):
        stage.put(ZONE, "a: 1\n")
    stage.put(NODE, "b: 1\na: null\n")
    stage.put(ZONE, "a: 1\n")


def test_both_in_one_step_are_judged_together() -> None:
    stage = hand()
    stage.put(ZONE, None)
    with pytest.raises(Unfit, match=PROBLEM):
        stage.change(Wanted(name=ZONE, content="a: 1\n"), Wanted(name=NODE, content="b: 1\n"))
    stage.change(Wanted(name=ZONE, content="a: 1\n"), Wanted(name=NODE, content="a: 2\n"))


def test_the_entry_and_its_schema_are_judged_with_all_that_lies_on_them() -> None:
    stage = hand()
    stage.put("app.yaml@tag:role=db", "c: 1\n")
    with pytest.raises(Unfit, match=PROBLEM):
        stage.put("@schema", '{"not": {"required": ["a", "c"]}}')
    stage.put("@schema", '{"not": {"required": ["a", "c", "d"]}}')
    with pytest.raises(Unfit, match=r"app\.yaml at web1"):
        stage.put("app.yaml", "d: 1\n")


def test_where_no_node_gets_both_nothing_is_refused() -> None:
    hand(other("web1", zone="eu-2")).put(NODE, "b: 1\n")
    hand(other("web1", state="left")).put(NODE, "b: 1\n")
    hand(other("web2")).put(NODE, "b: 1\n")


def test_a_stack_is_judged_once_and_only_where_the_change_has_part_in_it() -> None:
    stage = hand(*(other(f"web{number}") for number in range(1, 100)))
    stage.judged.clear()
    stage.put("app.yaml@tag:role=db", "c: 1\n")
    assert [case.name for case in stage.judged[-1]] == ["app.yaml@tag:role=db", "app.yaml at web1"]
    stage.put("app.yaml@region:us", "b: 1\n")
    assert [case.name for case in stage.judged[-1]] == ["app.yaml@region:us"]
    stage.put("app.yaml@node:web7", "d: 1\n")
    assert [case.layers for case in stage.judged[-1]][1:] == [("x: 1\n", "a: 1\n", "c: 1\n", "d: 1\n")]
