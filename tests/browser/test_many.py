"""Five hundred nodes: all there, and drawn again only where something changed."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser import cast
from tests.browser.conftest import Serve

#: Count the table rows in which anything but a text changed since the call.
WATCH = """() => {
  window.redrawn = new Set();
  new MutationObserver((changes) => changes.forEach((change) => {
    const element = change.target.nodeType === 1 ? change.target : change.target.parentElement;
    const row = element?.closest("tr");
    if (row && change.type !== "characterData") window.redrawn.add(row.querySelector("a").textContent);
  })).observe(document.querySelector("tbody"),
    { subtree: true, childList: true, attributes: true, characterData: true });
}"""

#: Where each sign of the drawing stands.
PLACES = """all => all.map((one) => {
  const box = one.querySelector(".sign").getBoundingClientRect();
  return `${Math.round(box.x)} ${Math.round(box.y)}`;
})"""


def test_five_hundred_nodes_are_listed_and_filtered(page: Page, serve: Serve) -> None:
    stage = serve(cast.many())
    page.goto(f"{stage.url}/nodes")
    rows = page.get_by_role("table", name="Nodes").locator("tbody tr")
    expect(rows).to_have_count(500)
    page.get_by_label("Filter nodes").fill("state:down")
    expect(rows).to_have_count(2)
    page.get_by_label("Filter nodes").fill("node123")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("suspect")


def test_a_change_of_one_node_redraws_one_row(page: Page, serve: Serve) -> None:
    stage = serve(cast.many())
    page.goto(f"{stage.url}/nodes")
    rows = page.get_by_role("table", name="Nodes").locator("tbody tr")
    expect(rows).to_have_count(500)
    page.evaluate(WATCH)
    stage.show(cast.with_member(cast.many(), "node250", state="down"))
    stage.tell("member-down", "Node timeout: node250", node="node250")
    expect(rows.nth(249)).to_contain_text("down")
    assert page.evaluate("[...window.redrawn]") == ["node250"]


def test_the_overview_of_many_shows_each_as_a_sign_and_lists_those_that_matter(page: Page, serve: Serve) -> None:
    stage = serve(cast.many())
    page.goto(stage.url)
    signs = page.get_by_role("list", name="Every node's state").get_by_role("link")
    expect(signs).to_have_count(500)
    expect(signs.nth(16)).to_have_accessible_name("node017: down, follower")
    names = page.get_by_role("table", name="Nodes").locator("tbody th a")
    expect(names).to_have_text([f"node{n:03d}" for n in (1, 2, 3, 4, 5, 17, 123, 200, 311, 444)])
    page.get_by_label("Filter nodes").fill("node49")
    expect(names).to_have_text([f"node{n}" for n in range(490, 500)])


def test_the_drawing_of_many_names_those_that_are_not_well(page: Page, serve: Serve) -> None:
    stage = serve(cast.many())
    page.goto(f"{stage.url}/topology")
    drawing = page.locator("svg.ring")
    expect(drawing.locator("a")).to_have_count(500)
    expect(drawing.locator("text.name")).to_have_text(["node123", "node017", "node311", "node001"])
    assert len(set(drawing.locator("a").evaluate_all(PLACES))) == 500
