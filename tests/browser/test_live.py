"""The page follows its cluster without a reload, and says so when it cannot."""

from __future__ import annotations

import re
from pathlib import Path

from msgspec.structs import replace
from playwright.sync_api import Locator, Page, expect

from pycluster.node.view import LeaderView
from pycluster.runtime.journal import EventJournal
from pycluster.web import Bounds
from tests.browser import cast
from tests.browser.conftest import Serve
from tests.browser.stage import QUICK, Stage
from tests.browser.visit import Visitor
from tests.cluster.agents import free_port, wait_for

AGO = re.compile(r"^(\d+)s ago")
#: One snapshot, and then none for longer than a page waits.
SILENT = Bounds(snapshot_age_s=600)


def row(page: Page, name: str) -> Locator:
    """The table row of a node."""
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


def in_still_time(page: Page, url: str, drawn: Locator) -> None:
    """Open a page whose time the test alone lets pass, until it shows something: a busy machine would, too."""
    page.clock.install(time=0)
    page.clock.pause_at(3_600)
    page.goto(url)

    def look() -> bool | None:
        page.clock.run_for(10)
        return drawn.count() > 0 or None

    wait_for("the page is drawn", look)


def seconds_ago(seen: Locator) -> int:
    """What a row says."""
    found = AGO.match(seen.inner_text())
    assert found is not None, seen.inner_text()
    return int(found[1])


def test_the_leader_the_quorum_and_every_node_are_shown(page: Page, serve: Serve) -> None:
    stage = serve(cast.five())
    page.goto(stage.url)
    header = page.get_by_role("banner")
    expect(header).to_contain_text("Leader node001 term 4")
    expect(header).to_contain_text("Quorum: 5 of 5 voters")
    expect(header.locator("[data-connection=live]")).to_be_visible()
    for number in range(1, 6):
        expect(row(page, f"node{number:03d}")).to_contain_text("alive")
    expect(row(page, "node001")).to_contain_text("leader")
    expect(row(page, "node002")).to_contain_text("follower")
    expect(row(page, "node002")).to_contain_text("192.0.2.3:7946")
    expect(row(page, "node002")).to_contain_text("0.40 ms")
    expect(page).to_have_title("harbour · node001")


def test_a_node_that_dies_is_down_without_a_reload(page: Page, serve: Serve) -> None:
    stage = serve(cast.five())
    page.goto(stage.url)
    expect(row(page, "node004")).to_contain_text("alive")
    page.evaluate("window.stayed = true")
    stage.show(cast.with_member(cast.five(), "node004", state="down", role="unknown"))
    stage.tell("member-down", "Node timeout: node004", node="node004")
    expect(row(page, "node004")).to_contain_text("down")
    expect(page.locator("[data-count=down]")).to_contain_text("1")
    expect(page.get_by_role("list", name="Newest events")).to_contain_text("Node timeout: node004")
    expect(page.get_by_role("banner")).to_contain_text("Quorum: 4 of 5 voters")
    expect(page).to_have_title("1 down · harbour · node001")
    assert page.evaluate("window.stayed") is True


def test_a_change_of_leader_is_shown_and_told_to_screen_readers(page: Page, serve: Serve) -> None:
    stage = serve(cast.five())
    page.goto(stage.url)
    expect(row(page, "node001")).to_contain_text("leader")
    news = page.locator("[data-leader-news][aria-live=polite]")
    expect(news).to_be_empty()
    stage.show(cast.led_by(cast.five(), "node002", 5))
    stage.tell("leader-changed", "Following new leader: node002 (term 5)", node="node002", term=5)
    expect(row(page, "node002")).to_contain_text("leader")
    expect(row(page, "node001")).to_contain_text("follower")
    expect(news).to_have_text("node002 leads in term 5")
    page.goto(f"{stage.url}/elections")
    expect(page.get_by_role("table", name="Election history").get_by_role("row")).to_have_count(6)


def test_without_a_leader_the_reason_is_shown(page: Page, serve: Serve) -> None:
    stage = serve(cast.five())
    page.goto(stage.url)
    expect(row(page, "node001")).to_contain_text("leader")
    why = "only 1 of 5 voters is reachable, 3 are needed"
    stage.show(replace(cast.five(), leader=LeaderView("", "", 4, cast.NOW_US, acting=False, reason=why)))
    expect(page.get_by_role("banner")).to_contain_text("No leader")
    expect(page.get_by_role("region", name="Leader")).to_contain_text(why)
    expect(page).to_have_title("no leader · harbour · node001")


def test_last_seen_goes_on_between_snapshots(page: Page, serve: Serve) -> None:
    stage = serve(cast.five(), SILENT)
    seen = row(page, "node003").locator("[data-label='Last seen']")
    in_still_time(page, stage.url, seen.filter(has_text=AGO))
    before = seconds_ago(seen)
    page.clock.run_for(3_000)
    assert seconds_ago(seen) == before + 3


