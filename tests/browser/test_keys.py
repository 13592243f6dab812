"""Keys: listed, read, kept up to date, and what they were before."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from msgspec.structs import replace
from playwright.sync_api import Locator, Page, expect

from pycluster import store
from tests.browser import cast
from tests.browser.conftest import Serve
from tests.browser.stage import QUICK, Stage
from tests.browser.visit import Visitor

IMAGE = '<img src=x onerror="window.hit=1">'
SCRIPT = "<script>window.hit=1</script>"


@pytest.fixture
def stage(serve: Serve) -> Stage:
    return serve(cast.five())


def names(page: Page) -> Locator:
    """The names in the list."""
    return page.get_by_role("table", name="Keys").locator("tbody th a")


def the_key(page: Page) -> Locator:
    """The card of the one key that is open."""
    return page.locator(".key-side .card").first


def live(page: Page) -> None:
    expect(page.locator(".keys-list [data-watch=live]")).to_be_visible()


def test_keys_are_listed_by_a_prefix_that_is_part_of_the_address(page: Page, stage: Stage) -> None:
    for key, value in ((b"app/a", b"1"), (b"app/b", b""), (b"other", b"3")):
        stage.put(key, value)
    page.goto(f"{stage.url}/keys")
    expect(names(page)).to_have_text(["app/a", "app/b", "other"])
    expect(page.get_by_role("status").filter(has_text="3 keys")).to_be_visible()
    expect(page.get_by_role("button", name="Copy the command pycluster kv list", exact=True)).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("app/")
    expect(names(page)).to_have_text(["app/a", "app/b"])
    expect(page).to_have_url(f"{stage.url}/keys?prefix=app%2F")
    expect(page.get_by_role("button", name="Copy the command pycluster kv list app/")).to_be_visible()
    expect(page.get_by_role("button", name="Copy the command pycluster kv watch -prefix app/")).to_be_visible()
    page.reload()
    expect(names(page)).to_have_text(["app/a", "app/b"])
    page.get_by_label("Prefix of keys").fill("nothing/")
    expect(page.get_by_text("No key begins so")).to_be_visible()
    page.get_by_label("Prefix of keys").press("Escape")
    expect(names(page)).to_have_count(3)


def test_pages_of_keys_have_addresses_and_say_where_they_are(page: Page, stage: Stage) -> None:
    for number in range(120):
        stage.put(b"k%03d" % number, b"v")
    page.goto(f"{stage.url}/keys")
    expect(names(page)).to_have_count(50)
    expect(page.get_by_text("1–50 of 120")).to_be_visible()
    page.get_by_role("link", name="Next page").click()
    expect(names(page).first).to_have_text("k050")
    expect(page.get_by_text("51–100 of 120")).to_be_visible()
    page.get_by_role("link", name="Next page").click()
    expect(names(page)).to_have_count(20)
    expect(page.get_by_text("101–120 of 120")).to_be_visible()
    expect(page.get_by_role("link", name="Next page")).to_have_count(0)
    page.reload()
    expect(names(page).first).to_have_text("k100")
    page.go_back()
    expect(names(page).first).to_have_text("k050")
    page.get_by_role("link", name="First page").click()
    expect(names(page).first).to_have_text("k000")


def test_a_tree_shows_one_level_and_counts_what_is_below(page: Page, stage: Stage) -> None:
    for number in range(250):
        stage.put(b"a/many/%03d" % number, b"")
    for key in (b"a/leaf", b"a/few/1", b"a/few/2", b"b", b"a/\xff/1"):
        stage.put(key, b"v")
    page.goto(f"{stage.url}/keys")
    page.get_by_role("button", name="Tree").click()
    expect(names(page)).to_have_text(["a/", "b"])
    expect(page.get_by_role("table", name="Keys").locator("tbody tr").first).to_contain_text("254 keys")
    names(page).first.click()
    expect(names(page)).to_have_text(["few/", "leaf", "many/", "\\xff/"])
    rows = page.get_by_role("table", name="Keys").locator("tbody tr")
    expect(rows.nth(0)).to_contain_text("2 keys")
    expect(rows.nth(2)).to_contain_text("250 keys")
    names(page).nth(3).click()
    expect(names(page)).to_have_text(["1"])
    names(page).first.click()
    expect(the_key(page)).to_contain_text("a/\\xff/1")
    page.get_by_role("navigation", name="Prefix").get_by_role("link", name="a/", exact=True).click()
    expect(names(page)).to_have_count(4)


def test_a_change_by_somebody_else_is_shown_without_a_reload(page: Page, stage: Stage) -> None:
    stage.put(b"app/a", b"one")
    page.goto(f"{stage.url}/keys?prefix=app/&key=app/a")
    live(page)
    page.evaluate("window.stayed = true")
    stage.put(b"app/a", b"two")
    stage.put(b"app/b", b"new")
    stage.put(b"elsewhere", b"x")
    expect(names(page)).to_have_text(["app/a", "app/b"])
    expect(the_key(page).locator("pre.value")).to_have_text("two")
    expect(page.locator("[data-key='app%2Fa']")).to_contain_text("two")
    changes = page.get_by_role("list", name="Changes").get_by_role("listitem")
    expect(changes).to_contain_text(["createdapp/b", "putapp/a"])
    stage.asks(store.DeleteRange(b"app/a"))
    expect(names(page)).to_have_text(["app/b"])
    expect(the_key(page)).to_contain_text("It was deleted at revision 6.")
    assert page.evaluate("window.stayed") is True


def test_a_watch_that_fails_is_said_and_taken_up_again(page: Page, stage: Stage) -> None:
    stage.put(b"a", b"1")
    page.goto(f"{stage.url}/keys")
    live(page)
    stage.run(fail(stage, store.Failure("no-leader", "the test says so")))
    line = page.locator(".keys-list [data-watch=lost]")
    expect(line).to_contain_text("Not live")
    expect(line).to_contain_text("showing revision 2 (the test says so), retrying")
    stage.state.watch_failure = None
    stage.put(b"b", b"2")
    live(page)
    expect(names(page)).to_have_text(["a", "b"])


async def fail(stage: Stage, failure: store.Failure) -> None:
    """Those that are open, and any more."""
    stage.state.watch_failure = failure
    stage.state.fail_watches(failure)


def test_a_page_whose_stream_is_silent_says_that_its_keys_are_old(visitor: Visitor, serve: Serve) -> None:
    stage = serve(cast.five(), replace(QUICK, snapshot_age_s=600))
    page = visitor.page()
    stage.put(b"a", b"1")
    page.clock.install()
    page.goto(f"{stage.url}/keys")
    live(page)
    page.clock.run_for(14_000)
    expect(page.locator(".keys-list [data-watch=lost]")).to_contain_text("showing revision 2")


def test_the_watch_ends_with_the_page_and_in_the_background(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/keys")
    live(page)
    assert len(stage.state.feeds) == 1
    page.get_by_role("navigation", name="Pages", exact=True).get_by_role("link", name="Nodes").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Nodes")
    until_feeds(page, stage, 0)
    page.go_back()
    live(page)
    hide = "Object.defineProperty(document, 'visibilityState', {value: '%s', configurable: true});"
    page.evaluate(hide % "hidden" + "document.dispatchEvent(new Event('visibilitychange'))")
    until_feeds(page, stage, 0)
    stage.put(b"meanwhile", b"1")
    page.evaluate(hide % "visible" + "document.dispatchEvent(new Event('visibilitychange'))")
    live(page)
    expect(names(page)).to_have_text(["meanwhile"])


def until_feeds(page: Page, stage: Stage, count: int) -> None:
    for _ in range(6_000):
        if len(stage.state.feeds) == count:
            return
        page.wait_for_timeout(10)
    raise AssertionError(f"{len(stage.state.feeds)} watches are open")


def test_too_many_watches_are_told_and_the_list_stays(visitor: Visitor, serve: Serve) -> None:
    visitor.refusals = (503,)
    stage = serve(cast.five(), replace(QUICK, watches_max=1))
    stage.put(b"a", b"1")
    first, second = visitor.page(), visitor.page()
    first.goto(f"{stage.url}/keys")
    live(first)
    second.goto(f"{stage.url}/keys")
    expect(names(second)).to_have_text(["a"])
    expect(second.locator(".keys-list [data-watch=lost]")).to_contain_text("too many watches of keys")
    first.close()
    live(second)


def test_a_lease_is_shown_with_the_time_it_has_left(page: Page, stage: Stage) -> None:
    granted = stage.asks(store.LeaseGrant(600))
    assert isinstance(granted, store.LeaseGrantResult)
    stage.put(b"web", b"192.0.2.1", granted.id)
    page.goto(f"{stage.url}/keys?key=web")
    expect(the_key(page)).to_contain_text(re.compile(f"{granted.id:016x} .* left of 10m"))
    expect(page.locator("[data-key=web]")).to_contain_text("lease")


def test_earlier_versions_are_read_until_the_creation(page: Page, stage: Stage) -> None:
    for value in (b"blue", b"red", b"\xff", b"green"):
        stage.put(b"color", value)
    page.goto(f"{stage.url}/keys?key=color")
    page.get_by_role("link", name="Earlier versions").click()
    expect(page).to_have_url(re.compile("history=1"))
    versions = page.get_by_role("list", name="Earlier versions").get_by_role("listitem")
    expect(versions).to_contain_text(["revision 4", "revision 3", "revision 2"])
    expect(versions).to_contain_text(["binary, 1 byte", "red", "blue"])
    expect(page.get_by_text("Created at revision 2; before that there was no such key.")).to_be_visible()
    versions.nth(2).get_by_role("link").click()
    expect(the_key(page)).to_contain_text("As it was at revision 2.")
    expect(the_key(page).locator("pre.value")).to_have_text("blue")
    expect(page.get_by_role("button", name="Copy the command pycluster kv get -rev 2 color")).to_have_count(1)
    page.get_by_role("link", name="Show it now").click()
    expect(the_key(page).locator("pre.value")).to_have_text("green")


def test_history_ends_where_it_is_compacted_and_says_so(visitor: Visitor, page: Page, stage: Stage) -> None:
    visitor.refusals = (410,)
    for value in (b"1", b"2", b"3", b"4"):
        stage.put(b"n", value)
    stage.asks(store.Compact(4))
    page.goto(f"{stage.url}/keys?key=n&history=1")
    versions = page.get_by_role("list", name="Earlier versions").get_by_role("listitem")
    expect(versions).to_have_count(1)
    expect(page.get_by_text("What was before is compacted: it can be read no more.")).to_be_visible()
    page.goto(f"{stage.url}/keys?key=n&at=2")
    expect(the_key(page)).to_contain_text("Revision 2 is compacted")


def test_a_long_history_comes_in_steps(page: Page, stage: Stage) -> None:
    for number in range(20):
        stage.put(b"n", b"%d" % number)
    page.goto(f"{stage.url}/keys?key=n&history=1")
    versions = page.get_by_role("list", name="Earlier versions").get_by_role("listitem")
    expect(versions).to_have_count(8)
    page.get_by_role("button", name="Show more").click()
    expect(versions).to_have_count(16)
    page.get_by_role("button", name="Show more").click()
    expect(versions).to_have_count(19)
    expect(versions.last).to_contain_text("version 1")


def test_what_was_deleted_can_still_be_seen(page: Page, stage: Stage) -> None:
    stage.put(b"a", b"precious")
    page.goto(f"{stage.url}/keys?key=a")
    live(page)
    stage.asks(store.DeleteRange(b"a"))
    page.get_by_role("link", name="See what it was").click()
    expect(the_key(page).locator("pre.value")).to_have_text("precious")


def test_hostile_keys_and_values_stay_text(page: Page, stage: Stage) -> None:
    stage.put(SCRIPT.encode(), f"{IMAGE}{SCRIPT}".encode())
    stage.put(b"json", f'{{"{SCRIPT}": "{quote(IMAGE)}", "x": ["{SCRIPT}"]}}'.encode())
    stage.put("a\u202egnp.exe\n\x1b[31m".encode(), b"\x1b[2J")
    stage.put(SCRIPT.encode(), IMAGE.encode())
    page.goto(f"{stage.url}/keys")
    expect(names(page)).to_have_text([SCRIPT, "a\\u{202e}gnp.exe\\n\\u{1b}[31m", "json"])
    names(page).first.click()
    expect(the_key(page).locator("pre.value")).to_have_text(IMAGE)
    page.get_by_role("link", name="Earlier versions").click()
    expect(page.get_by_role("list", name="Earlier versions")).to_contain_text(SCRIPT)
    page.get_by_role("link", name="Edit").click()
    expect(the_key(page).get_by_role("textbox")).to_have_value(IMAGE)
    page.goto(f"{stage.url}/keys?key=json")
    expect(the_key(page).locator("pre.value")).to_contain_text(SCRIPT)
    page.goto(f"{stage.url}/keys?prefix={quote(SCRIPT)}&key={quote(IMAGE)}&as={quote(SCRIPT)}&do={quote(IMAGE)}")
    expect(page.get_by_text("There is no such key")).to_be_visible()
    assert page.evaluate("window.hit") is None
    assert page.locator("img:not([src='/static/favicon.svg']), #app script").count() == 0


def test_bytes_that_are_no_text_are_shown_as_such_and_every_one_can_be_had(page: Page, stage: Stage) -> None:
    stage.put(b"bin/\xff\x00", bytes(range(256)) * 8)
    page.goto(f"{stage.url}/keys")
    expect(names(page)).to_have_text(["bin/\\xff\\x00"])
    names(page).click()
    expect(page).to_have_url(re.compile("key64="))
    card = the_key(page)
    expect(card).to_contain_text("2.0 KiB, not UTF-8")
    expect(card.locator("pre.value")).to_contain_text("000010  10 11 12")
    expect(card.locator("pre.value")).not_to_contain_text("0007f0")
    page.get_by_role("button", name="Show all 2.0 KiB").click()
    expect(card.locator("pre.value")).to_contain_text("0007f0")
    expect(card.get_by_role("button", name=re.compile("^Copy the command"))).to_have_count(0)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save the value as a file").click()
    assert saved.value.path().read_bytes() == bytes(range(256)) * 8
    page.reload()
    expect(card).to_contain_text("2.0 KiB, not UTF-8")


def test_json_is_laid_out_digit_by_digit_and_a_form_is_part_of_the_address(page: Page, stage: Stage) -> None:
    stage.put(b"j", b'{"n":10000000000000000001,"n":2,"e":[],"s":"a,b:{\\"}"}')
    page.goto(f"{stage.url}/keys?key=j")
    laid = '{\n  "n": 10000000000000000001,\n  "n": 2,\n  "e": [],\n  "s": "a,b:{\\"}"\n}'
    assert the_key(page).locator("pre.value").inner_text() == laid
    page.get_by_role("button", name="Text", exact=True).click()
    expect(the_key(page).locator("pre.value")).to_contain_text('{"n":1')
    expect(page).to_have_url(re.compile("as=text"))


def test_values_too_large_for_one_answer_are_left_out_of_the_list(visitor: Visitor, page: Page, stage: Stage) -> None:
    visitor.refusals = (413,)
    for number in range(3):
        stage.put(b"big/%d" % number, b"x" * 700_000)
    page.goto(f"{stage.url}/keys")
    expect(names(page)).to_have_count(3)
    names(page).first.click()
    expect(the_key(page)).to_contain_text("683.6 KiB")
    page.get_by_role("link", name="Edit").click()
    expect(page.get_by_text("683.6 KiB are too much to edit here")).to_be_visible()


def test_without_a_quorum_the_agents_own_copy_is_shown_and_called_so(page: Page, stage: Stage) -> None:
    stage.put(b"a", b"1")
    stage.show(replace(cast.five(), leader=replace(cast.five().leader, leader="", reason="no quorum")))
    page.goto(f"{stage.url}/keys")
    expect(page.get_by_text("No leader answers: this is revision 2 as node001 knows it")).to_be_visible()
    expect(page.get_by_text("Waiting for a leader")).to_be_visible()
    expect(names(page)).to_have_text(["a"])
    stage.show(cast.five())
    live(page)
    expect(page.get_by_text("No leader answers")).to_have_count(0)


def test_a_leader_that_does_not_answer_leaves_the_agents_own_copy(visitor: Visitor, page: Page, stage: Stage) -> None:
    visitor.refusals = (504,)
    stage.put(b"a", b"1")
    stage.state.deaf = True
    page.goto(f"{stage.url}/keys")
    expect(page.get_by_text("which may be behind")).to_be_visible()
    expect(names(page)).to_have_text(["a"])
    reads = [asked.request for asked in stage.state.asked if isinstance(asked.request, store.Range)]
    assert [read.serializable for read in reads[:2]] == [False, True]
    stage.state.deaf = False
    stage.put(b"b", b"2")
    expect(names(page)).to_have_text(["a", "b"])
    expect(page.get_by_text("which may be behind")).to_have_count(0)


def test_a_refused_read_is_shown_in_the_agents_words_and_tried_again(
    visitor: Visitor, page: Page, stage: Stage
) -> None:
    visitor.refusals = (429,)
    stage.state.refusal = store.Failure("overloaded", "too many requests are under way")
    page.goto(f"{stage.url}/keys")
    expect(page.get_by_role("alert")).to_contain_text("too many requests are under way")
    stage.state.refusal = None
    expect(page.get_by_text("No keys yet")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_an_observer_says_whose_keys_these_are(page: Page, serve: Serve) -> None:
    stage = serve(cast.observed())
    stage.put(b"a", b"1")
    page.goto(f"{stage.url}/keys")
    expect(
        page.get_by_text("node009 holds no copy of the state: what is shown here comes from node001.")
    ).to_be_visible()
    expect(names(page)).to_have_text(["a"])


def test_the_search_finds_keys_by_how_they_begin(page: Page, stage: Stage) -> None:
    stage.put(b"services/web/1", b"x")
    page.goto(stage.url)
    expect(page.locator("[data-connection=live]")).to_be_visible()
    page.keyboard.press("Control+k")
    page.keyboard.type("services/")
    expect(page.get_by_role("option")).to_contain_text(["services/web/1"])
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{stage.url}/keys?key=services%2Fweb%2F1")
    expect(the_key(page).locator("pre.value")).to_have_text("x")
