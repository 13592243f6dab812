"""Addresses, filters, keys: every way through the page."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import cast
from tests.browser.conftest import Serve
from tests.browser.visit import Visitor
from tests.cluster.agents import wait_for

PAGES = (
    ("/", "Overview"),
    ("/nodes", "Nodes"),
    ("/nodes/node003", "node003"),
    ("/elections", "Elections"),
    ("/raft", "Raft"),
    ("/keys", "Keys"),
    ("/configuration", "Configuration"),
    ("/configuration/effective?node=node002", "Configuration"),
    ("/configuration/files", "Configuration"),
    ("/configuration/rollouts", "Configuration"),
    ("/topology", "Topology"),
    ("/events", "Events"),
    ("/health", "This agent"),
    ("/settings", "Settings"),
)


@pytest.mark.parametrize(("path", "title"), PAGES)
def test_every_page_has_an_address_and_names_its_command(page: Page, serve: Serve, path: str, title: str) -> None:
    stage = serve(cast.five())
    page.goto(stage.url + path)
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    expect(
        page.get_by_role("main").get_by_role("button", name=re.compile("^Copy the command pycluster ")).first
    ).to_be_visible()
    assert page.get_by_role("heading", level=1).count() == 1


def test_links_and_the_way_back_change_the_page_without_loading_it(page: Page, serve: Serve) -> None:
    stage = serve(cast.five())
    page.goto(stage.url)
    page.evaluate("window.stayed = true")
    page.get_by_role("navigation").get_by_role("link", name="Nodes").click()
    expect(page).to_have_url(f"{stage.url}/nodes")
    page.get_by_role("link", name="node004", exact=True).first.click()
    expect(page).to_have_url(f"{stage.url}/nodes/node004")
    expect(page.get_by_role("heading", level=1)).to_have_text("node004")
    expect(page.get_by_role("main")).to_be_focused()
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Nodes")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    page.go_forward()
    expect(page.get_by_role("heading", level=1)).to_have_text("Nodes")
    assert page.evaluate("window.stayed") is True


def test_a_nodes_page_shows_its_evidence_and_the_agents_explanation(page: Page, serve: Serve) -> None:
    stage = serve(cast.with_member(cast.five(), "node004", state="down", role="unknown"))
    page.goto(f"{stage.url}/nodes/node004")
    expect(page.get_by_role("region", name="Why")).to_contain_text("because")
    expect(page.get_by_role("region", name="Evidence")).to_contain_text("alive by node001it answered")
    facts = page.get_by_role("region", name="What is known")
    for text in ("down", f"{4:032x}", "node004.example.org", "rack=r0", "0.1.0"):
        expect(facts).to_contain_text(text)


def test_an_unknown_node_and_an_unknown_page_say_so(page: Page, serve: Serve) -> None:
    stage = serve(cast.five())
    page.goto(f"{stage.url}/nodes/nobody")
    expect(page.get_by_text("No node of this name is known here")).to_be_visible()
    page.goto(f"{stage.url}/nowhere")
    expect(page.get_by_role("heading", level=1)).to_have_text("No such page")


def test_the_nodes_filter_is_part_of_the_address(page: Page, serve: Serve) -> None:
    stage = serve(cast.with_member(cast.five(), "node004", state="down"))
    page.goto(f"{stage.url}/nodes")
    rows = page.get_by_role("table", name="Nodes").locator("tbody tr")
    expect(rows).to_have_count(5)
    page.keyboard.press("/")
    page.keyboard.type("state:down")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(f"{stage.url}/nodes?q=state%3Adown")
    page.reload()
    expect(rows).to_have_count(1)
    expect(page.get_by_label("Filter nodes")).to_have_value("state:down")
    expect(page.get_by_role("button", name="down 1")).to_have_attribute("aria-pressed", "true")
    page.get_by_label("Filter nodes").press("Escape")
    expect(rows).to_have_count(5)
    expect(page).to_have_url(f"{stage.url}/nodes")
    page.get_by_label("Filter nodes").fill("rack=r1 -node001")
    expect(rows).to_have_count(1)
    page.get_by_label("Filter nodes").fill("nothing fits this")
    expect(page.get_by_text("No node fits this filter")).to_be_visible()


def test_the_events_filter_is_part_of_the_address(page: Page, serve: Serve) -> None:
    stage = serve(cast.five())
    stage.tell("member-down", "Node timeout: node004", node="node004")
    stage.tell("leader-changed", "Following new leader: node002 (term 5)", node="node002", term=5)
    page.goto(f"{stage.url}/events?q=kind:member-down")
    items = page.get_by_role("list", name="Events", exact=True).get_by_role("listitem")
    expect(items).to_have_count(1)
    expect(items).to_contain_text("Node timeout: node004")
    page.get_by_role("button", name="Leadership").click()
    expect(items).to_contain_text(["Following new leader: node002"])
    expect(page).to_have_url(f"{stage.url}/events?q=kind%3Aleader")


def test_nodes_are_sorted_as_the_address_says(page: Page, serve: Serve) -> None:
    stage = serve(cast.with_member(cast.five(), "node004", state="down", rtt_ms=None))
    page.goto(f"{stage.url}/nodes")
    names = page.get_by_role("table", name="Nodes").locator("tbody th a")
    expect(names).to_have_text([f"node{number:03d}" for number in range(1, 6)])
    page.get_by_role("button", name="State", exact=True).click()
    expect(names.first).to_have_text("node004")
    expect(page.get_by_role("columnheader", name="State")).to_have_attribute("aria-sort", "ascending")
    page.goto(f"{stage.url}/nodes?sort=-rtt")
    expect(names).to_have_text(["node004", "node001", "node005", "node003", "node002"])


def test_the_keyboard_finds_nodes_and_pages(page: Page, serve: Serve) -> None:
    stage = serve(cast.five())
    page.goto(stage.url)
    expect(page.locator("[data-connection=live]")).to_be_visible()
    page.keyboard.press("Control+k")
    page.keyboard.type("node00")
    options = page.get_by_role("option")
    expect(options).to_have_count(5)
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(options.nth(2)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{stage.url}/nodes/node002")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Control+k")
    page.keyboard.type("192.0.2.5")
    expect(options).to_have_text([re.compile("node004")])
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page).to_have_url(f"{stage.url}/nodes/node002")
    page.keyboard.press("Control+k")
    page.keyboard.type("raft")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{stage.url}/raft")


def test_a_question_mark_shows_the_shortcuts_and_they_work(page: Page, serve: Serve) -> None:
    stage = serve(cast.five())
    page.goto(stage.url)
    expect(page.locator("[data-connection=live]")).to_be_visible()
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(sheet).to_contain_text("Search nodes, keys and pages")
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    # The second key must come soon after the first, which a busy machine does not always grant.
    wait_for("both keys are one shortcut", lambda: brought_by_keys(page, "gt", "/topology"))
    expect(page).to_have_url(f"{stage.url}/topology")


def brought_by_keys(page: Page, keys: str, path: str) -> bool | None:
    page.keyboard.type(keys)
    return page.evaluate("location.pathname") == path or None


def test_the_command_can_be_copied(visitor: Visitor, serve: Serve) -> None:
    stage = serve(cast.five())
    page = visitor.page(permissions=["clipboard-read", "clipboard-write"])
    page.goto(f"{stage.url}/nodes")
    page.get_by_role("button", name="Copy the command pycluster members -o wide").click()
    copied = "pycluster members -o wide"
    wait_for("it is copied", lambda: page.evaluate("navigator.clipboard.readText()") == copied or None)


def test_the_page_can_be_used_by_the_keyboard_alone(page: Page, serve: Serve) -> None:
    stage = serve(cast.five())
    page.goto(stage.url)
    expect(page.locator("[data-connection=live]")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    focused = page.locator(":focus-visible")
    expect(focused).to_have_count(1)
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")
    assert focused.evaluate("one => getComputedStyle(one).outlineStyle") == "solid"