def test_a_silent_stream_is_called_lost_and_what_it_showed_stands_still(page: Page, serve: Serve) -> None:
    stage = serve(cast.five(), SILENT)
    in_still_time(page, stage.url, row(page, "node003").filter(has_text="s ago"))
    while page.locator("[data-connection=live]").count():
        page.clock.run_for(1_000)
    banner = page.get_by_role("alert")
    expect(banner).to_contain_text(re.compile(r"Live stream lost, showing data from \d\d:\d\d:\d\d, retrying"))
    expect(page.locator("[data-connection=lost]")).to_be_visible()
    seen = row(page, "node003").inner_text()
    page.clock.run_for(4_000)
    assert row(page, "node003").inner_text() == seen
    page.clock.resume()
    stage.tell("member-updated", "Node node003 changed", node="node003")
    expect(banner).to_have_count(0)
    expect(page.locator("[data-connection=live]")).to_be_visible()


def test_a_server_that_stops_is_missed_and_found_again(visitor: Visitor, tmp_path: Path) -> None:
    visitor.server_may_go = True
    page = visitor.page()
    port = free_port("127.0.0.1")  # which nobody takes while the server is away
    with Stage(tmp_path, cast.five(), port=port) as stage:
        stage.tell("member-up", "New node discovered: node002", node="node002")
        page.goto(f"{stage.url}/events")
        expect(page.get_by_role("list", name="Events", exact=True).get_by_role("listitem")).to_have_count(1)
    expect(page.get_by_role("alert")).to_contain_text("Live stream lost, showing data from")
    expect(page).to_have_title(re.compile("^not live"))
    later = replace(cast.five(), started_us=cast.NOW_US + 5 * cast.SECOND, now_us=cast.NOW_US + 9 * cast.SECOND)
    with Stage(tmp_path, later, port=port) as again:
        again.tell("member-up", "New node discovered: node003", node="node003")
        expect(page.get_by_role("alert")).to_have_count(0)
        items = page.get_by_role("list", name="Events", exact=True).get_by_role("listitem")
        expect(items).to_have_text([re.compile("node003"), re.compile("node002")])
        page.close()


def test_events_of_before_are_there_and_come_only_once(page: Page, serve: Serve) -> None:
    stage = serve(cast.five())
    for number in range(5):
        stage.tell("member-updated", f"Node node00{number} changed", node=f"node00{number}")
    page.goto(f"{stage.url}/events")
    items = page.get_by_role("list", name="Events", exact=True).get_by_role("listitem")
    expect(items).to_have_count(5)
    expect(items.first).to_contain_text("Node node004 changed")
    page.context.set_offline(True)
    page.context.set_offline(False)
    stage.tell("leader-lost", "Stopped leading: node001", node="node001", term=4)
    expect(items).to_have_count(6)
    expect(items.first).to_contain_text("Stopped leading: node001")


def test_the_list_of_events_is_bounded(page: Page, serve: Serve) -> None:
    stage = serve(cast.five())
    stage.run(stage.cluster.publish(1_200))
    page.goto(f"{stage.url}/events")
    items = page.get_by_role("list", name="Events", exact=True).get_by_role("listitem")
    expect(items).to_have_count(500)
    expect(page.get_by_text("The newest 500 are shown.")).to_be_visible()
    stage.tell("member-updated", "Node node002 changed", node="node002")
    expect(items.first).to_contain_text("Node node002 changed")
    expect(items).to_have_count(500)


def test_a_page_that_falls_behind_what_is_kept_goes_on_from_the_oldest(page: Page, serve: Serve) -> None:
    stage = serve(cast.five())
    stage.cluster.journal = EventJournal(5)
    stage.tell("member-updated", "Node node001 changed", node="node001")
    page.goto(f"{stage.url}/events")
    items = page.get_by_role("list", name="Events", exact=True).get_by_role("listitem")
    expect(items).to_have_count(1)
    stage.run(stage.cluster.publish(10, text="Node node002 changed"))
    expect(items).to_have_text([re.compile("node002")] * 5 + [re.compile("node001")])


def test_too_many_readers_are_told_why(visitor: Visitor, serve: Serve) -> None:
    stage = serve(cast.five(), replace(QUICK, streams_max=1))
    first, second = visitor.page(), visitor.page()
    first.goto(stage.url)
    expect(first.locator("[data-connection=live]")).to_be_visible()
    second.goto(stage.url)
    expect(second.get_by_role("alert")).to_contain_text("No live stream yet, retrying (too many event streams)")
    first.close()
    expect(second.locator("[data-connection=live]")).to_be_visible()
    visitor.complaints[:] = [text for text in visitor.complaints if "status of 503" not in text]
