"""Rollouts on the page: begun beside saving, followed node by node, paused, resumed and aborted."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import cast
from tests.browser.configs import card, entry, names, text_box, visit, write
from tests.browser.conftest import Serve
from tests.browser.rolling import advance, release, report, run_of
from tests.browser.stage import Stage
from tests.browser.test_configuration import command, versions
from tests.browser.visit import Visitor

NAME = "web/app.j2"
NODES = tuple(f"node{number:03d}" for number in range(1, 6))


@pytest.fixture
def stage(serve: Serve) -> Stage:
    one = serve(cast.five())
    write(one, NAME, "workers 2\n")
    for node in NODES:
        report(one, node, 1, 1)
    return one


def begin(page: Page, stage: Stage) -> None:
    """Edit the entry and roll it out."""
    visit(page, stage, name=NAME, do="edit")
    text_box(page).fill("workers 8\n")
    page.get_by_label("Reason").fill("more")
    page.get_by_role("button", name="Rolled out").click()
    page.get_by_role("button", name="Roll out", exact=True).click()
    expect(page).to_have_url(f"{stage.url}/configuration/rollouts?name=web%2Fapp.j2&version=2")


def lane(page: Page, node: str) -> Locator:
    return page.locator(f"[data-lane='{node}']")


def the_rollout(page: Page) -> Locator:
    return page.get_by_role("region", name="Rollout")


def live(page: Page) -> None:
    expect(page.locator("[data-watch=live]").first).to_be_visible()


def test_a_change_is_rolled_out_as_it_is_said_beside_saving(page: Page, stage: Stage) -> None:
    visit(page, stage, name=NAME, do="edit")
    text_box(page).fill("workers 8\n")
    page.get_by_role("button", name="Rolled out").click()
    expect(
        card(page).get_by_text(
            "1 first (canary), then 25 % at a time, 60 s for a node, a failure brings the old version back."
        )
    ).to_be_visible()
    said = "pycluster config put -if-version 1 -rollout canary=1,batch=25% web/app.j2 < FILE"
    expect(command(page, said)).to_be_visible()
    page.get_by_label("Then", exact=True).select_option("batch")
    page.get_by_label("Nodes at a time").fill("2")
    page.get_by_label("Seconds between").fill("30")
    page.get_by_label("Failures accepted").fill("1")
    page.get_by_label("Past them").select_option("pause")
    said = "canary=1,batch=2,soak=30s,failures=1,on-failure=pause"
    expect(command(page, f"pycluster config put -if-version 1 -rollout {said} web/app.j2 < FILE")).to_be_visible()
    page.get_by_role("button", name="Roll out", exact=True).click()
    expect(the_rollout(page)).to_contain_text("rolling out")
    strategy = run_of(stage, NAME, 2).strategy
    assert (strategy.canary, strategy.batch, strategy.percent, strategy.soak_s) == (1, 2, 0, 30)
    assert (strategy.failures, strategy.on_failure, strategy.timeout_s) == (1, "pause", 60)
    assert entry(stage, NAME).content == "workers 2\n"


def test_the_nodes_are_followed_lane_by_lane(page: Page, stage: Stage) -> None:
    begin(page, stage)
    live(page)
    expect(the_rollout(page)).to_contain_text("not begun yet")
    page.evaluate("window.stayed = true")
    advance(stage, NAME, 2, total=5)
    release(stage, NAME, 2, 1, "node001")
    expect(lane(page, "node001")).to_contain_text("changing")
    expect(lane(page, "node002")).to_contain_text("waiting")
    report(stage, "node001", 2, 2)
    expect(lane(page, "node001")).to_contain_text("in place")
    expect(the_rollout(page)).to_contain_text("1 of 5 nodes have it")
    stages = page.get_by_role("list", name="Stages").get_by_role("listitem")
    expect(stages).to_have_text(["Canary 1 of 1", "Not yet 4"])
    release(stage, NAME, 2, 2, "node002", "node003")
    report(stage, "node002", 2, 1, "the check failed: exit code 1")
    expect(stages).to_have_text(["Canary 1 of 1", "Batch 2 0 of 2", "Not yet 2"])
    expect(lane(page, "node002")).to_contain_text("the check failed: exit code 1")
    expect(lane(page, "node002")).to_contain_text("failed")
    expect(page.get_by_role("table", name="Nodes").locator(".group")).to_have_text(["Canary", "Batch 2", "Not yet"])
    expect(command(page, "pycluster config rollout show -version 2 web/app.j2")).to_be_visible()
    page.get_by_role("button", name="What it changes").click()
    expect(page.locator("ins")).to_have_text(["workers 8"])
    assert page.evaluate("window.stayed") is True


def test_it_is_paused_resumed_and_aborted_with_a_reason(page: Page, stage: Stage) -> None:
    begin(page, stage)
    page.get_by_role("button", name="Pause …").click()
    box = page.get_by_role("dialog", name="Pause this rollout?")
    box.get_by_label("Reason").fill("lunch")
    expect(
        box.get_by_role(
            "button", name="Copy the command pycluster config rollout pause -version 2 --reason lunch web/app.j2"
        )
    ).to_be_visible()
    box.get_by_role("button", name="Pause", exact=True).click()
    expect(box).to_have_count(0)
    expect(the_rollout(page)).to_contain_text("paused")
    expect(the_rollout(page)).to_contain_text("lunch")
    assert run_of(stage, NAME, 2).state == "paused"
    page.get_by_role("button", name="Resume …").click()
    page.get_by_role("dialog").get_by_role("button", name="Resume", exact=True).click()
    expect(the_rollout(page)).to_contain_text("rolling out")
    page.get_by_role("button", name="Abort …").click()
    page.get_by_role("dialog").get_by_role("button", name="Abort", exact=True).click()
    expect(the_rollout(page)).to_contain_text("It was asked to stop")
    assert run_of(stage, NAME, 2).wish == "abort"


def test_what_cannot_be_done_any_more_is_refused_in_the_agents_words(
    visitor: Visitor, page: Page, stage: Stage
) -> None:
    visitor.refusals = (409,)
    begin(page, stage)
    page.get_by_role("button", name="Pause …").click()
    advance(stage, NAME, 2, state="done", result=2, ended_ms=1)
    expect(page.get_by_role("button", name="Pause …")).to_have_count(0)
    box = page.get_by_role("dialog", name="Pause this rollout?")
    box.get_by_role("button", name="Pause", exact=True).click()
    expect(box.get_by_role("alert")).to_be_visible()
    assert run_of(stage, NAME, 2).state == "done"


def test_a_failure_that_stopped_it_is_told(page: Page, stage: Stage) -> None:
    begin(page, stage)
    live(page)
    release(stage, NAME, 2, 1, "node001")
    advance(stage, NAME, 2, total=5, state="rolled-back", result=3, why="node001: the check failed", ended_ms=1)
    expect(the_rollout(page)).to_contain_text("gone back")
    expect(the_rollout(page)).to_contain_text("node001: the check failed")
    expect(the_rollout(page)).to_contain_text("In force since thenversion 3")
    expect(page.get_by_role("button", name="Abort …")).to_have_count(0)
    page.get_by_role("link", name="Close this entry").click()
    row = page.get_by_role("table", name="Rollouts").locator("tbody tr")
    expect(row).to_contain_text("1 → 2")
    expect(row).to_contain_text("gone back")
    expect(command(page, "pycluster config rollout list")).to_be_visible()


def test_an_entry_says_that_it_is_rolled_out(visitor: Visitor, page: Page, stage: Stage) -> None:
    visitor.refusals = (409,)
    begin(page, stage)
    visit(page, stage, name=NAME, history="1")
    expect(names(page)).to_have_text([NAME])
    expect(page.get_by_role("link", name="→ 2")).to_be_visible()
    expect(card(page)).to_contain_text("Version 2 is being rolled out over this one")
    expect(versions(page)).to_contain_text(["version 2being rolled out", "version 1in force"])
    expect(page.get_by_role("button", name=re.compile("^Roll back to"))).to_have_count(0)
    visit(page, stage, name=NAME, do="edit")
    text_box(page).fill("other\n")
    page.get_by_role("button", name="Write", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("version 2 of web/app.j2 is rolled out")


def test_what_nobody_renders_is_not_rolled_out(visitor: Visitor, page: Page, stage: Stage) -> None:
    visitor.refusals = (400,)
    write(stage, "other", "1")
    visit(page, stage, name="other", do="edit")
    text_box(page).fill("2")
    page.get_by_role("button", name="Rolled out").click()
    page.get_by_role("button", name="Roll out", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("no node renders a file from it")
    visit(page, stage, do="new")
    expect(page.get_by_role("button", name="Rolled out")).to_have_count(0)


def test_files_of_every_node_are_told_and_what_is_not_well_first(page: Page, stage: Stage) -> None:
    report(stage, "node004", 2, 1, "the reload failed: <b>exit code 1</b>")
    page.goto(f"{stage.url}/configuration/files")
    rows = page.get_by_role("table", name="Files on every node").locator("tbody tr")
    expect(rows).to_have_count(5)
    expect(rows.first).to_contain_text("node004")
    expect(rows.first).to_contain_text("the reload failed: <b>exit code 1</b>")
    expect(rows.nth(1)).to_contain_text("in place")
    live(page)
    report(stage, "node004", 2, 2)
    expect(rows.first).to_contain_text("node001")
    page.get_by_label("Filter files").fill("node003")
    expect(rows).to_have_count(1)
    expect(command(page, "pycluster config nodes")).to_be_visible()


def test_a_file_of_this_node_is_looked_at_and_put_in_place(visitor: Visitor, page: Page, stage: Stage) -> None:
    visitor.refusals = (422,)
    page.goto(f"{stage.url}/configuration/files")
    row = page.locator("[data-file=web]")
    expect(row).to_contain_text("/etc/web.conf")
    expect(row).to_contain_text("in place")
    row.get_by_role("button", name="Render web").click()
    box = page.get_by_role("dialog", name="Render web")
    expect(box).to_contain_text("It would change.")
    expect(box.locator("ins")).to_contain_text("new")
    expect(
        box.get_by_role("button", name="Copy the command pycluster config render -dry-run -diff web")
    ).to_be_visible()
    box.get_by_role("button", name="Put it in place").click()
    expect(box).to_contain_text("Written.")
    box.get_by_role("button", name="Close").click()
    stage.files.closed = "the file has mode 0600"
    row.get_by_role("button", name="Render web").click()
    expect(box).to_contain_text("What is in it is not shown: the file has mode 0600")
    expect(box.locator("ins")).to_have_count(0)
    box.get_by_role("button", name="Close").click()
    stage.files.failed = "the check failed: exit code 1"
    expect(row).to_contain_text("the check failed: exit code 1")
