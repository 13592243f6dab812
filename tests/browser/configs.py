"""What the tests of the configuration's page have in common: entries written by others, and where to look."""

from __future__ import annotations

from urllib.parse import quote

from playwright.sync_api import Locator, Page, expect

from pycluster.configs import ChangeRequest, EntryView, Wanted
from tests.browser.stage import Stage

SCHEMA = """\
required: [port]
properties:
  port: {type: integer, minimum: 1, maximum: 65535, description: Where it listens}
  workers: {type: integer, default: 4}
  mode: {enum: [fast, safe]}
  debug: {type: boolean, title: Says more}
  names: {type: array, items: {type: string}}
  tls: {type: object, properties: {cert: {type: string}, key: {type: string}}}
  limits: {anyOf: [{type: object}, {type: string}]}
"""
APP = "# the web server\nport: 80\nworkers: 2   # per core\nnames:\n  - a.example.org\ntls:\n  cert: /a.pem\n"


def write(stage: Stage, name: str, content: str | None, author: str = "ada@web1", reason: str = "") -> None:
    """Somebody else writes an entry, or deletes it."""
    wanted = (Wanted(name=name, content=content),)
    stage.run(stage.configs.change(ChangeRequest(entries=wanted, author=author, reason=reason)))


def entry(stage: Stage, name: str) -> EntryView:
    """The entry as it stands."""
    return stage.run(stage.configs.get(name))


def visit(page: Page, stage: Stage, query: str = "", **parameters: str) -> None:
    """Open the entries' page."""
    said = "&".join(f"{key}={quote(value, safe='')}" for key, value in parameters.items())
    page.goto(f"{stage.url}/configuration{query}{'?' if said else ''}{said}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Configuration")


def names(page: Page) -> Locator:
    """The names in the list."""
    return page.get_by_role("table", name="Entries").locator("tbody th a")


def card(page: Page) -> Locator:
    """The card of the entry that is open."""
    return page.locator(".key-side .card").first


def text_box(page: Page) -> Locator:
    """Where its content is typed."""
    return page.get_by_role("textbox", name="Content")


def live(page: Page) -> None:
    """Wait until the page follows the entries."""
    expect(page.locator(".keys-list [data-watch=live]")).to_be_visible()


def field(page: Page, place: str) -> Locator:
    """A field of the form."""
    return page.locator(f"[data-place='{place}']")
