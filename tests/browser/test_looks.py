"""Dark and light, desk and phone, calm where motion is unwelcome."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from pycluster.node.view import StatusView
from tests.browser import cast
from tests.browser.configs import write
from tests.browser.conftest import Serve
from tests.browser.rolling import advance, release, report
from tests.browser.stage import Stage
from tests.browser.visit import Visitor

PATHS = ("/", "/nodes", "/nodes/node004", "/elections", "/topology", "/events", "/health", "/settings")
#: Those of the replicated state; what they show is put there by ``filled``.
STATE_PATHS = (
    "/raft",
    "/raft?ask=remove:node003",
    "/keys",
    "/keys?tree=1",
    "/keys?prefix=app/&key=app/color&history=1",
    "/keys?key=app/color&do=edit",
    "/keys?do=new",
    "/keys?key=app/bytes",
    "/keys?key=app/color&at=2",
    "/keys?key=nothing",
    "/configuration",
    "/configuration?tree=1",
    "/configuration?name=web/app.yaml&history=1",
    "/configuration?name=web/app.yaml&do=edit",
    "/configuration?name=web/app.yaml&version=1",
    "/configuration?do=new",
    "/configuration?name=nothing",
    "/configuration/effective?node=node001&name=web/app.yaml",
    "/configuration/files",
    "/configuration/rollouts",
    "/configuration/rollouts?name=web/app.yaml",
)
#: What a page says until it has been answered.
WAITING = re.compile("Asking the agent …|Reading ")
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
#: The lightness of what stands behind everything, 0 to 255.
LIGHTNESS = "Math.max(...getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number))"


def lightness(page: Page) -> int:
    """How light the page is, 0 to 255."""
    value: int = page.evaluate(LIGHTNESS)
    return value


@pytest.mark.parametrize(("scheme", "light"), [("light", True), ("dark", False)])
def test_the_page_follows_the_systems_scheme(visitor: Visitor, serve: Serve, scheme: str, light: bool) -> None:
    stage = serve(cast.five())
    page = visitor.page(color_scheme=scheme)
    page.goto(stage.url)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert (lightness(page) > 200) is light
    assert (lightness(page) < 50) is not light


def test_the_theme_can_be_chosen_and_is_remembered(page: Page, serve: Serve) -> None:
    stage = serve(cast.five())
    page.goto(stage.url)
    page.get_by_role("button", name="Theme: auto. Change").click()
    expect(page.get_by_role("button", name="Theme: dark. Change")).to_be_visible()
    assert lightness(page) < 50
    page.reload()
    expect(page.get_by_role("button", name="Theme: dark. Change")).to_be_visible()
    assert lightness(page) < 50
    page.get_by_role("button", name="Theme: dark. Change").click()
    page.get_by_role("button", name="Theme: light. Change").click()
    expect(page.get_by_role("button", name="Theme: auto. Change")).to_be_visible()
    assert page.evaluate("localStorage.getItem('pycluster-theme')") is None


def long_names() -> StatusView:
    """Five nodes whose names, addresses and tags are as long as they may be."""
    view = cast.with_member(cast.five(), "node004", state="down", role="unknown")
    tags = {"a-key-that-is-quite-long": "v" * 120}
    return cast.with_member(
        view, "node002", address=f"[2001:db8::{'1:' * 5}2]:7946", tags=tags, region="r" * 60, host="h" * 63
    )


def filled(stage: Stage) -> Stage:
    """The same with keys: long ones, and some of every kind."""
    stage.put(b"app/color", b"x" * 300)
    stage.put(b"app/color", b'{"a": "' + b"y" * 300 + b'"}')
    stage.put(b"app/bytes", bytes(range(256)))
    stage.put(b"k" * 300, b"v")
    stage.put(b"w/" * 60, b"v")
    write(stage, "web/app.yaml", "port: 80\n", "a" * 120, "r" * 400)
    write(stage, "web/app.yaml", f"port: 81\nlong: {'x' * 300}\n", "a" * 120, "r" * 400)
    write(stage, "web/app.yaml@node:node001", "port: 82\n")
    write(stage, "n" * 90 + "/" + "m" * 90, "text")
    for node in ("node001", "node002", "node003"):
        report(stage, node, 2, 2, entry="web/app.yaml")
    begun = {"name": "web/app.yaml", "content": "port: 83\n", "reason": "r" * 400, "author": "a" * 120}
    assert stage.ask("POST", "/api/v1/config/rollout", begun).status == 200
    release(stage, "web/app.yaml", 3, 1, "node001", "node002")
    report(stage, "node001", 3, 2, "p" * 300, entry="web/app.yaml")
    advance(stage, "web/app.yaml", 3, total=3, state="paused", why="w" * 300)
    return stage


def test_no_page_scrolls_sideways(visitor: Visitor, serve: Serve) -> None:
    stage = filled(serve(long_names()))
    stage.tell("member-down", f"Node timeout: {'n' * 63} (suspected by {'m' * 63})", node="n" * 63)
    page = visitor.page(width=1440, height=800)
    for path in (*PATHS, *STATE_PATHS):
        page.goto(stage.url + path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_text(WAITING)).to_have_count(0)
        expect(page.locator("[data-connection=live]")).to_be_visible()
        for width in (1024, 768, 375, 320):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("innerWidth") == width
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, width)


def test_on_a_phone_rows_are_cards_and_the_pages_are_behind_a_button(visitor: Visitor, serve: Serve) -> None:
    stage = serve(cast.five())
    page = visitor.page(width=375, height=800, has_touch=True, is_mobile=True)
    page.goto(f"{stage.url}/nodes")
    row = page.get_by_role("table", name="Nodes").locator("tbody tr").first
    expect(row).to_be_visible()
    assert row.evaluate("one => getComputedStyle(one).display") == "grid"
    nav = page.get_by_role("navigation")
    expect(nav).to_be_hidden()
    page.get_by_role("button", name="Menu").tap()
    expect(nav).to_be_visible()
    nav.get_by_role("link", name="Raft").tap()
    expect(page).to_have_url(f"{stage.url}/raft")
    expect(nav).to_be_hidden()


def test_nothing_moves_where_motion_is_unwelcome(visitor: Visitor, serve: Serve) -> None:
    stage = serve(cast.five())
    page = visitor.page(reduced_motion="reduce")
    page.goto(stage.url)
    sign = page.locator("[data-connection=live] svg")
    expect(sign).to_be_visible()
    assert sign.evaluate("one => getComputedStyle(one).animationName") == "none"


CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const linear = (part) => (part <= 10 ? part / 3294.6 : ((part / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([red, green, blue]) => 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  const behind = (one) => {
    const ground = rgba(getComputedStyle(one).backgroundColor);
    return ground[3] === 255 || !one.parentElement ? ground : behind(one.parentElement);
  };
  const poor = [];
  for (const one of document.querySelectorAll("#app *")) {
    if (one.closest("svg") || ![...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
    const two = [light(rgba(getComputedStyle(one).color)), light(behind(one))].sort((a, b) => a - b);
    if ((two[1] + 0.05) / (two[0] + 0.05) < 4.5) poor.push(`${one.className}: ${one.textContent.slice(0, 30)}`);
  }
  return poor;
}"""


def test_every_text_stands_out_enough_from_what_is_behind_it(page: Page, serve: Serve) -> None:
    """WCAG 2.1, 1.4.3: 4.5 to 1."""
    stage = filled(serve(cast.with_member(cast.five(), "node004", state="down", role="unknown")))
    stage.tell("member-down", "Node timeout: node004", node="node004")
    for path in (*PATHS, *STATE_PATHS):
        page.goto(stage.url + path)
        expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("."))
        expect(page.get_by_text(WAITING)).to_have_count(0)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            assert (lightness(page) > 127) is (scheme == "light")
            assert page.evaluate(CONTRAST) == [], (path, scheme)
