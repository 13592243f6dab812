"""Forms out of JSON schemas: what they ask, what becomes of the text, and where mistakes are shown."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser import cast
from tests.browser.configs import APP, SCHEMA, card, entry, field, text_box, visit, write
from tests.browser.conftest import Serve
from tests.browser.stage import Stage
from tests.browser.visit import Visitor


@pytest.fixture
def stage(serve: Serve) -> Stage:
    one = serve(cast.five())
    write(one, "web/@schema", SCHEMA)
    write(one, "web/app.yaml", APP)
    return one


def form(page: Page, stage: Stage, name: str = "web/app.yaml") -> None:
    visit(page, stage, name=name, do="edit")
    expect(text_box(page)).to_be_visible()
    page.get_by_role("button", name="Form", exact=True).click()
    expect(page.get_by_role("group", name="Form")).to_be_visible()


def test_a_form_asks_what_the_schema_says(page: Page, stage: Stage) -> None:
    form(page, stage)
    port = field(page, "/port")
    expect(port.get_by_role("textbox")).to_have_value("80")
    for text in ("needed", "Where it listens", "whole numbers, 1 to 65535"):
        expect(port).to_contain_text(text)
    expect(field(page, "/mode").get_by_role("combobox").locator("option")).to_have_text(["not set", "fast", "safe"])
    expect(field(page, "/debug")).to_contain_text("Says more")
    expect(field(page, "/names").get_by_role("textbox")).to_have_value("a.example.org")
    expect(field(page, "/tls/cert").get_by_role("textbox")).to_have_value("/a.pem")
    expect(field(page, "/tls/key").get_by_role("textbox")).to_have_value("")
    expect(field(page, "/limits")).to_contain_text("as JSON")
    expect(page.get_by_role("group", name="Form")).to_contain_text("Out of web/@schema.")


def test_what_the_form_changes_is_changed_in_the_text_and_nothing_else(page: Page, stage: Stage) -> None:
    form(page, stage)
    field(page, "/port").get_by_role("textbox").fill("8080")
    field(page, "/mode").get_by_role("combobox").select_option("safe")
    field(page, "/debug").get_by_role("combobox").select_option("true")
    field(page, "/names").get_by_role("button", name="Add to names").click()
    field(page, "/names").get_by_role("textbox").nth(1).fill("b.example.org")
    field(page, "/tls/key").get_by_role("textbox").fill("/a.key")
    field(page, "/tls/cert").get_by_role("button", name="Remove cert").click()
    field(page, "/limits").get_by_role("textbox").fill('{"cpu": 2}')
    page.get_by_role("button", name="See what changes").click()
    expect(page.get_by_role("list", name="What would change").locator("ins").first).to_have_text("port: 8080")
    page.get_by_role("button", name="Write", exact=True).click()
    expect(card(page)).to_contain_text("Version2")
    assert entry(stage, "web/app.yaml").content == (
        "# the web server\nport: 8080\nworkers: 2   # per core\nnames:\n  - a.example.org\n  - b.example.org\n"
        "tls:\n  key: /a.key\nmode: safe\ndebug: true\nlimits:\n  cpu: 2\n"
    )


def test_the_text_and_the_form_are_two_ways_to_the_same(page: Page, stage: Stage) -> None:
    form(page, stage)
    field(page, "/port").get_by_role("textbox").fill("81")
    page.get_by_role("button", name="Text", exact=True).click()
    expect(text_box(page)).to_have_value(APP.replace("80", "81"))
    text_box(page).fill(APP.replace("80", "82"))
    page.get_by_role("button", name="Form", exact=True).click()
    expect(field(page, "/port").get_by_role("textbox")).to_have_value("82")
    field(page, "/port").get_by_role("textbox").fill("83")
    field(page, "/port").get_by_role("button", name="Undo the change of port").click()
    expect(field(page, "/port").get_by_role("textbox")).to_have_value("82")


def test_another_format_brings_the_text_to_the_front_with_what_the_form_changed(page: Page, stage: Stage) -> None:
    form(page, stage)
    field(page, "/port").get_by_role("textbox").fill("8080")
    page.get_by_role("combobox", name="Format").select_option("text")
    expect(text_box(page)).to_have_value(APP.replace("80", "8080"))
    expect(page.get_by_role("combobox", name="Format")).to_have_value("text")
    page.get_by_role("combobox", name="Format").select_option("yaml")
    text_box(page).fill("port: 9090\n")
    page.get_by_role("button", name="Write", exact=True).click()
    expect(card(page)).to_contain_text("Version2")
    assert entry(stage, "web/app.yaml").content == "port: 9090\n"


def test_another_name_brings_the_text_to_the_front_with_what_the_form_changed(page: Page, stage: Stage) -> None:
    visit(page, stage, do="new", prefix="web/")
    name = page.get_by_label("Name", exact=True)
    name.fill("web/new.yaml")
    page.get_by_role("button", name="Form", exact=True).click()
    field(page, "/port").get_by_role("textbox").fill("8080")
    name.focus()
    name.press_sequentially("2.yaml")
    expect(text_box(page)).to_have_value("port: 8080\n")
    expect(name).to_have_value("web/new.yaml2.yaml")
    text_box(page).fill("port: 9090\n")
    page.get_by_role("button", name="Create").click()
    expect(card(page)).to_contain_text("Version1")
    assert entry(stage, "web/new.yaml2.yaml").content == "port: 9090\n"


def test_nothing_is_typed_into_the_form_while_its_changes_go_into_the_text(page: Page, stage: Stage) -> None:
    held: list[Route] = []
    drafts = "**/api/v1/config/draft?*"

    def hold(route: Route) -> None:
        held.append(route)

    visit(page, stage, do="new", prefix="web/")
    name = page.get_by_label("Name", exact=True)
    port = field(page, "/port").get_by_role("textbox")
    name.fill("web/new.yaml")
    page.get_by_role("button", name="Form", exact=True).click()
    port.fill("8080")
    page.route(drafts, hold, times=1)
    with page.expect_request(drafts):
        name.fill("web/new2.yaml")
    expect(port).to_be_disabled()
    expect(field(page, "/names").get_by_role("button", name="Add to names")).to_be_disabled()
    held.pop().continue_()
    expect(text_box(page)).to_have_value("port: 8080\n")
    page.get_by_role("button", name="Form", exact=True).click()
    port.fill("8081")
    page.route(drafts, hold, times=1)
    with page.expect_request(drafts):
        page.get_by_role("combobox", name="Format").select_option("json")
    expect(port).to_be_disabled()
    held.pop().continue_()
    expect(text_box(page)).to_have_value("port: 8081\n")


def test_changes_that_do_not_fit_keep_the_form_and_the_format(visitor: Visitor, page: Page, stage: Stage) -> None:
    write(stage, "web/app.toml", "port = 80\n")
    form(page, stage, "web/app.toml")
    field(page, "/limits").get_by_role("textbox").fill("null")
    page.get_by_role("combobox", name="Format").select_option("yaml")
    expect(page.get_by_role("alert")).to_contain_text("TOML has no word for it")
    expect(field(page, "/limits").get_by_role("textbox")).to_have_value("null")
    expect(page.get_by_role("combobox", name="Format")).to_have_value("toml")


def test_mistakes_stand_at_their_fields(visitor: Visitor, page: Page, stage: Stage) -> None:
    visitor.refusals = (422,)
    form(page, stage)
    port = field(page, "/port").get_by_role("textbox")
    port.fill("8o")
    expect(field(page, "/port")).to_contain_text("A whole number, please.")
    expect(page.get_by_role("button", name="Write", exact=True)).to_be_disabled()
    port.fill("70000")
    field(page, "/limits").get_by_role("textbox").fill("5")
    page.get_by_role("button", name="Write", exact=True).click()
    expect(field(page, "/port")).to_contain_text("70000 is greater than the maximum of 65535")
    expect(port).to_have_attribute("aria-invalid", "true")
    expect(field(page, "/limits")).to_contain_text("is not valid under any of the given schemas")
    port.fill("")
    page.get_by_role("button", name="Check").click()
    expect(field(page, "/port")).to_contain_text("'port' is a required property")
    assert entry(stage, "web/app.yaml").version == 1


def test_an_override_s_form_shows_what_it_lies_on(page: Page, stage: Stage) -> None:
    write(stage, "web/app.yaml@node:node001", "workers: 9\n")
    form(page, stage, "web/app.yaml@node:node001")
    expect(field(page, "/workers").get_by_role("textbox")).to_have_value("9")
    expect(field(page, "/port").get_by_role("textbox")).to_have_value("")
    expect(field(page, "/port").get_by_role("textbox")).to_have_attribute("placeholder", "80")
    field(page, "/port").get_by_role("textbox").fill("81")
    page.get_by_role("button", name="Write", exact=True).click()
    expect(card(page)).to_contain_text("Version2")
    assert entry(stage, "web/app.yaml@node:node001").content == "workers: 9\nport: 81\n"


def test_a_new_entry_can_be_begun_with_its_form(page: Page, stage: Stage) -> None:
    visit(page, stage, do="new", prefix="web/")
    page.get_by_label("Name", exact=True).fill("web/new.toml")
    page.get_by_role("button", name="Form", exact=True).click()
    field(page, "/port").get_by_role("textbox").fill("80")
    field(page, "/tls/cert").get_by_role("textbox").fill("/a.pem")
    page.get_by_role("button", name="Create").click()
    expect(card(page)).to_contain_text("Version1")
    assert entry(stage, "web/new.toml").content == 'port = 80\n\n[tls]\ncert = "/a.pem"\n'


def test_where_the_text_must_be_written_anew_it_is_shown_before(page: Page, stage: Stage) -> None:
    write(stage, "web/app.yaml", "# mine\nport: &p 80\nworkers: *p\n")
    form(page, stage)
    field(page, "/port").get_by_role("textbox").fill("81")
    page.get_by_role("button", name="Write", exact=True).click()
    expect(page.get_by_text("comments and layout of its own are gone")).to_be_visible()
    expect(text_box(page)).to_have_value("port: 81\nworkers: 80\n")
    assert entry(stage, "web/app.yaml").version == 2
    page.get_by_role("button", name="Write", exact=True).click()
    expect(card(page)).to_contain_text("Version3")


def test_without_a_schema_or_a_mapping_there_is_no_form(page: Page, stage: Stage) -> None:
    write(stage, "db/main.json", '{"a": 1}')
    visit(page, stage, name="db/main.json", do="edit")
    page.get_by_role("button", name="Form", exact=True).click()
    expect(page.get_by_text("No schema says what may be in it")).to_be_visible()
    expect(page.get_by_role("link", name="db/@schema")).to_be_visible()
    page.get_by_role("button", name="Text", exact=True).click()
    text_box(page).fill("{")
    page.get_by_role("button", name="Form", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("no JSON")
    expect(page.locator(".gutter .bad")).to_have_text(["1"])


def test_numbers_too_large_for_a_page_are_left_alone(page: Page, stage: Stage) -> None:
    big = "workers: 10000000000000000001\n"
    write(stage, "web/app.yaml", f"port: 80\n{big}")
    form(page, stage)
    expect(field(page, "/workers")).to_contain_text("too large for a form")
    field(page, "/port").get_by_role("textbox").fill("81")
    page.get_by_role("button", name="Write", exact=True).click()
    expect(card(page)).to_contain_text("Version3")
    assert entry(stage, "web/app.yaml").content == f"port: 81\n{big}"


def test_hostile_schemas_stay_text_and_end(page: Page, stage: Stage) -> None:
    image = "<img src=x onerror=window.hit=1>"
    schema = {
        "title": image,
        "properties": {
            image: {"type": "string", "title": image, "description": image, "pattern": "x*"},
            "__proto__": {"type": "integer"},
            "again": {"$ref": "#"},
            "nowhere": {"$ref": "#/$defs/none"},
            "far": {"$ref": "http://192.0.2.9/schema"},
            "odd": {"enum": [image, 1, None, True]},
        },
    }
    from json import dumps

    write(stage, "x/@schema", dumps(schema))
    write(stage, "x/a.json", dumps({image: image}))
    form(page, stage, "x/a.json")
    expect(field(page, f"/{image}")).to_contain_text(image)
    expect(page.get_by_role("group", name="Form")).to_be_visible()
    assert page.evaluate("window.hit") is None
    assert page.locator("img:not([src='/static/favicon.svg'])").count() == 0


def test_what_the_text_has_no_word_for_is_said_and_nothing_is_written(page: Page, stage: Stage) -> None:
    write(stage, "web/app.toml", "port = 80\n")
    form(page, stage, "web/app.toml")
    field(page, "/limits").get_by_role("textbox").fill("null")
    page.get_by_role("button", name="Write", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("TOML has no word for it")
    assert entry(stage, "web/app.toml").version == 1
    write(stage, "odd/@schema", "properties: {port: {type: number}}\n")
    write(stage, "odd/app.yaml", "port: .inf\n")
    visit(page, stage, name="odd/app.yaml", do="edit")
    page.get_by_role("button", name="Form", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("a form cannot show all of this text")
