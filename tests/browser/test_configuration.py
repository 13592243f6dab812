"""The configuration: browsed, read, kept up to date, compared with what it was."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import replace
from playwright.sync_api import Locator, Page, expect

from pycluster import store
from tests.browser import cast
from tests.browser.configs import card, entry, live, names, visit, write
from tests.browser.conftest import Serve
from tests.browser.stage import Stage
from tests.browser.visit import Visitor

IMAGE = '<img src=x onerror="window.hit=1">'


@pytest.fixture
def stage(serve: Serve) -> Stage:
    return serve(cast.five())


def versions(page: Page) -> Locator:
    return page.get_by_role("list", name="Versions").get_by_role("listitem")


def command(page: Page, text: str) -> Locator:
    return page.get_by_role("button", name=f"Copy the command {text}", exact=True)


def test_entries_are_listed_with_who_wrote_them_and_filtered(page: Page, stage: Stage) -> None:
    write(stage, "web/app.yaml", "port: 80\n", "ada@web1", "first version")
    write(stage, "web/app.yaml@node:node003", "port: 81\n", "bob@web2")
    write(stage, "motd", "hello\n", "", "")
    visit(page, stage)
    expect(names(page)).to_have_text(["motd", "web/app.yaml", "web/app.yaml@node:node003"])
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="web/app.yaml", exact=True))
    for text in ("ada@web1", "first version", "9 bytes", "2023-11-14 22:13:20"):
        expect(row).to_contain_text(text)
    expect(command(page, "pycluster config list")).to_be_visible()
    expect(command(page, "pycluster config watch")).to_be_visible()
    live(page)
    page.keyboard.press("/")
    page.keyboard.type("author:bob")
    expect(names(page)).to_have_text(["web/app.yaml@node:node003"])
    expect(page).to_have_url(f"{stage.url}/configuration?q=author%3Abob")
    page.reload()
    expect(names(page)).to_have_count(1)
    for text, count in (("is:override", 1), ("is:entry", 2), ("first version", 1), ("-web", 1), ("nothing", 0)):
        page.get_by_label("Filter entries").fill(text)
        expect(names(page)).to_have_count(count)
    expect(page.get_by_text("No entry fits this filter")).to_be_visible()
    page.get_by_label("Filter entries").press("Escape")
    expect(names(page)).to_have_count(3)


def test_a_tree_shows_one_level_and_a_folder_is_part_of_the_address(page: Page, stage: Stage) -> None:
    for name in ("a/deep/one", "a/deep/two", "a/leaf@tag:path=x/y", "a/leaf", "b"):
        write(stage, name, "1")
    visit(page, stage)
    page.get_by_role("button", name="Tree").click()
    expect(names(page)).to_have_text(["a/", "b"])
    expect(page.get_by_role("table", name="Entries").locator("tbody tr").first).to_contain_text("4 entries")
    names(page).first.click()
    expect(names(page)).to_have_text(["deep/", "leaf", "leaf@tag:path=x/y"])
    names(page).first.click()
    expect(page).to_have_url(re.compile(r"prefix=a%2Fdeep%2F"))
    expect(names(page)).to_have_text(["one", "two"])
    expect(command(page, "pycluster config list a/deep/")).to_be_visible()
    page.get_by_role("navigation", name="Folder").get_by_role("link", name="a/", exact=True).click()
    expect(names(page)).to_have_count(3)
    page.get_by_role("navigation", name="Folder").get_by_role("link", name="All entries").click()
    expect(names(page)).to_have_text(["a/", "b"])


def test_more_entries_than_one_answer_holds_are_all_there(page: Page, stage: Stage) -> None:
    for number in range(520):
        stage.asks(store.Put(b"/pycluster/config/entry/e%03d" % number, ENTRY))
    visit(page, stage)
    expect(page.get_by_role("status").filter(has_text="520")).to_be_visible()
    expect(names(page)).to_have_count(200)
    page.get_by_role("button", name="Show all 520").click()
    expect(names(page)).to_have_count(520)


ENTRY = b'{"version":1,"format":"text","author":"ada","reason":"","at_ms":1,"content":"x"}'


def test_an_entry_tells_what_it_is_and_what_belongs_to_it(page: Page, stage: Stage) -> None:
    write(stage, "web/app.yaml", "port: 80\n", "ada@web1", "first version")
    write(stage, "web/app.yaml@zone:a", "port: 81\n")
    visit(page, stage)
    names(page).first.click()
    expect(page).to_have_url(re.compile("name=web%2Fapp.yaml"))
    expect(card(page).locator("pre.value")).to_have_text("port: 80\n")
    for text in ("Version1", "Formatyaml", "Size9 bytes", "Byada@web1", "Reasonfirst version"):
        expect(card(page)).to_contain_text(text)
    expect(command(page, "pycluster config get web/app.yaml")).to_be_visible()
    card(page).get_by_role("link", name="zone a").click()
    expect(card(page)).to_contain_text("Overrides web/app.yaml at zone a")
    expect(card(page).locator("pre.value")).to_have_text("port: 81\n")
    card(page).get_by_role("link", name="for all nodes").click()
    card(page).get_by_role("link", name="what a node gets").click()
    expect(page).to_have_url(f"{stage.url}/configuration/effective?node=node001&name=web%2Fapp.yaml")


def test_a_change_by_somebody_else_is_shown_without_a_reload(page: Page, stage: Stage) -> None:
    write(stage, "a", "one")
    visit(page, stage, name="a", history="1")
    live(page)
    expect(versions(page)).to_have_count(1)
    page.evaluate("window.stayed = true")
    write(stage, "a", "two", "bob", "it was wrong")
    write(stage, "b", "new")
    expect(names(page)).to_have_text(["a", "b"])
    expect(card(page).locator("pre.value")).to_have_text("two")
    expect(card(page)).to_contain_text("it was wrong")
    expect(versions(page)).to_have_count(2)
    write(stage, "a", None, "bob", "not needed")
    expect(names(page)).to_have_text(["b"])
    expect(card(page)).to_contain_text("There is no such entry")
    expect(versions(page).first).to_contain_text("deleted")
    expect(versions(page).first).to_contain_text("not needed")
    assert page.evaluate("window.stayed") is True


def test_any_two_versions_are_compared(page: Page, stage: Stage) -> None:
    for number, content in enumerate(("a\nb\nc\n", "a\nB\nc\n", "a\nB\nc\nd")):
        write(stage, "x", content, "ada", f"change {number}")
    visit(page, stage, name="x")
    page.get_by_role("link", name="History and differences").click()
    expect(versions(page)).to_contain_text(["version 3", "version 2", "version 1"])
    expect(versions(page).first).to_contain_text("in force")
    expect(versions(page).first).to_contain_text("change 2")
    diff = page.get_by_role("list", name="Changes from version 2 to version 3")
    expect(diff.locator("ins")).to_have_text(["d ⌁"])
    expect(diff.locator("del")).to_have_count(0)
    expect(command(page, "pycluster config diff -from 2 -to 3 x")).to_be_visible()
    page.get_by_role("combobox", name="Compare from").select_option("1")
    diff = page.get_by_role("list", name="Changes from version 1 to version 3")
    expect(diff.locator("del")).to_have_text(["b"])
    expect(diff.locator("ins")).to_have_text(["B", "d ⌁"])
    expect(page).to_have_url(re.compile("from=1&to=3"))
    page.reload()
    expect(diff.locator("ins")).to_have_count(2)
    page.get_by_role("link", name="Changes of version 2").click()
    expect(page.get_by_role("list", name="Changes from version 1 to version 2").locator("ins")).to_have_text(["B"])
    page.get_by_role("link", name="version 1", exact=True).click()
    expect(card(page)).to_contain_text("As it was as version 1.")
    expect(card(page).locator("pre.value")).to_have_text("a\nb\nc\n")
    expect(command(page, "pycluster config get -version 1 x")).to_be_visible()
    page.get_by_role("link", name="Show it now").click()
    expect(card(page).locator("pre.value")).to_have_text("a\nB\nc\nd")


COMPARED = """async ([before, after]) => {
  const { compare } = await import("/static/config/differences.js");
  return compare(before, after);
}"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("", "a\n"),
        ("a\n", ""),
        ("a\nb\nc\na\nb\nb\na\n", "c\nb\na\nb\na\nc\n"),
        ("a", "a\n"),
        ("x\r\ny\n", "x\ny\n"),
        ("".join(f"{number}\n" for number in range(300)), "".join(f"{number * 7 % 300}\n" for number in range(290))),
        ("".join(f"a{number}\n" for number in range(2_000)), "".join(f"b{number}\n" for number in range(2_000))),
    ],
)
def test_a_difference_leads_from_one_text_to_the_other(page: Page, stage: Stage, before: str, after: str) -> None:
    page.goto(stage.url)
    found = page.evaluate(COMPARED, [before, after])
    for side, signs, number in ((before, " -", "old"), (after, " +", "now")):
        lines = side.splitlines(keepends=True) if "\r" not in side else re.findall(r"[^\n]*\n|[^\n]+$", side)
        told = {one[number]: one["text"] + "\n" * one["ended"] for one in found["lines"] if one["sign"] in signs}
        assert all(lines[at - 1] == text for at, text in told.items())
        left = sum(one["left"] for one in found["lines"] if one["sign"] == "@")
        assert len(told) + left == len(lines)


