"""Raft: who votes, how far each is, the copy of the state against its bounds, and what may be done about a seat."""

from __future__ import annotations

from msgspec.structs import replace
from playwright.sync_api import Locator, Page, expect

from pycluster.node.ports import Outcome
from pycluster.node.view import DiskView, EndpointView, EngineView, SnapshotView, StatusView
from tests.browser import cast
from tests.browser.conftest import Serve
from tests.browser.visit import Visitor
from tests.unit.web.fake import COPY


def seats() -> StatusView:
    """Five nodes: one voter is behind, one is a learner."""
    view = cast.five()
    voters = list(view.quorum.voters)
    voters[2] = replace(voters[2], match_index=12)
    voters[4] = replace(voters[4], learner=True)
    return replace(view, quorum=replace(view.quorum, voters=tuple(voters), reachable=4, last_index=1_042))


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("table", name="Voters").get_by_role("row").filter(has=page.get_by_role("link", name=name))


def card(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name)


def test_voters_learners_and_their_logs_are_shown(page: Page, serve: Serve) -> None:
    stage = serve(seats())
    page.goto(f"{stage.url}/raft")
    expect(card(page, "Leader")).to_contain_text("node001")
    expect(card(page, "Leader")).to_contain_text("420 ms left, acting")
    expect(card(page, "Quorum")).to_contain_text("4 of 4")
    expect(card(page, "Log of this node")).to_contain_text("41")
    expect(row(page, "node003")).to_contain_text("1,030")
    expect(row(page, "node005")).to_contain_text("learner")
    expect(row(page, "node005").get_by_role("button", name="Make leader: node005")).to_have_count(0)
    expect(row(page, "node001").get_by_role("button", name="Make leader: node001")).to_have_count(0)


def test_the_copy_the_snapshot_and_the_disk_follow_the_stream(page: Page, serve: Serve) -> None:
    stage = serve(cast.five())
    page.goto(f"{stage.url}/raft")
    copy, disk, snapshot = card(page, "Copy of the state"), card(page, "Disk of this node"), card(page, "Snapshot")
    expect(copy).to_contain_text("300 bytes of 976.6 KiB")
    expect(copy).to_contain_text("1 of 100")
    expect(disk).to_contain_text("0.90 ms")
    expect(disk).to_contain_text("4.50 ms")
    expect(snapshot).to_contain_text("On its way to node003: 128.0 KiB so far.")
    stage.cluster.disk = DiskView(91, 64, 30.0, 22.0, 45.0, 3_200.5)
    stage.cluster.copy = replace(COPY, size_bytes=950_000, keys=1_234, snapshot=SnapshotView(0, 0, saving_bytes=5_000))
    expect(copy).to_contain_text("1,234")
    expect(copy.locator("rect.bar-down")).to_have_count(1)
    expect(disk).to_contain_text("22 ms")
    expect(disk).to_contain_text("3201 ms")
    expect(snapshot).to_contain_text("The next one is being written: 4.9 KiB so far.")


def test_another_engine_stands_where_the_copy_would(page: Page, serve: Serve) -> None:
    members = (EndpointView("https://a:2379"), EndpointView("https://b:2379", "https://b:2379: Connection refused"))
    stage = serve(replace(cast.five(), engine=EngineView("etcd", "3.4.23", members)))
    page.goto(f"{stage.url}/raft")
    engine = card(page, "The state is in another engine")
    expect(engine).to_contain_text("3.4.23")
    expect(engine).to_contain_text("https://a:2379")
    expect(engine).to_contain_text("https://b:2379: Connection refused")
    expect(card(page, "Copy of the state")).to_have_count(0)


def test_leadership_is_handed_over_once_it_is_confirmed(page: Page, serve: Serve) -> None:
    stage = serve(cast.five())
    page.goto(f"{stage.url}/raft")
    page.get_by_role("button", name="Make leader: node002").click()
    box = page.get_by_role("dialog", name="Hand leadership to node002?")
    expect(box.get_by_role("button", name="Copy the command pycluster raft transfer node002")).to_be_visible()
    expect(page).to_have_url(f"{stage.url}/raft?ask=transfer%3Anode002")
    page.keyboard.press("Escape")
    expect(box).to_have_count(0)
    assert stage.cluster.commands == []
    page.get_by_role("button", name="Make leader: node002").click()
    box.get_by_role("button", name="Hand over").click()
    expect(box).to_have_count(0)
    assert stage.cluster.commands == [("raft-transfer", "node002")]


