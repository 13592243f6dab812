"""What a node gets of the configuration, and where each line of it comes from."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from pycluster.rollouts.names import release_key
from tests.browser import cast
from tests.browser.configs import write
from tests.browser.conftest import Serve
from tests.browser.rolling import begun, release, report, unrelease
from tests.browser.stage import Stage


@pytest.fixture
def stage(serve: Serve) -> Stage:
    one = serve(cast.five())
    write(one, "web/app.yaml", "port: 80\nworkers: 2\n")
    write(one, "web/app.yaml@zone:a", "workers: 4\ndebug: true\n")
    write(one, "web/app.yaml@node:node003", "workers: 8\n")
    write(one, "motd", "hello\n")
    return one


def test_a_node_gets_entries_with_the_overrides_that_count_there(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/configuration/effective")
    rows = page.get_by_role("table", name="What the node gets").locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("all nodes version 1")
    expect(rows.nth(1)).not_to_contain_text("zone a")
    page.get_by_role("combobox", name="Node").select_option("node003")
    expect(page).to_have_url(f"{stage.url}/configuration/effective?node=node003")
    expect(rows.nth(1).locator(".layer")).to_have_text(
        ["all nodes version 1", "zone a version 1", "node node003 version 1"]
    )
    rows.nth(1).get_by_role("link", name="web/app.yaml").click()
    lines = page.get_by_role("list", name="Content").get_by_role("listitem")
    expect(lines).to_have_text(["port: 80 all nodes", "workers: 8 node node003", "debug: true zone a"])
    expect(
        page.get_by_role("button", name="Copy the command pycluster config effective node003 web/app.yaml")
    ).to_be_visible()
    page.get_by_role("link", name="Close this entry").click()
    expect(lines).to_have_count(0)


def test_it_follows_changes_of_the_entries_and_of_the_node(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/configuration/effective?node=node002&name=web%2Fapp.yaml")
    lines = page.get_by_role("list", name="Content").get_by_role("listitem")
    expect(lines).to_have_text(["port: 80", "workers: 2"])
    expect(page.locator("[data-watch=live]").first).to_be_visible()
    write(stage, "web/app.yaml@node:node002", "port: 81\n")
    expect(lines).to_have_text(["port: 81 node node002", "workers: 2 all nodes"])
    stage.show(cast.with_member(cast.five(), "node002", zone="a"))
    expect(lines).to_have_text(["port: 81 node node002", "workers: 4 zone a", "debug: true"])


def test_a_version_that_is_rolled_out_is_shown_once_the_node_may_have_it(page: Page, stage: Stage) -> None:
    write(stage, "web/app.j2", "workers 2\n")
    for node in ("node001", "node002"):
        report(stage, node, 1, 1)
    begun(page, stage, "web/app.j2", "workers 8\n")
    page.goto(f"{stage.url}/configuration/effective?node=node002&name=web%2Fapp.j2")
    line = page.get_by_role("list", name="Content").get_by_role("listitem")
    expect(line).to_have_text("workers 2")
    expect(page.locator("[data-watch=live]").first).to_be_visible()
    page.evaluate("window.stayed = true")
    release(stage, "web/app.j2", 2, 1, "node001", "node002")
    expect(line).to_have_text("workers 8")
    expect(page.get_by_text("all nodes version 2")).to_have_count(2)
    unrelease(stage, "web/app.j2", 2, "node002")
    expect(line).to_have_text("workers 2")
    assert page.evaluate("window.stayed") is True


def test_what_concerns_another_node_is_no_change_of_this_one(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/configuration/effective?node=node002")
    line = page.locator("[data-watch=live]").first
    expect(line).to_be_visible()
    head = stage.put(release_key("node001", "web/app.yaml", 2), b"")
    expect(line).to_contain_text(f"at revision {head}")
    expect(line).not_to_contain_text("changed")
    write(stage, "motd", "good day\n")
    expect(line).to_contain_text("changed")


def test_layers_that_do_not_fit_together_are_told(page: Page, stage: Stage) -> None:
    write(stage, "web/app.yaml@schema", "not: {required: [debug, extra]}\n")
    write(stage, "web/app.yaml@node:node003", "extra: 1\n")
    page.goto(f"{stage.url}/configuration/effective?node=node003&name=web%2Fapp.yaml")
    expect(page.get_by_role("alert")).to_contain_text("These together do not fit")
    expect(page.get_by_role("alert")).to_contain_text("(web/app.yaml@schema)")
    expect(page.get_by_role("table").get_by_text("does not fit")).to_be_visible()


def test_an_entry_or_a_node_that_is_not_there_is_said_to_be_none(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/configuration/effective?node=node001&name=nothing")
    expect(page.get_by_text("node001 gets no entry nothing.")).to_be_visible()