def test_the_shortest_difference_is_found(page: Page, stage: Stage) -> None:
    page.goto(stage.url)
    before, after = ("\n".join(text) + "\n" for text in ("ABCABBA", "CBABAC"))  # Myers 1986, figure 1
    found = page.evaluate(COMPARED, [before, after])
    assert (found["removed"], found["added"]) == (3, 2)


def test_a_deleted_entry_is_found_in_its_history_and_brought_back(page: Page, stage: Stage) -> None:
    write(stage, "a", "precious")
    write(stage, "a", None, "bob")
    visit(page, stage, name="a")
    expect(card(page)).to_contain_text("There is no such entry")
    page.get_by_role("link", name="History and differences").click()
    page.get_by_role("button", name="Roll back to version 1").click()
    box = page.get_by_role("dialog", name="Go back to version 1?")
    expect(box.locator("ins")).to_have_text(["precious ⌁"])
    expect(box.get_by_text("pycluster config rollback -to 1 -if-version 0 a")).to_be_visible()
    box.get_by_role("button", name="Roll back").click()
    expect(card(page).locator("pre.value")).to_have_text("precious")
    assert entry(stage, "a").version == 3


def test_what_others_wrote_stays_text(page: Page, stage: Stage) -> None:
    write(stage, "x.json", f'{{"a": "{IMAGE.replace(chr(34), chr(39))}"}}', IMAGE, f"{IMAGE}\u202e\x1b[2J")
    write(stage, "x.json", '{"a": "<script>window.hit=1</script>"}', IMAGE, IMAGE)
    visit(page, stage, name="x.json", history="1")
    expect(card(page)).to_contain_text(IMAGE)
    expect(versions(page).nth(1)).to_contain_text("\\u{202e}\\u{1b}[2J")
    expect(page.locator("ins")).to_contain_text("<script>")
    visit(page, stage, q=IMAGE, name=IMAGE, prefix=IMAGE)
    expect(page.get_by_text("There is no such entry")).to_be_visible()
    assert page.evaluate("window.hit") is None
    assert page.locator("img:not([src='/static/favicon.svg']), #app script").count() == 0