def test_a_seat_that_the_node_does_not_take_away_is_explained(visitor: Visitor, page: Page, serve: Serve) -> None:
    visitor.refusals = (409,)
    stage = serve(cast.five())
    stage.cluster.outcome = Outcome(False, "node003 keeps its seat", "the quorum would be lost", "start node002 first")
    page.goto(f"{stage.url}/raft?ask=remove:node003")
    box = page.get_by_role("dialog", name="Take the seat of node003 away?")
    expect(box).to_contain_text("4 voters stay, of which 3 must be reachable.")
    expect(box.get_by_role("button", name="Copy the command pycluster raft remove node003")).to_be_visible()
    box.get_by_role("button", name="Take it away").click()
    for text in ("node003 keeps its seat", "the quorum would be lost", "start node002 first"):
        expect(box.get_by_role("alert")).to_contain_text(text)
    stage.cluster.outcome = Outcome(True)
    box.get_by_role("button", name="Take it away").click()
    expect(box).to_have_count(0)
    assert stage.cluster.commands == [("raft-remove", ("node003", False))] * 2


def test_a_member_without_a_seat_gets_one(page: Page, serve: Serve) -> None:
    view = cast.five()
    stage = serve(replace(view, quorum=replace(view.quorum, voters=view.quorum.voters[:3])))
    page.goto(f"{stage.url}/raft")
    page.get_by_role("combobox", name="Member without a seat").select_option("node005")
    page.get_by_role("button", name="Give it a seat").click()
    box = page.get_by_role("dialog", name="Give node005 a seat?")
    expect(box).to_contain_text("4 voters then, of which 3 must be reachable.")
    expect(box.get_by_role("button", name="Copy the command pycluster raft add node005")).to_be_visible()
    box.get_by_role("button", name="Give it a seat").click()
    expect(box).to_have_count(0)
    assert stage.cluster.commands == [("raft-add", ("node005", False))]


def test_who_has_a_seat_is_given_no_other(page: Page, serve: Serve) -> None:
    stage = serve(cast.five())
    page.goto(f"{stage.url}/raft?ask=add:node003")
    expect(row(page, "node003")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("combobox", name="Member without a seat")).to_have_count(0)


def test_who_does_not_lead_shows_where_the_leaders_page_is(page: Page, serve: Serve) -> None:
    view = cast.led_by(cast.with_member(cast.five(), "node002", tags={"web": ":8080"}), "node002", 5)
    stage = serve(view)
    page.goto(f"{stage.url}/raft?ask=transfer:node003")
    box = page.get_by_role("dialog")
    expect(box).to_contain_text("Only the leader’s agent does this, and node001 does not lead")
    expect(box.get_by_role("link", name="node002’s own page")).to_have_attribute("href", "http://192.0.2.3:8080/raft")
    expect(card(page, "Leader")).to_contain_text("known to the leader")


def test_a_hostile_tag_is_no_address(page: Page, serve: Serve) -> None:
    tags = {"web": "javascript:alert(1)//:8080"}
    view = cast.led_by(cast.with_member(cast.five(), "node002", tags=tags), "node002", 5)
    stage = serve(view)
    page.goto(f"{stage.url}/raft?ask=<script>:node003")
    expect(card(page, "Voters and learners").get_by_text("How far each has the log")).to_be_visible()
    assert page.locator("a[href^='javascript'], dialog").count() == 0


def test_an_observer_shows_what_it_may_and_says_where_the_rest_is(page: Page, serve: Serve) -> None:
    stage = serve(cast.observed())
    stage.cluster.copy = None
    page.goto(f"{stage.url}/raft")
    expect(card(page, "Quorum")).to_contain_text("This node does not vote")
    expect(card(page, "Copy of the state")).to_contain_text("This node holds no copy")
    expect(card(page, "Copy of the state").get_by_role("link", name="node001’s own page")).to_be_visible()
    expect(row(page, "node002")).to_contain_text("reachable")
    expect(page.get_by_text("How far each has the log the leader knows")).to_be_visible()


def test_the_older_address_still_leads_here(page: Page, serve: Serve) -> None:
    stage = serve(cast.five())
    page.goto(f"{stage.url}/quorum")
    expect(page.get_by_role("heading", level=1)).to_have_text("Raft")
    expect(page.get_by_role("link", name="Raft", exact=True)).to_have_attribute("aria-current", "page")
