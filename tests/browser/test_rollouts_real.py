"""The page over real agents: a version rolled out from it reaches every file, a bad one goes back by itself."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.configs import APP, SCHEMA, field
from tests.browser.visit import Visitor
from tests.cluster.agents import fleet, free_port, wait_for
from tests.cluster.rendered import client_of
from tests.cluster.rolling import NAME, Fleet


def roll(page: Page, url: str, text: str) -> None:
    """Edit the entry, one node first, then two at a time."""
    page.goto(f"{url}/configuration?name={NAME}&do=edit")
    page.get_by_role("textbox", name="Content").fill(text)
    page.get_by_role("button", name="Rolled out").click()
    page.get_by_role("combobox", name="Then").select_option("batch")
    page.get_by_label("Nodes at a time").fill("2")
    page.get_by_role("button", name="Roll out", exact=True).click()


def test_real_agents_are_rolled_out_to_from_the_page(visitor: Visitor, page: Page, tmp_path: Path) -> None:
    visitor.refusals = (503, 504)  # for a moment, where a voter is stalled; the page asks again
    cluster = Fleet(tmp_path, 4)
    port = free_port("127.0.0.1")
    serving = cluster.voters[1]
    serving.flags = (*serving.flags, "-web", f"127.0.0.1:{port}")
    url = f"http://127.0.0.1:{port}"
    rollout = page.get_by_role("region", name="Rollout")
    with fleet(*cluster.agents):
        cluster.formed()
        roll(page, url, "version two\n")
        expect(rollout).to_contain_text("done")
        expect(rollout).to_contain_text("4 of 4 nodes have it")
        stages = page.get_by_role("list", name="Stages").get_by_role("listitem")
        expect(stages).to_have_text(["Canary 1 of 1", "Batch 2 2 of 2", "Batch 3 1 of 1"])
        assert set(cluster.contents().values()) == {"version two\n"}
        roll(page, url, "bad\n")
        expect(rollout).to_contain_text("gone back")
        expect(rollout).to_contain_text("node001: the check failed: exit code 1")
        expect(page.locator("[data-lane=node001]")).to_contain_text("back")
        expect(page.locator("[data-lane=node002]")).to_contain_text("untouched")
        assert set(cluster.contents().values()) == {"version two\n"}
        page.goto(f"{url}/configuration/files")
        rows = page.get_by_role("table", name="Files on every node").locator("tbody tr")
        expect(rows).to_have_count(4)
        page.goto(f"{url}/configuration?name={NAME}&history=1")
        expect(page.get_by_role("list", name="Versions")).to_contain_text("the rollout of version 3 stopped")
        wait_for("the page is served by no leader", lambda: serving.says("Following new leader: node001") or None)
        with client_of(serving) as client:
            client.configs.put("web/@schema", SCHEMA)
            client.configs.put("web/app.yaml", APP)
        page.goto(f"{url}/configuration?name=web/app.yaml&do=edit")
        page.get_by_role("textbox", name="Content").wait_for()
        page.get_by_role("button", name="Form", exact=True).click()
        field(page, "/port").get_by_role("textbox").fill("8080")
        page.get_by_role("button", name="Write", exact=True).click()
        expect(page.locator("pre.value")).to_have_text(APP.replace("80", "8080"))
        page.goto("about:blank")