def test_a_refused_read_is_shown_in_the_agents_words_and_tried_again(
    visitor: Visitor, page: Page, stage: Stage
) -> None:
    visitor.refusals = (429,)
    write(stage, "a", "1")
    stage.state.refusal = store.Failure("overloaded", "too many requests are under way")
    visit(page, stage)
    expect(page.get_by_role("alert")).to_contain_text("too many requests are under way")
    stage.state.refusal = None
    expect(names(page)).to_have_text(["a"])
    expect(page.get_by_role("alert")).to_have_count(0)


def test_without_a_quorum_the_agents_own_copy_is_shown_and_called_so(page: Page, stage: Stage) -> None:
    write(stage, "a", "precious", "ada")
    stage.put(b"/pycluster/config/entry/odd", b"no entry")
    stage.show(replace(cast.five(), leader=replace(cast.five().leader, leader="", reason="no quorum")))
    visit(page, stage, name="a")
    expect(page.get_by_text("No leader answers: this is revision 3 as node001 knows it")).to_be_visible()
    expect(names(page)).to_have_text(["a"])
    expect(card(page).locator("pre.value")).to_have_text("precious")
    stage.asks(store.DeleteRange(b"/pycluster/config/entry/odd"))
    stage.show(cast.five())
    live(page)
    expect(page.get_by_text("No leader answers")).to_have_count(0)


def test_the_search_finds_entries_by_how_they_begin(page: Page, stage: Stage) -> None:
    write(stage, "web/app.yaml", "x: 1")
    page.goto(stage.url)
    expect(page.locator("[data-connection=live]")).to_be_visible()
    page.keyboard.press("Control+k")
    page.keyboard.type("web/a")
    expect(page.get_by_role("option")).to_contain_text(["web/app.yaml"])
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{stage.url}/configuration?name=web%2Fapp.yaml")


def test_it_is_reached_from_the_list_of_pages_and_its_parts_have_addresses(page: Page, stage: Stage) -> None:
    page.goto(stage.url)
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Configuration").click()
    expect(page).to_have_url(f"{stage.url}/configuration")
    parts = page.get_by_role("navigation", name="Parts of the configuration")
    parts.get_by_role("link", name="For a node").click()
    expect(page).to_have_url(f"{stage.url}/configuration/effective")
    parts.get_by_role("link", name="Files").click()
    expect(page).to_have_url(f"{stage.url}/configuration/files")
    parts.get_by_role("link", name="Rollouts").click()
    expect(page.get_by_text("No rollouts yet")).to_be_visible()
    page.goto(f"{stage.url}/configuration/nowhere")
    expect(page.get_by_role("heading", level=1)).to_have_text("No such page")
