"""A text that is being written: its value, its mistakes with their lines, and which layer a merged line comes from."""

from __future__ import annotations

import msgspec
import pytest

from pycluster.judging import Case, Edit, Format, Reading
from pycluster.judging.drafts import VALUE_MAX
from pycluster.judging.judge import judge
from pycluster.judging.spots import spots

SCHEMA = """\
required: [port, name]
properties:
  port: {type: integer}
  tls: {properties: {cert: {type: string}, names: {items: {type: string}}}}
"""


def read(
    format: Format, *layers: str, schema: str = "", edits: tuple[Edit, ...] = (), is_schema: bool = False
) -> Reading:
    schemas: tuple[tuple[str, Format, str], ...] = (("web/@schema", "yaml", schema),) if schema else ()
    (verdict,) = judge((Case("app", format, layers, schemas, is_schema, edits=edits),))
    assert verdict.reading is not None
    return verdict.reading


def value(text: str | None) -> object:
    return None if text is None else msgspec.json.decode(text)


def test_a_text_is_read_with_its_schemas_as_json() -> None:
    found = read("yaml", "port: 80\nname: x\n", schema=SCHEMA)
    assert (value(found.value), found.below, found.problems, found.anew) == ({"port": 80, "name": "x"}, None, (), False)
    ((name, schema),) = found.schemas
    assert (name, msgspec.json.decode(schema)["required"]) == ("web/@schema", ["port", "name"])


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("yaml", "# it\nport: http\ntls:\n  cert: 5\n  names:\n    - 1\n"),
        ("json", '{\n"port": "http",\n"tls": {\n"cert": 5,\n"names": [\n1]}}'),
        ("toml", '# it\nport = "http"\n[tls]\ncert = 5\nnames = [1]\n'),
    ],
)
def test_each_mistake_has_its_place_and_its_line(format: Format, text: str) -> None:
    told = {one.place: one.line for one in read(format, text, schema=SCHEMA).problems}
    last = {"yaml": 6, "json": 6, "toml": 5}[format]
    assert told == {"/name": 0, "/port": 2, "/tls/cert": 4, "/tls/names/0": last}


@pytest.mark.parametrize(
    ("format", "text", "line"),
    [("yaml", "a: 1\nb: [\n", 3), ("json", '{"a": 1,\n"b": }', 2), ("toml", "a = 1\nb = \n", 2), ("yaml", "1: x", 0)],
)
def test_what_cannot_be_read_has_the_line_of_it(format: Format, text: str, line: int) -> None:
    found = read(format, text, schema=SCHEMA)
    assert found.value is None
    assert [(one.place, one.line) for one in found.problems] == [(None, line)]


def test_an_override_is_judged_on_what_it_lies_on_and_has_its_own_lines() -> None:
    found = read("yaml", "port: 80\nname: x\n", "# here\nport: http\n", schema=SCHEMA)
    assert (value(found.value), value(found.below)) == ({"port": "http"}, {"port": 80, "name": "x"})
    assert [(one.place, one.line) for one in found.problems] == [("/port", 2)]


def test_edits_are_judged_with_the_text_and_come_back_in_it() -> None:
    edits = (Edit(("port",), "81"), Edit(("name",), '"x"'))
    (verdict,) = judge((Case("app", "yaml", ("port: 80 # old\n",), (("s", "yaml", SCHEMA),), edits=edits),))
    assert verdict.content == "port: 81 # old\nname: x\n"
    assert verdict.reading is not None and verdict.reading.problems == ()
    assert read("yaml", "a: 1", edits=(Edit(("a",), "{"),)).problems[0].text == "app: no JSON: " + JSON_SAYS


JSON_SAYS = "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"


@pytest.mark.parametrize("format", ["yaml", "json", "toml"])
def test_nothing_written_yet_is_an_empty_mapping(format: Format) -> None:
    found = read(format, "", schema=SCHEMA)
    assert value(found.value) == {}
    assert {one.place for one in found.problems} == {"/port", "/name"}


def test_a_schema_is_judged_as_one() -> None:
    assert [(one.place, one.line) for one in read("yaml", "a: 1\ntype: 5\n", is_schema=True).problems] == [("/type", 2)]


def test_what_json_has_no_word_for_has_no_value() -> None:
    for text in ("a: .inf", "a: !!set {x}", "a: !!binary aGk=", f"a: {'x' * VALUE_MAX}"):
        found = read("yaml", text)
        assert (found.value, found.problems) == (None, ())


def test_what_is_nested_too_deeply_is_told() -> None:
    for format in ("yaml", "json"):
        assert [one.text for one in read(format, "[" * 100_000).problems] == ["app: it is nested too deeply"]


def test_half_a_sign_is_told_as_json_tells_it() -> None:
    assert read("json", '{"a": "\\ud800"}').value == '{"a": "\\ud800"}'


def test_spots_of_repeated_and_endless_parts_are_few() -> None:
    assert len(spots("yaml", "a: &x {b: 1}\nc: *x\nd: &y [*y]\n")) == 6
    assert spots("yaml", "a: [") == spots("text", "a: 1") == {}
    assert ("more", 1, "x") in spots("toml", "[[more]]\nx = 1\n[[more]]\nx = 2\n")


@pytest.mark.parametrize(
    ("format", "layers", "lines"),
    [
        (
            "yaml",
            ("port: 80\ntls:\n  cert: a\n  key: b\nnames: [x]\n", "tls: {cert: c}\n", "names: [y, z]\nnew: {d: 1}\n"),
            {
                "port: 80": 0,
                "tls:": -1,
                "  cert: c": 1,
                "  key: b": 0,
                "names:": 2,
                "- y": 2,
                "- z": 2,
                "new:": 2,
                "  d: 1": 2,
            },
        ),
        ("json", ('{"a": 1, "b": 2}', '{"b": 3}'), {"{": -1, '  "a": 1,': 0, '  "b": 3': 1, "}": 1}),
        (
            "toml",
            ("a = 1\n[t]\nx = 1\ny = 1\n", "[t]\nx = 2\n"),
            {"a = 1": 0, "": 0, "[t]": -1, "x = 2": 1, "y = 1": 0},
        ),
    ],
)
def test_each_line_of_a_merge_is_of_the_layer_that_counts(
    format: Format, layers: tuple[str, ...], lines: dict[str, int]
) -> None:
    (verdict,) = judge((Case("app", format, layers, origins=True),))
    assert dict(zip(verdict.content.splitlines(), verdict.origins, strict=True)) == lines
