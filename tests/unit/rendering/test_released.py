"""Which text a node renders while it is rolled out: the old one, until all that says otherwise is there."""

from __future__ import annotations

from itertools import permutations

from pycluster.configs import Entry, entry_key, packed_entry
from pycluster.rollouts import Release, Staged, packed, release_key, releases_of, staged_key
from tests.unit.rendering.test_plan import Stage, template

OLD = Entry(1, "text", "ada", "", 0, "old", rolling=2)
NEW = Entry(2, "text", "ada", "", 0, "new")
BACK = Entry(3, "text", "ada", "", 0, "old")
NAME = "web.j2"
KEYS = {
    entry_key(NAME): packed_entry(OLD),
    staged_key(NAME, 2): packed(Staged(OLD, NEW)),
    release_key("web1", NAME, 2): packed(Release(1, 0)),
}


def rendered(stage: Stage) -> str:
    """The text that the newest rendering was made from."""
    stage.play()
    return str(stage.work.wanted[0].text)


def begun() -> Stage:
    stage = Stage(template("web", entry=NAME))
    stage.entry(NAME, 1, "old")
    assert rendered(stage) == "old"
    return stage


def test_whatever_is_seen_first_the_old_text_counts_until_all_of_it_is_seen() -> None:
    for order in permutations(KEYS):
        stage = begun()
        for key in order[:-1]:
            stage.put(key, KEYS[key])
            assert rendered(stage) == "old", order
        stage.put(order[-1], KEYS[order[-1]])
        assert rendered(stage) == "new", order
        assert (stage.work.wanted[0].version, stage.work.wanted[0].staged) == (2, True)
        assert stage.play() == []


def test_whatever_goes_first_at_the_end_nothing_goes_to_and_fro() -> None:
    for final, text in ((NEW, "new"), (BACK, "old")):
        stage = begun()
        for key, value in KEYS.items():
            stage.put(key, value)
        assert rendered(stage) == "new"
        stage.put(entry_key(NAME), packed_entry(final))
        assert rendered(stage) == text
        for key in list(KEYS)[1:]:
            del stage.keys[key]
            assert stage.play() == [], "what is deleted a minute later does not matter any more"


def test_another_node_s_release_is_none_and_another_version_s_neither() -> None:
    stage = begun()
    stage.put(entry_key(NAME), KEYS[entry_key(NAME)])
    stage.put(staged_key(NAME, 2), KEYS[staged_key(NAME, 2)])
    stage.put(release_key("web2", NAME, 2), packed(Release(1, 0)))
    stage.put(release_key("web1", NAME, 1), packed(Release(1, 0)))
    assert rendered(stage) == "old"


def test_a_template_of_another_entry_is_not_rendered_for_it() -> None:
    stage = Stage(template("web", entry=NAME), template("other", entry="other.j2"))
    stage.entry(NAME, 1, "old")
    stage.entry("other.j2", 1, "other")
    assert stage.play() == ["web", "other"]
    for key, value in KEYS.items():
        stage.put(key, value)
    assert stage.play() == ["web"]


def test_what_is_staged_is_seen_through_the_interests() -> None:
    stage = begun()
    for key in KEYS:
        assert any(one.has(key) for one in stage.controller.interests), key
    assert not any(one.has(release_key("web2", NAME, 2)) for one in stage.controller.interests)


def test_what_somebody_else_wrote_there_releases_nothing_and_stops_nobody() -> None:
    stage = begun()
    stage.put(releases_of("web1")[0] + b"nonsense", b"x")
    stage.put(releases_of("web1")[0] + b"bad name#1", b"x")
    stage.put(releases_of("web1")[0] + b"\xff#1", b"x")
    stage.put(entry_key(NAME), KEYS[entry_key(NAME)])
    assert rendered(stage) == "old"
