"""What was typed into an editor of keys or of entries is not thrown away unasked, whichever way somebody goes."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Dialog, Locator, Page, Route, expect

from tests.browser import cast, configs
from tests.browser.configs import text_box, visit, write
from tests.browser.conftest import Serve
from tests.browser.stage import Stage
from tests.browser.test_keys import live, names, the_key
from tests.browser.test_keywrites import value_box


@pytest.fixture
def stage(serve: Serve) -> Stage:
    return serve(cast.five())


def the_box(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Throw away what you typed?")


def test_what_was_typed_is_not_thrown_away_unasked(page: Page, stage: Stage) -> None:
    stage.put(b"app/a", b"1")
    stage.put(b"other", b"2")
    page.goto(f"{stage.url}/keys?key=app/a&do=edit")
    value_box(page).fill("mine")
    prefix = page.get_by_label("Prefix of keys")
    prefix.fill("o")
    box = the_box(page)
    expect(box).to_contain_text("The editor of app/a would close.")
    box.get_by_role("button", name="Cancel").click()
    expect(box).to_have_count(0)
    expect(value_box(page)).to_have_value("mine")
    expect(prefix).to_have_value("")
    prefix.fill("o")
    box.get_by_role("button", name="Throw it away").click()
    expect(page).to_have_url(f"{stage.url}/keys?prefix=o")
    expect(names(page)).to_have_text(["other"])
    names(page).click()
    page.get_by_role("link", name="Edit").click()
    expect(value_box(page)).to_have_value("2")
    prefix.fill("a")
    expect(page).to_have_url(f"{stage.url}/keys?prefix=a")
    expect(box).to_have_count(0)


def test_folders_and_crumbs_throw_away_nothing_unasked(page: Page, stage: Stage) -> None:
    stage.put(b"a/b/x", b"1")
    stage.put(b"a/c/y", b"2")
    page.goto(f"{stage.url}/keys?tree=1&prefix=a/b/&key=a/b/x&do=edit")
    crumbs = page.get_by_role("navigation", name="Prefix")
    value_box(page).fill("mine")
    crumbs.get_by_role("link", name="a/", exact=True).click()
    expect(names(page)).to_have_text(["b/", "c/"])
    names(page).first.click()
    expect(names(page)).to_have_text(["x"])
    crumbs.get_by_role("link", name="All keys").click()
    names(page).click()
    expect(names(page)).to_have_text(["b/", "c/"])
    expect(value_box(page)).to_have_value("mine")
    names(page).nth(1).click()
    box = the_box(page)
    expect(box).to_contain_text("The editor of a/b/x would close.")
    box.get_by_role("button", name="Cancel").click()
    expect(box).to_have_count(0)
    expect(value_box(page)).to_have_value("mine")
    names(page).nth(1).click()
    box.get_by_role("button", name="Throw it away").click()
    expect(page).to_have_url(f"{stage.url}/keys?prefix=a%2Fc%2F&tree=1")
    page.get_by_role("link", name="New key").click()
    value_box(page).fill("mine")
    crumbs.get_by_role("link", name="a/", exact=True).click()
    expect(page.get_by_label("Key", exact=True)).to_have_value("a/")
    expect(value_box(page)).to_have_value("mine")


@pytest.mark.parametrize("way", ["row", "change", "new", "close", "page", "palette", "back"])
def test_no_way_out_of_the_editor_throws_away_anything_unasked(page: Page, stage: Stage, way: str) -> None:
    stage.put(b"a", b"1")
    stage.put(b"b", b"2")
    page.goto(f"{stage.url}/keys?key=b")
    page.goto(f"{stage.url}/keys?key=a")
    live(page)
    page.get_by_role("link", name="Edit").click()
    value_box(page).fill("mine")
    stage.put(b"c", b"3")
    box = the_box(page)

    def leave() -> None:
        match way:
            case "row":
                names(page).nth(1).click()
            case "change":
                page.get_by_role("list", name="Changes").get_by_role("link", name="c").click()
            case "new":
                page.get_by_role("link", name="New key").click()
            case "close":
                the_key(page).get_by_role("link", name="Close this key").click()
            case "page":
                page.get_by_role("navigation", name="Pages", exact=True).get_by_role("link", name="Nodes").click()
            case "palette":
                page.keyboard.press("Control+k")
                page.keyboard.type("Elections")
                page.keyboard.press("Enter")
            case "back":
                page.go_back()

    leave()
    box.get_by_role("button", name="Cancel").click()
    expect(box).to_have_count(0)
    expect(page).to_have_url(f"{stage.url}/keys?key=a&do=edit")
    expect(value_box(page)).to_have_value("mine")
    leave()
    box.get_by_role("button", name="Throw it away").click()
    expect(page).not_to_have_url(f"{stage.url}/keys?key=a&do=edit")
    expect(value_box(page).filter(has_text="mine")).to_have_count(0)


def test_cancel_and_write_ask_nothing_and_a_closed_tab_asks(page: Page, stage: Stage) -> None:
    stage.put(b"a", b"1")
    box = the_box(page)
    asked: list[str] = []

    def agree(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", agree)
    page.goto(f"{stage.url}/keys?key=a&do=edit")
    value_box(page).fill("mine")
    the_key(page).get_by_role("link", name="Cancel").click()
    expect(page).to_have_url(f"{stage.url}/keys?key=a")
    page.get_by_role("link", name="Edit").click()
    value_box(page).fill("mine")
    page.get_by_role("button", name="Write").click()
    expect(the_key(page).locator("pre.value")).to_have_text("mine")
    expect(box).to_have_count(0)
    page.reload()
    assert asked == []
    page.get_by_role("link", name="Edit").click()
    value_box(page).fill("more")
    page.reload()
    assert asked == ["beforeunload"]


def test_an_answer_that_comes_late_takes_nobody_away_from_another_editor(page: Page, stage: Stage) -> None:
    stage.put(b"a", b"1")
    stage.put(b"b", b"2")
    held: list[Route] = []
    page.route("**/api/v1/**", lambda route: held.append(route) if route.request.method != "GET" else route.continue_())
    page.goto(f"{stage.url}/keys?key=a&do=edit")
    value_box(page).fill("mine")
    page.get_by_role("button", name="Write").click()
    expect(page.get_by_role("button", name="Writing")).to_be_visible()
    expect(value_box(page)).not_to_be_editable()
    names(page).nth(1).click()
    the_box(page).get_by_role("button", name="Throw it away").click()
    page.get_by_role("link", name="Edit").click()
    value_box(page).fill("more")
    with page.expect_response(lambda answer: answer.request.method != "GET"):
        held[0].continue_()
    expect(page.get_by_role("list", name="Changes").get_by_role("link", name="a")).to_be_visible()
    expect(value_box(page)).to_have_value("more")
    names(page).first.click()
    expect(the_box(page)).to_contain_text("The editor of b would close.")


def test_a_tab_of_its_own_leaves_the_editor_as_it_is(page: Page, stage: Stage) -> None:
    stage.put(b"a", b"1")
    stage.put(b"b", b"2")
    page.goto(f"{stage.url}/keys?key=a&do=edit")
    value_box(page).fill("mine")
    with page.context.expect_page() as other:
        the_key(page).get_by_role("link", name="Cancel").click(modifiers=["Control"])
    other.value.close()
    names(page).nth(1).click()
    expect(the_box(page)).to_be_visible()


def test_the_way_back_stays_the_way_back(page: Page, stage: Stage) -> None:
    stage.put(b"a", b"1")
    page.goto(f"{stage.url}/nodes")
    page.goto(f"{stage.url}/keys?key=a")
    page.get_by_role("link", name="Edit").click()
    value_box(page).fill("mine")
    for _ in range(2):
        page.go_back()
        the_box(page).get_by_role("button", name="Cancel").click()
    page.go_back()
    the_box(page).get_by_role("button", name="Throw it away").click()
    expect(page).to_have_url(f"{stage.url}/keys?key=a")
    page.go_back()
    expect(page).to_have_url(f"{stage.url}/nodes")


@pytest.mark.parametrize("way", ["entry", "new", "close", "page", "back"])
def test_no_way_out_of_an_entry_s_editor_throws_away_anything_unasked(page: Page, stage: Stage, way: str) -> None:
    write(stage, "web/a.yaml", "a: 1\n")
    write(stage, "web/b.yaml", "b: 1\n")
    visit(page, stage, name="web/b.yaml")
    visit(page, stage, name="web/a.yaml")
    configs.live(page)
    page.get_by_role("link", name="Edit").click()
    text_box(page).fill("a: 2\n")
    url = page.url

    def leave() -> None:
        match way:
            case "entry":
                configs.names(page).nth(1).click()
            case "new":
                page.get_by_role("link", name="New entry").click()
            case "close":
                configs.card(page).get_by_role("link", name="Close this entry").click()
            case "page":
                page.get_by_role("navigation", name="Pages", exact=True).get_by_role("link", name="Raft").click()
            case "back":
                page.go_back()

    leave()
    expect(the_box(page)).to_contain_text("The editor of web/a.yaml would close.")
    the_box(page).get_by_role("button", name="Cancel").click()
    expect(page).to_have_url(url)
    expect(text_box(page)).to_have_value("a: 2\n")
    leave()
    the_box(page).get_by_role("button", name="Throw it away").click()
    expect(page).not_to_have_url(url)
    expect(page.get_by_text("a: 2")).to_have_count(0)


def test_an_entry_s_editor_asks_nothing_where_nothing_would_be_lost(page: Page, stage: Stage) -> None:
    write(stage, "web/a.yaml", "a: 1\n")
    write(stage, "web/b.yaml", "b: 1\n")
    visit(page, stage, name="web/a.yaml", do="edit")
    expect(text_box(page)).to_have_value("a: 1\n")
    configs.names(page).nth(1).click()
    expect(page).to_have_url(re.compile("b.yaml"))
    page.get_by_role("link", name="Edit").click()
    text_box(page).fill("b: 2\n")
    page.get_by_role("link", name="Cancel").click()
    expect(page).not_to_have_url(re.compile("do=edit"))
    page.get_by_role("link", name="Edit").click()
    text_box(page).fill("b: 3\n")
    page.get_by_role("button", name="Write", exact=True).click()
    expect(configs.card(page).locator("pre.value")).to_have_text("b: 3\n")
    expect(the_box(page)).to_have_count(0)
