"""Contents against formats and schemas, layers laid over each other; every mistake at once, with its place."""

from __future__ import annotations

from typing import Any

import pytest

from pycluster.judging import Case, Format, Verdict
from pycluster.judging.fitting import PROBLEMS_MAX
from pycluster.judging.judge import judge
from pycluster.judging.merging import merged

PORT = '{"type": "object", "properties": {"port": {"type": "integer"}}, "required": ["port"]}'


def one(format: Format, *layers: str, schema: str = "", is_schema: bool = False) -> Verdict:
    schemas: tuple[tuple[str, Format, str], ...] = (("@schema", "json", schema),) if schema else ()
    (verdict,) = judge((Case("app", format, layers, schemas, is_schema),))
    return verdict


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("json", '{"a": [1, null]}'),
        ("yaml", "a: 1 # comment\nb: [x]\n"),
        ("yaml", ""),
        ("toml", 'a = 1\n[b]\nc = "x"\n'),
        ("text", "anything { at all"),
    ],
)
def test_what_is_well_formed_stays_as_it_is(format: Format, text: str) -> None:
    assert one(format, text) == Verdict((), text)


@pytest.mark.parametrize(
    ("format", "text", "problem"),
    [
        ("json", '{"a": }', "app: no JSON: Expecting value: line 1 column 7"),
        ("json", '{"a": 1, "a": 2}', "app: no JSON: 'a' is given twice in one object"),
        ("json", "NaN", "app: no JSON: NaN is no number of JSON"),
        ("json", "[" * 100_000, "app: it is nested too deeply"),
        ("yaml", "a: [", "app: no YAML: "),
        ("yaml", "a: 1\nb: {c: 1, c: 2}", "app: no YAML: 'c' is given twice"),
        ("yaml", "1: x", "app: the key 1 is no text; quote it"),
        ("yaml", "null: x", "app: the key None is no text; quote it"),
        ("yaml", "x: !!python/object/apply:os.system [ls]", "app: no YAML: could not determine a constructor"),
        ("yaml", "[" * 100_000, "app: it is nested too deeply"),
        ("yaml", "a: !!bool x", "app: no YAML: a value is not what its tag says ('x')"),
        ("yaml", "a: !!int ''", "app: no YAML: a value is not what its tag says"),
        ("yaml", "a: !!float ''", "app: no YAML: a value is not what its tag says"),
        ("yaml", "a: !!timestamp x", "app: no YAML: a value is not what its tag says"),
        ("toml", "a = ", "app: no TOML: Invalid value"),
        ("toml", "a = 1\na = 2", "app: no TOML: Cannot overwrite a value"),
    ],
)
def test_what_is_not_is_told_with_its_place(format: Format, text: str, problem: str) -> None:
    verdict = one(format, text)
    assert verdict.problems[0].startswith(problem)
    assert verdict.content == ""


def test_a_merge_key_of_yaml_overridden_is_no_duplicate() -> None:
    text = "base: &b {k: 1}\ndeep: {inner: &a {<<: *b, k: 2}}\nshallow: {<<: *a, z: 1}\n"
    assert one("yaml", text).problems == ()


def test_every_place_that_does_not_fit_is_told_at_once() -> None:
    schema = '{"properties": {"a": {"type": "integer"}, "b": {"items": {"maximum": 3}}}}'
    assert one("yaml", "a: x\nb: [1, 9]\n", schema=schema).problems == (
        "app: /a: 'x' is not of type 'integer' (@schema)",
        "app: /b/1: 9 is greater than the maximum of 3 (@schema)",
    )
    many = one("json", str(["x"] * 100).replace("'", '"'), schema='{"items": {"type": "integer"}}').problems
    assert (len(many), many[-1]) == (PROBLEMS_MAX + 1, "app: and 80 more")


def test_all_three_formats_and_text_are_judged_by_a_schema() -> None:
    for format, text in (("json", '{"port": 1}'), ("yaml", "port: 1"), ("toml", "port = 1")):
        assert one(format, text, schema=PORT).problems == ()  # type: ignore[arg-type]
    assert one("text", "x", schema='{"type": "string", "minLength": 2}').problems
    dates = '{"properties": {"d": {"type": "string", "pattern": "^2024"}}}'
    assert one("yaml", "d: 2024-01-02", schema=dates).problems == ()
    assert one("toml", "d = 2024-01-02", schema=dates).problems == ()
    assert one("toml", "d = 2024-01-02", "e = 1", schema=dates).problems == ()


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ("[]", "it is no schema: a schema is a mapping"),
        ('{"type": "nonsense"}', "it is no schema: /type: 'nonsense' is not valid"),
        ('{"pattern": "("}', "it is no schema: /pattern: '(' is not a 'regex'"),
    ],
)
def test_a_schema_that_is_none(schema: str, problem: str) -> None:
    assert one("json", schema, is_schema=True).problems[0].startswith(problem)


