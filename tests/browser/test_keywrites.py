"""Keys written from the page: only if they are still what the writer has seen, and never in doubt who was faster."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from pycluster import store
from tests.browser import cast
from tests.browser.conftest import Serve
from tests.browser.stage import Stage
from tests.browser.test_keys import live, names, the_key
from tests.browser.visit import Visitor


@pytest.fixture
def stage(serve: Serve) -> Stage:
    return serve(cast.five())


def value_box(page: Page) -> Locator:
    return the_key(page).get_by_role("textbox", name="Value")


def content(stage: Stage, key: bytes) -> bytes | None:
    found = stage.asks(store.Range(key))
    assert isinstance(found, store.RangeResult)
    return found.kvs[0].value if found.kvs else None


def test_a_key_is_edited_under_the_revision_that_was_seen(page: Page, stage: Stage) -> None:
    stage.put(b"color", "blü\n".encode())
    page.goto(f"{stage.url}/keys?key=color")
    page.get_by_role("link", name="Edit").click()
    expect(page).to_have_url(re.compile("do=edit"))
    expect(value_box(page)).to_have_value("blü\n")
    expect(the_key(page)).to_contain_text("Written only if the key is still at revision 2.")
    value_box(page).fill("it's red")
    command = "pycluster kv put -if-rev 2 color 'it'\\''s red'"
    expect(the_key(page).get_by_role("button", name=f"Copy the command {command}")).to_be_visible()
    page.get_by_role("button", name="Write").click()
    expect(the_key(page).locator("pre.value")).to_have_text("it's red")
    assert content(stage, b"color") == b"it's red"
    written = next(one for one in stage.state.asked if isinstance(one.request, store.Txn))
    assert isinstance(written.request, store.Txn)
    assert written.request.compare == (store.Compare(b"color", "mod", "equal", 2),) and len(written.request_id) == 32


def test_a_lost_race_writes_nothing_and_shows_what_the_other_wrote(visitor: Visitor, page: Page, stage: Stage) -> None:
    visitor.refusals = (409,)
    stage.put(b"n", b"1")
    page.goto(f"{stage.url}/keys?key=n&do=edit")
    live(page)
    value_box(page).fill("mine")
    stage.put(b"n", b"theirs")
    expect(page.get_by_text("Changed meanwhile, at revision 3.")).to_be_visible()
    page.get_by_role("button", name="Write").click()
    conflict = page.get_by_role("alert", name="Somebody was faster")
    expect(conflict).to_contain_text("nothing of yours was written")
    expect(conflict).to_contain_text("revision 3, version 2")
    expect(conflict.locator("pre.value")).to_have_text("theirs")
    assert content(stage, b"n") == b"theirs"
    page.get_by_role("button", name="Keep mine, to write over theirs").click()
    expect(value_box(page)).to_have_value("mine")
    expect(the_key(page)).to_contain_text("still at revision 3")
    page.get_by_role("button", name="Write").click()
    expect(the_key(page).locator("pre.value")).to_have_text("mine")
    assert content(stage, b"n") == b"mine"


def test_theirs_can_be_taken_before_it_comes_to_a_race(page: Page, stage: Stage) -> None:
    stage.put(b"n", b"1")
    page.goto(f"{stage.url}/keys?key=n&do=edit")
    live(page)
    value_box(page).fill("mine")
    stage.put(b"n", b"theirs")
    page.get_by_role("button", name="See it").click()
    page.get_by_role("button", name="Take theirs").click()
    expect(value_box(page)).to_have_value("theirs")
    expect(the_key(page)).to_contain_text("still at revision 3")


def test_a_key_that_was_deleted_meanwhile_can_be_created_again(visitor: Visitor, page: Page, stage: Stage) -> None:
    visitor.refusals = (409,)
    stage.put(b"n", b"1")
    page.goto(f"{stage.url}/keys?key=n&do=edit")
    live(page)
    value_box(page).fill("again")
    stage.asks(store.DeleteRange(b"n"))
    expect(page.get_by_text("Deleted meanwhile, at revision 3.")).to_be_visible()
    page.get_by_role("button", name="Write").click()
    expect(page.get_by_text("They deleted the key.")).to_be_visible()
    page.get_by_role("button", name="Keep mine, to create it again").click()
    page.get_by_role("button", name="Create").click()
    expect(the_key(page).locator("pre.value")).to_have_text("again")


def test_a_new_key_is_created_and_never_written_over_another(visitor: Visitor, page: Page, stage: Stage) -> None:
    visitor.refusals = (409,)
    stage.put(b"app/taken", b"theirs")
    page.goto(f"{stage.url}/keys?prefix=app/")
    page.get_by_role("link", name="New key").click()
    expect(page).to_have_url(f"{stage.url}/keys?prefix=app%2F&do=new")
    expect(page.get_by_label("Key", exact=True)).to_have_value("app/")
    page.get_by_label("Key", exact=True).fill("app/taken")
    value_box(page).fill("mine")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("alert", name="Somebody was faster").locator("pre.value")).to_have_text("theirs")
    assert content(stage, b"app/taken") == b"theirs"
    page.get_by_label("Key", exact=True).fill("app/free")
    expect(
        the_key(page).get_by_role("button", name="Copy the command pycluster kv put -if-absent app/free mine")
    ).to_be_visible()
    page.get_by_role("button", name="Create").click()
    expect(page).to_have_url(f"{stage.url}/keys?prefix=app%2F&key=app%2Ffree")
    expect(names(page)).to_have_text(["app/free", "app/taken"])


def test_an_edit_stays_while_other_keys_are_listed(page: Page, stage: Stage) -> None:
    stage.put(b"app/a", b"1")
    stage.put(b"other", b"2")
    page.goto(f"{stage.url}/keys?key=app/a&do=edit")
    value_box(page).fill("mine")
    page.get_by_label("Prefix of keys").fill("app/")
    expect(names(page)).to_have_text(["app/a"])
    expect(page).to_have_url(re.compile(r"prefix=app%2F.*do=edit|do=edit.*prefix=app%2F"))
    expect(value_box(page)).to_have_value("mine")
    page.get_by_label("Prefix of keys").press("Escape")
    expect(names(page)).to_have_count(2)
    page.get_by_role("button", name="Write").click()
    expect(the_key(page).locator("pre.value")).to_have_text("mine")
    assert content(stage, b"app/a") == b"mine"


def test_a_new_key_stays_while_other_keys_are_listed(page: Page, stage: Stage) -> None:
    stage.put(b"app/a", b"1")
    page.goto(f"{stage.url}/keys?do=new")
    name = page.get_by_label("Key", exact=True)
    page.get_by_label("Prefix of keys").fill("app/")
    expect(name).to_have_value("app/")
    name.fill("web/new")
    value_box(page).fill("mine")
    page.get_by_label("Prefix of keys").fill("app/b")
    expect(page.get_by_text("No key begins so")).to_be_visible()
    expect(name).to_have_value("web/new")
    expect(value_box(page)).to_have_value("mine")
    page.get_by_role("button", name="Create").click()
    expect(the_key(page).locator("pre.value")).to_have_text("mine")


def test_a_value_that_is_no_text_is_edited_in_digits(page: Page, stage: Stage) -> None:
    stage.put(b"b", b"\xff\x00")
    page.goto(f"{stage.url}/keys?key=b&do=edit")
    expect(value_box(page)).to_have_value("ff 00")
    expect(the_key(page).get_by_role("button", name="Text", exact=True)).to_be_disabled()
    value_box(page).fill("ff 0")
    expect(page.get_by_text("Hexadecimal digits in pairs, please.")).to_be_visible()
    expect(page.get_by_role("button", name="Write")).to_be_disabled()
    value_box(page).fill("FE 01\n02")
    page.get_by_role("button", name="Write").click()
    expect(the_key(page).locator("pre.value")).to_contain_text("fe 01 02")
    assert content(stage, b"b") == b"\xfe\x01\x02"


def test_ends_of_lines_that_a_text_area_would_change_are_kept(page: Page, stage: Stage) -> None:
    stage.put(b"dos", b"a\r\nb")
    page.goto(f"{stage.url}/keys?key=dos&do=edit")
    expect(value_box(page)).to_have_value("61 0d 0a 62")
    page.get_by_role("button", name="Write").click()
    expect(the_key(page).locator("pre.value")).to_be_visible()
    assert content(stage, b"dos") == b"a\r\nb"


def test_an_edited_key_stays_attached_to_its_lease(page: Page, stage: Stage) -> None:
    granted = stage.asks(store.LeaseGrant(600))
    assert isinstance(granted, store.LeaseGrantResult)
    stage.put(b"web", b"1", granted.id)
    page.goto(f"{stage.url}/keys?key=web&do=edit")
    expect(the_key(page)).to_contain_text("it stays attached to its lease")
    value_box(page).fill("2")
    page.get_by_role("button", name="Write").click()
    expect(the_key(page)).to_contain_text("left of 10m")
    found = stage.asks(store.Range(b"web"))
    assert isinstance(found, store.RangeResult) and found.kvs[0].lease == granted.id


def test_an_old_value_can_be_written_again(page: Page, stage: Stage) -> None:
    stage.put(b"n", b"old")
    stage.put(b"n", b"new")
    page.goto(f"{stage.url}/keys?key=n&at=2")
    page.get_by_role("link", name="Edit from this").click()
    expect(value_box(page)).to_have_value("old")
    expect(the_key(page)).to_contain_text("still at revision 3")
    page.get_by_role("button", name="Write").click()
    expect(the_key(page).locator("pre.value")).to_have_text("old")
    assert content(stage, b"n") == b"old"


def test_an_old_value_s_editor_tells_what_it_waits_for_and_goes_on(visitor: Visitor, page: Page, stage: Stage) -> None:
    visitor.refusals = (429,)
    stage.put(b"n", b"old")
    stage.put(b"n", b"new")
    page.goto(f"{stage.url}/keys?key=n&at=2")
    live(page)
    expect(the_key(page).locator("pre.value")).to_have_text("old")
    stage.state.refusal = store.Failure("overloaded", "too many requests are under way")
    page.get_by_role("link", name="Edit from this").click()
    expect(the_key(page).get_by_role("alert")).to_contain_text("too many requests are under way")
    stage.state.refusal = None
    expect(value_box(page)).to_have_value("old")
    expect(the_key(page)).to_contain_text("still at revision 3")
    expect(the_key(page).get_by_role("alert")).to_have_count(0)


def test_a_key_is_deleted_once_it_is_confirmed(page: Page, stage: Stage) -> None:
    stage.put(b"a", b"1")
    page.goto(f"{stage.url}/keys?key=a")
    live(page)
    page.get_by_role("button", name="Delete").click()
    box = page.get_by_role("dialog", name="Delete this key?")
    expect(box.get_by_role("button", name="Copy the command pycluster kv del -if-rev 2 a")).to_be_visible()
    expect(box.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(box).to_have_count(0)
    assert content(stage, b"a") == b"1"
    page.get_by_role("button", name="Delete").click()
    box.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("There is no such key")).to_be_visible()
    expect(box).to_have_count(0)
    assert content(stage, b"a") is None


def test_a_key_that_changed_while_its_deletion_was_asked_about_is_looked_at_first(
    visitor: Visitor, page: Page, stage: Stage
) -> None:
    visitor.refusals = (409,)
    stage.put(b"a", b"1")
    page.goto(f"{stage.url}/keys?key=a")
    live(page)
    page.get_by_role("button", name="Delete").click()
    box = page.get_by_role("dialog", name="Delete this key?")
    stage.put(b"a", b"2")
    expect(box).to_contain_text("Changed meanwhile, at revision 3.")
    expect(box).to_contain_text("only if it is still at revision 2")
    box.get_by_role("button", name="Delete").click()
    expect(box.get_by_role("alert")).to_contain_text("the key is not as the condition says")
    assert content(stage, b"a") == b"2"
    box.get_by_role("button", name="Take it as it is now").click()
    expect(box).to_contain_text("only if it is still at revision 3")
    expect(box.get_by_role("alert")).to_have_count(0)
    expect(box.get_by_text("Changed meanwhile")).to_have_count(0)
    box.get_by_role("button", name="Delete").click()
    expect(box).to_have_count(0)
    assert content(stage, b"a") is None


def test_a_deletion_in_doubt_does_not_answer_for_what_was_written_after_it(
    visitor: Visitor, page: Page, stage: Stage
) -> None:
    visitor.refusals = (504,)
    stage.put(b"a", b"1")

    async def deleted_and_created_again(request_id: bytes) -> None:
        # Nothing comes in between: the page does not see that there was no such key.
        is_seen = (store.Compare(b"a", "mod", "equal", 2),)
        await stage.state.ask(store.Txn(is_seen, (store.DeleteRange(b"a"),)), request_id=request_id)
        await stage.state.ask(store.Put(b"a", b"theirs"))

    def lose_the_answer(route: Route) -> None:
        stage.run(deleted_and_created_again(route.request.headers["idempotency-key"].encode()))
        route.fulfill(status=504, json={"what": "whether it was done is not known", "kind": "outcome-unknown"})

    page.goto(f"{stage.url}/keys?key=a")
    live(page)
    page.get_by_role("button", name="Delete").click()
    box = page.get_by_role("dialog", name="Delete this key?")
    page.route("**/api/v1/kv?key=a&if_mod_revision=*", lose_the_answer, times=1)
    box.get_by_role("button", name="Delete").click()
    expect(box.get_by_role("alert")).to_contain_text("whether it was done is not known")
    expect(box).to_contain_text("Changed meanwhile, at revision 4.")
    box.get_by_role("button", name="Take it as it is now").click()
    box.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("There is no such key")).to_be_visible()
    assert content(stage, b"a") is None


def test_a_change_that_the_agent_refuses_is_explained_in_its_words(visitor: Visitor, stage: Stage) -> None:
    visitor.refusals = (403,)
    page = visitor.page(extra_http_headers={"X-Forwarded-For": "192.0.2.9"})
    stage.put(b"a", b"1")
    page.goto(f"{stage.url}/keys?key=a&do=edit")
    value_box(page).fill("2")
    page.get_by_role("button", name="Write").click()
    refusal = page.get_by_role("alert")
    expect(refusal).to_contain_text("Not written: kv is not allowed through a proxy")
    expect(refusal).to_contain_text("run the command on the node itself")
    assert content(stage, b"a") == b"1"


def test_a_write_in_doubt_is_tried_again_under_the_same_name(visitor: Visitor, page: Page, stage: Stage) -> None:
    visitor.refusals = (504,)
    stage.put(b"a", b"1")
    page.goto(f"{stage.url}/keys?key=a&do=edit")
    live(page)
    value_box(page).fill("2")
    stage.state.failures.append(store.Failure("outcome-unknown", "leadership was lost before it was committed"))
    page.get_by_role("button", name="Write").click()
    expect(page.get_by_role("alert")).to_contain_text("Not certain: whether it was done is not known")
    page.get_by_role("button", name="Write").click()
    expect(the_key(page).locator("pre.value")).to_have_text("2")
    writes = [asked.request_id for asked in stage.state.asked if isinstance(asked.request, store.Txn)]
    assert len(writes) == 2 and writes[0] == writes[1]
