"""What a node says of its files: once all were looked at, when a version or a problem changes, and never otherwise."""

from __future__ import annotations

import msgspec

from pycluster.controllers import Act, Plan, View, Write
from pycluster.node.view import MemberView
from pycluster.rendering import PROBE, Reporting, Shelf, Standing
from pycluster.rollouts import FileReport, Report, node_key, unpacked
from pycluster.settings import Selector, Template
from pycluster.store import DeleteRange, KeyValue, Put
from tests.unit.rendering.test_plan import member, template

KEY = node_key("web1")


class Desk:
    """A shelf, and what was written."""

    def __init__(self, *templates: Template) -> None:
        self.shelf = Shelf()
        self.reporting = Reporting(templates, self.shelf, "web1")
        self.keys: dict[bytes, KeyValue] = {}
        self.members: tuple[MemberView, ...] = (member(),)
        self.now_ms, self.revision = 1_000_000, 1

    def rendered(self, name: str, version: int, *, staged: bool = False, entry: str = "web.j2") -> None:
        self.shelf.rendered(name, Standing(content=b"x", version=version, wanted="w", entry=entry, staged=staged))

    def placed(self, name: str, version: int, *, staged: bool = False) -> None:
        self.rendered(name, version, staged=staged)
        self.shelf.placed(name, self.now_ms)

    def plan(self) -> Plan:
        view = View("web1", 0, self.revision, self.keys, self.members, "web1")
        return self.reporting.plan(view, self.now_ms)

    def play(self) -> list[str]:
        """What is probed; what is written is there afterwards."""
        probed = []
        for step in self.plan().steps:
            if isinstance(step, Act):
                assert step.name == PROBE
                probed.append(step.argument.decode())
                continue
            assert isinstance(step, Write)
            assert step.compare[0].key == KEY
            assert step.compare[0].number == (self.keys[KEY].mod_revision if self.keys else 0)
            self.revision += 1
            (write,) = step.writes
            if isinstance(write, DeleteRange):
                del self.keys[KEY]
            else:
                assert isinstance(write, Put)
                self.keys[KEY] = KeyValue(KEY, write.value, self.revision, self.revision, 1, 0)
        return probed

    def said(self) -> tuple[FileReport, ...]:
        return unpacked(self.keys[KEY], Report).files


def test_nothing_is_said_before_all_was_looked_at_and_then_once() -> None:
    desk = Desk(template("a", entry="web.j2"), template("b", entry="web.j2"), template("local"))
    desk.placed("a", 3)
    assert desk.plan() == Plan()
    desk.placed("b", 3)
    assert desk.play() == []
    assert desk.said() == tuple(FileReport(name, "web.j2", 3, 3, 1_000_000) for name in "ab")
    assert desk.plan() == Plan()
    desk.now_ms += 5_000
    desk.placed("a", 3)
    assert desk.plan() == Plan(), "the same version, rendered for another reason"


def test_a_failure_names_the_version_that_is_wanted_and_the_one_in_place() -> None:
    desk = Desk(template("a", entry="web.j2"))
    desk.placed("a", 3)
    desk.play()
    desk.now_ms += 1_000
    desk.rendered("a", 4)
    assert desk.plan() == Plan(), "it is not tried yet"
    desk.shelf.failed("a", "the check failed", desk.now_ms)
    desk.play()
    assert desk.said() == (FileReport("a", "web.j2", 4, 3, 1_000_000, "the check failed"),)
    desk.now_ms += 1_000
    desk.placed("a", 4)
    desk.play()
    assert desk.said() == (FileReport("a", "web.j2", 4, 4, 1_002_000),)


