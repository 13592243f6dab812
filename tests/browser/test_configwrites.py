"""Entries written from the page: over the version that was seen, judged before, undone by a new version."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from pycluster import store
from tests.browser import cast
from tests.browser.configs import SCHEMA, card, entry, live, names, text_box, visit, write
from tests.browser.conftest import Serve
from tests.browser.stage import Stage
from tests.browser.test_configuration import command, versions
from tests.browser.visit import Visitor


@pytest.fixture
def stage(serve: Serve) -> Stage:
    return serve(cast.five())


def test_an_entry_is_edited_over_the_version_that_was_seen(page: Page, stage: Stage) -> None:
    write(stage, "web/app.yaml", "port: 80\n")
    visit(page, stage, name="web/app.yaml")
    page.get_by_role("link", name="Edit").click()
    expect(page).to_have_url(re.compile("do=edit"))
    expect(text_box(page)).to_have_value("port: 80\n")
    expect(card(page)).to_contain_text("Written only if the entry still has version 1.")
    text_box(page).fill("port: 81\n")
    page.get_by_label("Reason").fill("it's time")
    page.get_by_label("Author").fill("ada")
    said = "pycluster config put -if-version 1 --author ada --reason 'it'\\''s time' web/app.yaml < FILE"
    expect(command(page, said)).to_be_visible()
    page.get_by_role("button", name="See what changes").click()
    diff = page.get_by_role("list", name="What would change")
    expect(diff.locator("del")).to_have_text(["port: 80"])
    expect(diff.locator("ins")).to_have_text(["port: 81"])
    page.get_by_role("button", name="Write", exact=True).click()
    expect(card(page).locator("pre.value")).to_have_text("port: 81\n")
    found = entry(stage, "web/app.yaml")
    assert (found.version, found.content, found.author, found.reason) == (2, "port: 81\n", "ada", "it's time")
    page.get_by_role("link", name="Edit").click()
    expect(page.get_by_label("Author", exact=True)).to_have_value("ada")
    expect(page.get_by_label("Reason")).to_have_value("")


def test_mistakes_are_shown_at_their_lines_and_nothing_is_written(visitor: Visitor, page: Page, stage: Stage) -> None:
    visitor.refusals = (422,)
    write(stage, "web/@schema", SCHEMA)
    write(stage, "web/app.yaml", "# it\nport: 80\n")
    visit(page, stage, name="web/app.yaml", do="edit")
    text_box(page).fill("# it\nport: http\nworkers: 1\ntls:\n  cert: 5\n")
    page.get_by_role("button", name="Write", exact=True).click()
    problems = page.get_by_role("alert")
    expect(problems).to_contain_text("web/app.yaml: /port: 'http' is not of type 'integer' (web/@schema)")
    expect(problems.get_by_role("button")).to_have_text(["line 2", "line 5"])
    expect(page.locator(".gutter .bad")).to_have_text(["2", "5"])
    expect(text_box(page)).to_have_attribute("aria-invalid", "true")
    problems.get_by_role("button", name="line 5").click()
    expect(text_box(page)).to_be_focused()
    assert text_box(page).evaluate("one => one.value.slice(one.selectionStart, one.selectionEnd)") == "  cert: 5"
    text_box(page).fill("workers: 1\n")
    page.get_by_role("button", name="Check").click()
    expect(problems).to_contain_text("/: 'port' is a required property")
    text_box(page).fill("port: [\n")
    page.get_by_role("button", name="Check").click()
    expect(problems).to_contain_text("no YAML")
    expect(page.locator(".gutter .bad")).to_have_text(["2"])
    text_box(page).fill("port: 8080\n")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("No mistakes.")).to_be_visible()
    expect(problems).to_have_count(0)
    assert entry(stage, "web/app.yaml").version == 1


def test_what_a_schema_would_break_elsewhere_is_told_too(visitor: Visitor, page: Page, stage: Stage) -> None:
    visitor.refusals = (422,)
    write(stage, "web/app.yaml", "port: 80\n")
    visit(page, stage, do="new", name="web/@schema")
    text_box(page).fill("properties:\n  port: {type: string}\n")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("alert")).to_contain_text("web/app.yaml: /port: 80 is not of type 'string' (web/@schema)")
    expect(page.get_by_role("alert").get_by_role("button")).to_have_count(0)


def test_a_lost_race_writes_nothing_and_shows_what_the_other_wrote(visitor: Visitor, page: Page, stage: Stage) -> None:
    visitor.refusals = (409,)
    write(stage, "n", "1\n")
    visit(page, stage, name="n", do="edit")
    live(page)
    text_box(page).fill("mine\n")
    write(stage, "n", "theirs\n", "bob", "better")
    expect(page.get_by_text("Version 2 was written meanwhile.")).to_be_visible()
    page.get_by_role("button", name="Write", exact=True).click()
    conflict = page.get_by_role("alert", name="Somebody was faster")
    expect(conflict).to_contain_text("nothing of yours was written")
    expect(conflict).to_contain_text("version 2, by bob: better")
    expect(conflict.locator("ins")).to_have_text(["theirs"])
    assert entry(stage, "n").content == "theirs\n"
    page.get_by_role("button", name="Keep mine, to write over theirs").click()
    expect(text_box(page)).to_have_value("mine\n")
    expect(card(page)).to_contain_text("still has version 2")
    page.get_by_role("button", name="Write", exact=True).click()
    expect(card(page).locator("pre.value")).to_have_text("mine\n")
    assert entry(stage, "n").version == 3


def test_theirs_can_be_taken_before_it_comes_to_a_race(page: Page, stage: Stage) -> None:
    write(stage, "n", "1\n")
    visit(page, stage, name="n", do="edit")
    live(page)
    text_box(page).fill("mine\n")
    write(stage, "n", "theirs\n")
    page.get_by_role("button", name="See it").click()
    page.get_by_role("button", name="Take theirs").click()
    expect(text_box(page)).to_have_value("theirs\n")
    expect(card(page)).to_contain_text("still has version 2")


def test_an_entry_that_was_deleted_meanwhile_can_be_created_again(visitor: Visitor, page: Page, stage: Stage) -> None:
    visitor.refusals = (409, 404)
    write(stage, "n", "1\n")
    visit(page, stage, name="n", do="edit")
    live(page)
    text_box(page).fill("again\n")
    write(stage, "n", None)
    expect(page.get_by_text("Deleted meanwhile.")).to_be_visible()
    page.get_by_role("button", name="Write", exact=True).click()
    expect(page.get_by_text("They deleted the entry.")).to_be_visible()
    page.get_by_role("button", name="Keep mine, to create it again").click()
    page.get_by_role("button", name="Create").click()
    expect(card(page).locator("pre.value")).to_have_text("again\n")
    assert entry(stage, "n").version == 3


def test_a_new_entry_is_created_and_never_written_over_another(visitor: Visitor, page: Page, stage: Stage) -> None:
    visitor.refusals = (409,)
    write(stage, "web/taken", "theirs")
    visit(page, stage, prefix="web/")
    page.get_by_role("link", name="New entry").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("web/")
    page.get_by_label("Name", exact=True).fill("web/taken")
    text_box(page).fill("mine")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("alert", name="Somebody was faster").locator("ins")).to_contain_text("theirs")
    page.get_by_label("Name", exact=True).fill("web/free.json")
    text_box(page).fill('{"a": 1}')
    expect(page.get_by_role("combobox", name="Format")).to_have_value("json")
    expect(command(page, "pycluster config put -if-version 0 web/free.json < FILE")).to_be_visible()
    page.get_by_role("button", name="Create").click()
    expect(page).to_have_url(f"{stage.url}/configuration?prefix=web%2F&name=web%2Ffree.json")
    expect(names(page)).to_have_text(["web/free.json", "web/taken"])
    assert entry(stage, "web/taken").content == "theirs"


def test_a_name_that_is_none_is_refused_in_the_agents_words(visitor: Visitor, page: Page, stage: Stage) -> None:
    visitor.refusals = (400,)
    visit(page, stage, do="new")
    page.get_by_label("Name", exact=True).fill("a b")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("alert")).to_contain_text("'a b' is no name of a configuration entry")


def test_an_override_is_written_for_one_of_the_members(page: Page, stage: Stage) -> None:
    write(stage, "web/app.yaml", "port: 80\n")
    visit(page, stage, name="web/app.yaml")
    page.get_by_role("button", name="Override it …").click()
    known = page.locator("#override-values option")
    assert known.evaluate_all("all => all.map((one) => one.value)") == [f"node{n:03d}" for n in range(1, 6)]
    page.get_by_label("Where").select_option("zone")
    assert known.evaluate_all("all => all.map((one) => one.value)") == ["a", "b", "c"]
    page.get_by_label("Which").fill("b")
    page.get_by_role("button", name="Write an override").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("web/app.yaml@zone:b")
    text_box(page).fill("port: 81\n")
    page.get_by_role("button", name="Create").click()
    expect(names(page)).to_have_text(["web/app.yaml", "web/app.yaml@zone:b"])


def test_a_rollback_is_a_new_version_with_a_reason(page: Page, stage: Stage) -> None:
    for content in ("one\n", "two\n", "three\n"):
        write(stage, "n", content)
    visit(page, stage, name="n", history="1")
    page.get_by_role("button", name="Roll back to version 1").click()
    box = page.get_by_role("dialog", name="Go back to version 1?")
    expect(box.locator("del")).to_have_text(["three"])
    expect(box.locator("ins")).to_have_text(["one"])
    box.get_by_label("Reason").fill("two was wrong")
    expect(
        box.get_by_role("button", name="Copy the command pycluster config rollback -to 1 -if-version 3")
    ).to_be_visible()
    box.get_by_role("button", name="Roll back").click()
    expect(box).to_have_count(0)
    expect(card(page).locator("pre.value")).to_have_text("one\n")
    expect(versions(page).first).to_contain_text("two was wrong")
    assert (entry(stage, "n").version, entry(stage, "n").reason) == (4, "two was wrong")


def test_an_entry_is_deleted_once_it_is_confirmed(page: Page, stage: Stage) -> None:
    write(stage, "a", "1")
    visit(page, stage, name="a")
    live(page)
    page.get_by_role("button", name="Delete").click()
    box = page.get_by_role("dialog", name="Delete this entry?")
    expect(box.get_by_role("button", name="Copy the command pycluster config del -if-version 1 a")).to_be_visible()
    page.keyboard.press("Escape")
    expect(box).to_have_count(0)
    page.get_by_role("button", name="Delete").click()
    box.get_by_label("Reason").fill("not used")
    box.get_by_role("button", name="Delete").click()
    expect(card(page)).to_contain_text("There is no such entry")
    expect(box).to_have_count(0)
    expect(names(page)).to_have_count(0)


def test_what_changed_while_a_box_was_open_is_looked_at_first(visitor: Visitor, page: Page, stage: Stage) -> None:
    visitor.refusals = (409,)
    write(stage, "n", "one\n")
    write(stage, "n", "two\n")
    visit(page, stage, name="n", history="1")
    live(page)
    page.get_by_role("button", name="Roll back to version 1").click()
    back = page.get_by_role("dialog", name="Go back to version 1?")
    write(stage, "n", "three\n")
    expect(back).to_contain_text("Version 3 was written meanwhile.")
    expect(back.locator("del")).to_have_text(["two"])
    back.get_by_role("button", name="Roll back").click()
    expect(back.get_by_role("alert")).to_be_visible()
    back.get_by_role("button", name="Take it as it is now").click()
    expect(back.locator("del")).to_have_text(["three"])
    back.get_by_role("button", name="Roll back").click()
    expect(back).to_have_count(0)
    assert (entry(stage, "n").version, entry(stage, "n").content) == (4, "one\n")
    expect(card(page).locator("pre.value")).to_have_text("one\n")
    page.get_by_role("button", name="Delete").click()
    away = page.get_by_role("dialog", name="Delete this entry?")
    write(stage, "n", "five\n")
    expect(away).to_contain_text("Version 5 was written meanwhile.")
    away.get_by_role("button", name="Delete").click()
    expect(away.get_by_role("alert")).to_be_visible()
    assert entry(stage, "n").version == 5
    away.get_by_role("button", name="Take it as it is now").click()
    away.get_by_role("button", name="Delete").click()
    expect(away).to_have_count(0)
    expect(card(page)).to_contain_text("There is no such entry")


def test_an_old_version_can_be_edited_into_a_new_one(page: Page, stage: Stage) -> None:
    write(stage, "n", "old\n")
    write(stage, "n", "new\n")
    visit(page, stage, name="n", version="1")
    page.get_by_role("link", name="Edit from this").click()
    expect(text_box(page)).to_have_value("old\n")
    expect(card(page)).to_contain_text("still has version 2")
    page.get_by_role("button", name="Write", exact=True).click()
    expect(card(page).locator("pre.value")).to_have_text("old\n")
    assert entry(stage, "n").version == 3


def test_an_old_version_s_editor_tells_what_it_waits_for_and_goes_on(
    visitor: Visitor, page: Page, stage: Stage
) -> None:
    visitor.refusals = (429,)
    write(stage, "n", "old\n")
    write(stage, "n", "new\n")
    visit(page, stage, name="n", version="1")
    live(page)
    expect(card(page).locator("pre.value")).to_have_text("old\n")
    stage.state.refusal = store.Failure("overloaded", "too many requests are under way")
    page.get_by_role("link", name="Edit from this").click()
    expect(card(page).get_by_role("alert")).to_contain_text("too many requests are under way")
    stage.state.refusal = None
    expect(text_box(page)).to_have_value("old\n")
    expect(card(page)).to_contain_text("still has version 2")
    expect(card(page).get_by_role("alert")).to_have_count(0)


def test_ends_of_lines_stay_as_they_were_written(page: Page, stage: Stage) -> None:
    write(stage, "dos", "a\r\nb\r\n")
    write(stage, "mixed", "a\r\nb\nc\r")
    visit(page, stage, name="dos", do="edit")
    expect(text_box(page)).to_have_value("a\nb\n")
    expect(card(page)).to_contain_text("lines end as on Windows")
    text_box(page).fill("a\nb\nc\n")
    page.get_by_role("button", name="Write", exact=True).click()
    expect(card(page)).to_contain_text("Version2")
    assert entry(stage, "dos").content == "a\r\nb\r\nc\r\n"
    visit(page, stage, name="mixed", do="edit")
    expect(page.get_by_text("This is not to be edited here")).to_be_visible()
    expect(command(page, "pycluster config put -if-version 1 mixed < FILE")).to_be_visible()


def test_a_change_that_the_agent_refuses_is_explained_in_its_words(visitor: Visitor, stage: Stage) -> None:
    visitor.refusals = (403,)
    page = visitor.page(extra_http_headers={"X-Forwarded-For": "192.0.2.9"})
    write(stage, "a", "1")
    visit(page, stage, name="a", do="edit")
    text_box(page).fill("2")
    page.get_by_role("button", name="Write", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Not written: config is not allowed through a proxy")
    assert entry(stage, "a").content == "1"


def test_a_write_in_doubt_is_said_to_be_and_tried_again(visitor: Visitor, page: Page, stage: Stage) -> None:
    visitor.refusals = (504,)
    write(stage, "a", "1")
    visit(page, stage, name="a", do="edit")
    live(page)
    text_box(page).fill("2")
    stage.state.failures.append(store.Failure("outcome-unknown", "leadership was lost before it was committed"))
    page.get_by_role("button", name="Write", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Not certain: whether it was done is not known")
    page.get_by_role("button", name="Write", exact=True).click()
    expect(card(page).locator("pre.value")).to_have_text("2")
    assert entry(stage, "a").version == 2


def test_the_author_is_forgotten_where_nothing_may_be_kept(visitor: Visitor, stage: Stage) -> None:
    page = visitor.page()
    page.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new Error('forbidden'); }});")
    write(stage, "a", "1")
    visit(page, stage, name="a", do="edit")
    page.get_by_label("Author").fill("ada")
    text_box(page).fill("2")
    page.get_by_role("button", name="Write", exact=True).click()
    expect(card(page)).to_contain_text("Byada")