def test_a_schema_that_is_one_and_of_an_older_draft_counts_as_that() -> None:
    assert one("json", PORT, is_schema=True) == Verdict((), PORT)
    older = '{"$schema": "http://json-schema.org/draft-04/schema#", "maximum": 3, "exclusiveMaximum": true}'
    assert one("json", older, is_schema=True).problems == ()
    assert one("json", "3", schema=older).problems


def test_a_reference_fetches_nothing() -> None:
    (problem,) = one("json", "1", schema='{"$ref": "http://192.0.2.1/schema.json"}').problems
    assert problem.startswith("app: @schema refers to what is not in it: ")
    inner = '{"$defs": {"p": {"type": "integer"}}, "$ref": "#/$defs/p"}'
    assert one("json", "1", schema=inner).problems == ()


@pytest.mark.parametrize(
    ("below", "above", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merging_is_json_merge_patch(below: Any, above: Any, result: Any) -> None:
    """RFC 7396, appendix A."""
    assert merged(below, above) == result


@pytest.mark.parametrize(
    ("format", "layers", "result"),
    [
        (
            "json",
            ('{"a": 1, "b": {"c": 2}}', '{"b": {"d": 3}}'),
            '{\n  "a": 1,\n  "b": {\n    "c": 2,\n    "d": 3\n  }\n}\n',
        ),
        ("yaml", ("a: &x [1]\nb: *x\n", "a: null\nc: é\n"), "b:\n- 1\nc: é\n"),
        ("toml", ("a = 1\n[b]\nc = 2\n", "[b]\nc = 3\n"), "a = 1\n\n[b]\nc = 3\n"),
        (
            "toml",
            (
                "a = 2024-01-01\nb = 07:30:00\nc = [1979-05-27T07:32:00Z]\nd = 1979-05-27T07:32:00\n",
                'e = "2024-01-01"\n',
            ),
            "a = 2024-01-01\nb = 07:30:00\nc = [\n    1979-05-27 07:32:00+00:00,\n]\n"
            'd = 1979-05-27 07:32:00\ne = "2024-01-01"\n',
        ),
        ("yaml", ("a: 2024-01-01\n", "b: 1\n"), "a: '2024-01-01'\nb: 1\n"),
        ("text", ("one", "two"), "two"),
    ],
)
def test_layers_give_one_content_in_their_format(format: Format, layers: tuple[str, ...], result: str) -> None:
    assert one(format, *layers) == Verdict((), result)


def test_the_whole_is_judged_not_its_layers() -> None:
    assert one("json", '{"port": 1}', '{"host": "x"}', schema=PORT).problems == ()
    assert one("json", '{"port": 1}', '{"port": null}', schema=PORT).problems


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ('{"$schema": 5}', "it is no schema: /$schema: it is no text"),
        ('{"$schema": []}', "it is no schema: /$schema: it is no text"),
        (
            '{"pattern": "a{99999999999}"}',
            "it is no schema: a pattern or number of it: the repetition number is too large",
        ),
    ],
)
def test_a_schema_that_breaks_the_library_is_none(schema: str, problem: str) -> None:
    assert one("json", schema, is_schema=True).problems == (problem,)


@pytest.mark.parametrize(
    ("schema", "text", "problem"),
    [
        ('{"$schema": []}', "1", "app: @schema cannot be held against it: TypeError: "),
        ('{"$ref": "#"}', "1", "app: @schema refers to itself without end"),
        ('{"x": 5, "$ref": "#/x"}', "1", "app: @schema cannot be held against it: TypeError: "),
        ('{"$ref": "#/allOf/x", "allOf": [{}]}', "1", "app: @schema cannot be held against it: ValueError: "),
        ('{"multipleOf": 0.5}', "1" + "0" * 400, "app: @schema cannot be held against it: OverflowError: "),
    ],
)
def test_a_schema_that_cannot_be_held_against_an_entry_is_named(schema: str, text: str, problem: str) -> None:
    (said,) = one("json", text, schema=schema).problems
    assert said.startswith(problem)


def test_half_a_character_is_refused_where_it_would_have_to_be_written() -> None:
    half = r'{"a": "\ud800"}'
    assert one("json", half) == Verdict((), half), "as it stands it is well-formed"
    assert one("json", half, '{"b": 1}').problems == (r"app: what the layers give has '\ud800', which is no text",)
    (said,) = one("json", half, schema='{"required": ["b"], "properties": {"a": {"enum": ["\\udfff"]}}}').problems[:1]
    said.encode()