def test_a_new_life_keeps_what_it_could_not_have_changed() -> None:
    desk = Desk(template("a", entry="web.j2"))
    desk.placed("a", 3)
    desk.play()
    desk.now_ms += 9_000
    desk.shelf = Shelf()
    desk.reporting = Reporting((template("a", entry="web.j2"),), desk.shelf, "web1")
    assert desk.plan() == Plan()
    desk.rendered("a", 4)
    desk.shelf.failed("a", "the check failed", desk.now_ms)
    desk.play()
    assert desk.said() == (FileReport("a", "web.j2", 4, 3, 1_000_000, "the check failed"),)


def test_what_is_for_other_nodes_or_from_no_entry_any_more_is_not_said_any_more() -> None:
    here = msgspec.structs.replace(template("a", entry="web.j2"), nodes=(Selector("tag", "web", "role"),))
    desk = Desk(here)
    desk.members = (member(role="web"),)
    desk.placed("a", 3)
    desk.play()
    desk.members = (member(role="db"),)
    desk.play()
    assert desk.keys == {}
    assert desk.plan() == Plan()
    left = Desk()
    left.keys[KEY] = KeyValue(KEY, b'{"files": []}', 7, 7, 1, 0)
    left.revision = 7
    left.play()
    assert left.keys == {}


def test_a_file_of_a_rollout_is_probed_until_it_passes() -> None:
    desk = Desk(template("a", entry="web.j2", probe=("/bin/probe",)))
    desk.placed("a", 3)
    assert desk.play() == [], "what is in force is nobody's question"
    desk.placed("a", 4, staged=True)
    assert desk.play() == ["a"]
    assert desk.said()[0].probe == "it is not probed yet"
    desk.shelf.probed("a", "exit code 7", desk.now_ms + 1_000)
    assert desk.play() == []
    assert desk.said()[0].probe == "exit code 7"
    assert desk.plan().again_ms == desk.now_ms + 1_000
    desk.now_ms += 1_000
    assert desk.play() == ["a"]
    desk.shelf.probed("a", "", desk.now_ms + 1_000)
    assert desk.play() == []
    assert desk.said() == (FileReport("a", "web.j2", 4, 4, 1_000_000),)
    assert desk.plan() == Plan()
    desk.shelf = Shelf()
    desk.reporting = Reporting((template("a", entry="web.j2", probe=("/bin/probe",)),), desk.shelf, "web1")
    desk.placed("a", 4, staged=True)
    assert desk.plan() == Plan(), "a new life does not ask again what was answered"
    desk.placed("a", 5, staged=True)
    assert desk.play() == ["a"], "another version is another question"


def test_the_same_version_of_another_entry_is_another_question() -> None:
    desk = Desk(template("a", entry="web.j2", probe=("/bin/probe",)))
    desk.placed("a", 3, staged=True)
    desk.play()
    desk.shelf.probed("a", "", desk.now_ms)
    assert (desk.play(), desk.said()[0].probe) == ([], "")
    desk.rendered("a", 3, staged=True, entry="web.j2@node:web1")
    assert desk.shelf.view(template("a", entry="web.j2"), here=True).placed_version == 0, "of that none is in place yet"
    desk.shelf.placed("a", desk.now_ms)
    assert desk.play() == ["a"]
    assert (desk.said()[0].entry, desk.said()[0].probe) == ("web.j2@node:web1", "it is not probed yet")


def test_a_problem_of_another_kind_between_is_no_passed_probe() -> None:
    desk = Desk(template("a", entry="web.j2", probe=("/bin/probe",)))
    desk.placed("a", 3)
    desk.play()
    desk.placed("a", 4, staged=True)
    desk.play()
    desk.shelf.probed("a", "exit code 7", desk.now_ms + 1_000)
    desk.play()
    desk.rendered("a", 4, staged=True)
    desk.shelf.failed("a", "the check failed", desk.now_ms)
    desk.play()
    assert (desk.said()[0].problem, desk.said()[0].probe) == ("the check failed", "")
    desk.placed("a", 4, staged=True)
    assert desk.play() == ["a"], "another key, which broke its check, is mended"
    assert desk.said()[0].probe == "it is not probed yet"
