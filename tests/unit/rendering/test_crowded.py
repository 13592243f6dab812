"""More keys than the controller may see: who sees most of them has a problem, for a while, and the others go on."""

from __future__ import annotations

import msgspec

from pycluster import store
from pycluster.controllers import Act, Params
from pycluster.controllers import messages as m
from pycluster.rendering import RENDER, Rendering, Shelf, Work
from pycluster.rendering import Params as Pace
from tests.unit.controllers.hand import Hand
from tests.unit.rendering.test_plan import member, template


def problems(acts: list[Act]) -> dict[str, str]:
    """By template, what its last rendering was told."""
    works = [msgspec.msgpack.decode(act.argument, type=Work) for act in acts if act.name == RENDER]
    return {one.name: one.problem.partition(" ")[0] for work in works for one in work.wanted}


def test_who_may_see_too_many_keys_is_left_out_for_a_while_and_the_others_go_on() -> None:
    templates = (template("small", "a/"), template("great", "b/"), template("greater", "c/", "d"))
    hand = Hand(
        store.Store(store.Params()), Rendering(templates, Shelf(), "web1"), params=Params(keys_max=9, page_keys=3)
    )
    hand.put(b"a/1")
    for number in range(10):
        hand.put(b"b/%d" % number)
        hand.put(b"c/%d" % number)
    hand.meet(member())
    hand.feed(m.Started())
    assert problems([one.act for one in hand.acts]) == {"small": "", "great": "with", "greater": "with"}
    assert (hand.core.view().problem, hand.core.view().keys) == ("", 1)

    hand.acts.clear()
    hand.put(b"a/2")
    hand.pass_ms(1_000)
    assert problems([one.act for one in hand.acts])["small"] == ""

    hand.write(store.DeleteRange(b"b/", b"b0"))
    hand.acts.clear()
    hand.pass_ms(Pace().retry_max_ms + 2_000)
    assert problems([one.act for one in hand.acts]) == {"small": "", "great": "", "greater": "with"}

    for number in range(3, 10):
        hand.put(b"a/%d" % number)
    hand.acts.clear()
    hand.put(b"a/more")
    hand.pass_ms(2_000)
    assert problems([one.act for one in hand.acts]) == {"small": "with", "great": "", "greater": "with"}


def test_who_is_read_before_one_that_sees_far_too_many_is_not_left_out_for_it() -> None:
    templates = (template("first", "a/"), template("great", "b/"), template("last", "c/"))
    hand = Hand(store.Store(store.Params()), Rendering(templates, Shelf(), "web1"), params=Params(keys_max=9))
    for number in range(20):
        hand.put(b"b/%d" % number)
    for number in range(6):
        hand.put(b"a/%d" % number)
    hand.put(b"c/1")
    hand.meet(member())
    hand.feed(m.Started())
    assert problems([one.act for one in hand.acts]) == {"first": "", "great": "with", "last": ""}
    assert hand.core.view().keys == 7
