"""The plan of rendered files, performed by a fake: what changed is rendered, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from pycluster.configs import ENTRIES, Entry
from pycluster.controllers import Act, Plan, View
from pycluster.judging import Reads
from pycluster.node.view import MemberView
from pycluster.rendering import (
    PLACE,
    RENDER,
    Params,
    Rendering,
    Shelf,
    Standing,
    Work,
    fingerprints,
    interests,
    selects,
)
from pycluster.settings import Selector, Template
from pycluster.store import KeyValue

LIMIT = 500


def member(name: str = "web1", *, local: bool = True, zone: str = "a", **tags: str) -> MemberView:
    return MemberView(name, name, name, f"{name}:7946", "alive", "follower", False, local, zone=zone, tags=tags)


def template(name: str, *keys: str, **more: object) -> Template:
    fields = {"source": "" if "entry" in more else f"/etc/{name}.j2", "destination": f"/etc/{name}", "keys": keys}
    return msgspec.convert({"name": name, **fields, **more}, Template)


class Stage:
    """A state, a shelf and somebody who performs: ``reads`` says what each template looks at, ``broken`` what fails."""

    def __init__(
        self,
        *templates: Template,
        reads: Callable[[str], Reads] = lambda name: Reads(),
        params: Params | None = None,
    ) -> None:
        self.templates = {one.name: one for one in templates}
        self.reads = reads
        self.broken: set[str] = set()
        #: The names of each act that puts files in place.
        self.placed: list[list[str]] = []
        self.works: list[Work] = []
        self.shelf = Shelf()
        self.controller = Rendering(templates, self.shelf, "web1", params)
        self.keys: dict[bytes, KeyValue] = {}
        self.members: tuple[MemberView, ...] = (member(),)
        self.leader = "web1"
        self.revision, self.now_ms = 0, 1_000_000

    def put(self, key: str | bytes, value: bytes = b"x") -> None:
        self.revision += 1
        name = key.encode() if isinstance(key, str) else key
        self.keys[name] = KeyValue(name, value, self.revision, self.revision, 1, 0)

    def entry(self, name: str, version: int, content: str) -> None:
        self.put(ENTRIES + name.encode(), msgspec.json.encode(Entry(version, "text", "ada", "", 0, content)))

    def plan(self) -> Plan:
        view = View("web1", 0, self.revision, self.keys, self.members, self.leader)
        return self.controller.plan(view, self.now_ms)

    def play(self) -> list[str]:
        """The names that one plan renders; all of it is performed."""
        rendered: list[str] = []
        for step in self.plan().steps:
            assert isinstance(step, Act)
            if step.name == RENDER:
                work = msgspec.msgpack.decode(step.argument, type=Work)
                self.work = work
                self.works.append(work)
                for one in work.wanted:
                    reads = self.reads(one.name)
                    print_of = fingerprints(work)(self.templates[one.name], reads)
                    made = Standing(reads=reads, fingerprint=print_of, content=b"made", version=one.version, wanted="w")
                    self.shelf.rendered(one.name, made)
                    rendered.append(one.name)
                continue
            assert step.name == PLACE
            self.placed.append(step.argument.decode().split("\n"))
            for name in self.placed[-1]:
                if not selects(self.templates[name], self.members[0]):
                    self.shelf.drop(name)
                elif name in self.broken:
                    self.shelf.failed(name, "the check failed", self.now_ms)
                else:
                    self.shelf.placed(name, self.now_ms)
        return rendered


def test_of_five_hundred_files_only_what_reads_the_changed_key_is_rendered() -> None:
    names = [f"t{number:03}" for number in range(LIMIT)]
    stage = Stage(*(template(name, "app/") for name in names), reads=lambda name: Reads((f"app/{name}".encode(),)))
    for name in names:
        stage.put(f"app/{name}")
    assert stage.play() == names
    assert stage.play() == []
    stage.put("app/t123", b"y")
    assert stage.play() == ["t123"]
    stage.put("elsewhere")
    assert stage.plan() == Plan()
    del stage.keys[b"app/t007"]
    assert stage.play() == ["t007"]


def test_a_prefix_that_was_read_counts_with_all_that_comes_and_goes() -> None:
    stage = Stage(template("web", "up/"), reads=lambda name: Reads(prefixes=(b"up/",)))
    assert stage.play() == ["web"]
    stage.put("up/a")
    stage.put("up/b")
    assert stage.play() == ["web"]
    del stage.keys[b"up/a"]
    assert stage.play() == ["web"]
    del stage.keys[b"up/b"]
    stage.put("up/c")
    assert stage.play() == ["web"]
    assert stage.play() == []


def test_members_and_leader_count_where_they_are_read() -> None:
    reads = {"plain": Reads(), "members": Reads(members=True), "leader": Reads(leader=True)}
    stage = Stage(*(template(name) for name in reads), reads=reads.__getitem__)
    assert stage.play() == list(reads)
    stage.leader = "web2"
    assert stage.play() == ["leader"]
    stage.members = (member(), member("web2", local=False))
    assert stage.play() == ["members"]
    stage.members = (member(), msgspec.structs.replace(member("web2", local=False), rtt_ms=3.0, last_seen_ms=9))
    assert stage.play() == [], "what changes by itself is not read"


def test_the_text_is_the_entry_s_or_what_overrides_it_here() -> None:
    stage = Stage(template("web", entry="web.j2"))
    assert stage.play() == ["web"]
    assert stage.work.wanted[0].problem == "there is no entry web.j2"
    stage.entry("web.j2", 3, "base")
    stage.entry("web.j2@zone:a", 5, "zone a")
    stage.entry("web.j2@node:web2", 1, "another node")
    assert stage.play() == ["web"]
    assert (stage.work.wanted[0].text, stage.work.wanted[0].version) == ("zone a", 5)
    stage.members = (member(zone="b"),)
    assert stage.play() == ["web"]
    assert stage.work.wanted[0].text == "base"


def test_what_failed_is_tried_again_later_and_later_and_keeps_nobody_else_waiting() -> None:
    stage = Stage(template("bad"), template("good"))
    stage.broken = {"bad"}
    assert stage.play() == ["bad", "good"]
    view = {one: stage.shelf.view(stage.templates[one], True) for one in ("bad", "good")}
    assert (view["bad"].state, view["bad"].problem) == ("failed", "the check failed")
    assert view["good"].state == "in-place"
    pauses = []
    for _ in range(12):
        again = stage.plan().again_ms
        assert again is not None
        pauses.append(again - stage.now_ms)
        stage.now_ms = again
        assert stage.play() == ["bad"]
    assert pauses[:4] == [1_000, 2_000, 4_000, 8_000]
    assert pauses[-1] == 300_000
    stage.broken = set()
    stage.now_ms += 300_000
    assert stage.play() == ["bad"]
    assert stage.shelf.view(stage.templates["bad"], True).state == "in-place"
    assert stage.plan() == Plan()


def test_what_was_rendered_and_did_not_get_into_its_place_does_so_with_the_next_plan() -> None:
    stage = Stage(template("web"), template("other"))
    stage.play()
    standing = stage.shelf.of("web")
    assert standing is not None
    standing.content = b"made"
    (step,) = stage.plan().steps
    assert isinstance(step, Act)
    assert (step.name, step.argument) == (PLACE, b"web")
    assert stage.play() == [], "it is not rendered again"
    assert stage.plan() == Plan()


def test_a_clock_that_was_set_back_keeps_no_failed_file_waiting_for_the_time_it_had() -> None:
    stage = Stage(template("bad"))
    stage.broken = {"bad"}
    stage.play()
    stage.now_ms -= 365 * 86_400_000
    assert stage.play() == ["bad"]
    assert stage.play() == [], "its pause counts from the new time on"


def test_a_batch_has_what_its_templates_may_see_and_no_more() -> None:
    stage = Stage(template("web", "up/", "port"))
    for key in ("up/a", "port", "porter", "secret"):
        stage.put(key)
    stage.play()
    assert [key for key, _, _ in stage.work.keys] == [b"port", b"up/a"]


@pytest.mark.parametrize(
    ("nodes", "here"),
    [
        ((), True),
        ((Selector("node", "web1"),), True),
        ((Selector("node", "web2"), Selector("node", "web1")), True),
        ((Selector("node", "web1"), Selector("zone", "b")), False),
        ((Selector("tag", "web", "role"),), True),
        ((Selector("tag", "db", "role"),), False),
        ((Selector("region", "eu"),), False),
    ],
)
def test_a_file_is_for_the_nodes_it_names(nodes: tuple[Selector, ...], here: bool) -> None:
    chosen = msgspec.structs.replace(template("web"), nodes=nodes)
    assert selects(chosen, member(role="web")) == here
    stage = Stage(chosen)
    stage.members = (member(role="web"),)
    assert stage.play() == (["web"] if here else [])


def test_nothing_is_watched_twice() -> None:
    both = interests((template("a", "web/", "web/up/", "web/x", "port"), template("b", "port", "web/")), "web1")
    assert [(one.key, one.range_end) for one in both] == [(b"port", b""), (b"web/", b"web0")]


def test_an_entry_that_is_none_is_its_own_file_s_problem() -> None:
    stage = Stage(template("web", entry="web.j2"), template("other"))
    stage.put(ENTRIES + b"web.j2", b"no entry at all")
    assert stage.play() == ["web", "other"]
    assert stage.work.wanted[0].problem
    assert stage.work.wanted[1].problem == ""


def test_a_file_that_is_not_for_this_node_any_more_is_dropped_once() -> None:
    stage = Stage(template("web", nodes=[{"scope": "tag", "key": "role", "value": "web"}]))
    stage.members = (member(role="web"),)
    assert stage.play() == ["web"]
    stage.members = (member(role="db"),)
    assert len(stage.plan().steps) == 1
    assert stage.play() == []
    assert stage.plan() == Plan()
    stage.members = (member(role="web"),)
    assert stage.play() == ["web"]


def test_files_that_share_a_reload_are_put_in_place_together() -> None:
    one, other = ["/bin/reload", "a"], ["/bin/reload", "b"]
    shared = {"a": one, "b": other, "c": one, "d": [], "e": []}
    stage = Stage(*(template(name, reload=words) for name, words in shared.items()))
    assert stage.play() == [*"abcde"]
    assert stage.placed == [["a", "c"], ["b"], ["d"], ["e"]]


def test_one_that_may_see_too_much_is_its_own_problem_and_what_is_too_much_together_goes_in_batches() -> None:
    few = Params(input_max_bytes=100)
    seen = {"a": "a/", "both": "", "great": "great/", "b": "b/", "a too": "a/"}
    stage = Stage(*(template(name, *([keys] if keys else ["a/", "b/"])) for name, keys in seen.items()), params=few)
    stage.put("a/1", b"x" * 57)
    stage.put("b/1", b"x" * 30)
    stage.put("great/1", b"x" * 94)
    assert stage.play() == ["great", "a", "both", "b", "a too"]
    great, rest = stage.works
    assert great.wanted[0].problem == "it may see more than 100 bytes of keys and values; give it narrower keys"
    assert great.keys == ()
    assert [one.problem for one in rest.wanted] == [""] * 4
    stage.put("b/1", b"x" * 60)
    for name in seen:
        stage.shelf.drop(name)
    stage.works.clear()
    assert sorted(stage.play()) == sorted(seen)
    names = [([one.name for one in work.wanted], [key for key, _, _ in work.keys]) for work in stage.works]
    assert names == [(["both", "great"], []), (["a"], [b"a/1"]), (["b"], [b"b/1"]), (["a too"], [b"a/1"])]
