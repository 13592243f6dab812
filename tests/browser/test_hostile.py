"""Names, tags and texts come from the network: whatever they say, they stay text."""

from __future__ import annotations

from urllib.parse import quote

from msgspec.structs import replace
from playwright.sync_api import Page, expect

from pycluster.node.view import Evidence, StatusView
from tests.browser import cast
from tests.browser.conftest import Serve
from tests.browser.visit import Visitor

IMAGE = '<img src=x onerror="window.hit=1">'
SCRIPT = "</script><script>window.hit=1</script>"
LINK = "javascript:window.hit=1"


def hostile() -> tuple[str, StatusView]:
    """A cluster in which everything that others choose is an attack; and the worst node's name."""
    name = f"{IMAGE[:40]}/../x"
    bad = cast.member(
        3,
        name=name,
        host=SCRIPT,
        address=LINK,
        version=IMAGE,
        zone=SCRIPT,
        region=IMAGE,
        tags={IMAGE: SCRIPT, "__proto__": "x", "constructor": LINK},
        evidence=(Evidence(cast.NOW_US, IMAGE, SCRIPT, IMAGE),),
    )
    view = cast.cluster((cast.member(1), cast.member(2), bad))
    leader = replace(view.leader, leader=name, reason=IMAGE, source=SCRIPT)
    return name, replace(
        view, cluster=IMAGE, leader=leader, warnings=(IMAGE, SCRIPT), counters={IMAGE: 1, "__proto__": 2}
    )


def test_hostile_names_and_tags_stay_text_on_every_page(page: Page, serve: Serve) -> None:
    name, view = hostile()
    stage = serve(view)
    stage.tell("member-up", f"New node discovered: {IMAGE}{SCRIPT}", node=name)
    at_node = f"/nodes/{quote(name, safe='')}"
    for path in (
        "/",
        "/nodes",
        at_node,
        "/elections",
        "/raft",
        "/keys",
        "/configuration",
        "/configuration/effective",
        "/configuration/files",
        "/configuration/rollouts",
        "/topology",
        "/events",
        "/health",
        "/settings",
    ):
        page.goto(stage.url + path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.locator("[data-connection=live]")).to_be_visible()
        assert page.evaluate("window.hit") is None, path
        assert page.locator("img:not([src='/static/favicon.svg'])").count() == 0, path
        assert page.locator("#app script, a[href^='javascript']").count() == 0, path
    page.goto(f"{stage.url}/nodes")
    row = page.get_by_role("row").filter(has_text=name)
    expect(row).to_contain_text(IMAGE)
    row.get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(page.get_by_role("region", name="What is known")).to_contain_text(SCRIPT)


def test_a_hostile_filter_in_the_address_stays_text(page: Page, serve: Serve) -> None:
    stage = serve(cast.five())
    page.goto(f"{stage.url}/nodes?q={quote(IMAGE)}&sort={quote(SCRIPT)}")
    expect(page.get_by_label("Filter nodes")).to_have_value(IMAGE)
    expect(page.get_by_text("No node fits this filter")).to_be_visible()
    assert page.evaluate("window.hit") is None


def test_a_command_with_a_hostile_name_is_quoted_for_the_shell(page: Page, serve: Serve) -> None:
    name = "x'; rm -rf $HOME #"
    stage = serve(cast.cluster((cast.member(1), cast.member(2, name=name))))
    page.goto(f"{stage.url}/nodes/{quote(name, safe='')}")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(page.locator(".command code")).to_have_text("pycluster explain node 'x'\\''; rm -rf $HOME #'")


ATTACK = """(text) => new Promise((done) => {
  setTimeout(() => done("nobody stopped it"), 5000);
  document.addEventListener("securitypolicyviolation", (event) => done(event.violatedDirective), { once: true });
  document.getElementById("main").insertAdjacentHTML("beforeend", text);
})"""


def test_the_policy_of_the_page_stops_what_gets_past_everything_else(
    visitor: Visitor, page: Page, serve: Serve
) -> None:
    stage = serve(cast.five())
    page.goto(stage.url)
    assert page.evaluate(ATTACK, '<img src="data:," onerror="window.hit=1">') == "script-src-attr"
    assert page.evaluate(ATTACK, '<b style="color: red">x</b>') == "style-src-attr"
    assert page.evaluate(ATTACK, '<img src="http://192.0.2.9/x">') == "img-src"
    assert page.evaluate("window.hit") is None
    assert len(visitor.complaints) == 3
    assert all("Content Security Policy" in text for text in visitor.complaints)
    assert visitor.strangers == ["http://192.0.2.9/x"]  # wanted, not made
    visitor.complaints.clear()
    visitor.strangers.clear()
