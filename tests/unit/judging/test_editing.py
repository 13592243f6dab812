"""Parts of a text changed: what was not meant stays as it is written, and what is not possible is written anew."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pycluster.judging import Edit, Format
from pycluster.judging.editing import edited
from pycluster.judging.formats import Unreadable, dumped, parsed

YAML = """\
# the web server
port: 80     # where it listens
name: 'it''s'
names:
  - a   # the first
  - b
tls:
  cert: /a.pem
  # the key lies beside it
  key: /a.key
text: |
  one
  two
flow: {x: 1, y: [1, 2]}
empty:
"""
TOML = """\
# the web server
port = 80     # where it listens
since = 1979-05-27
name = "a # b"

[tls]
cert = '/a.pem' # old
names = [
  "a", # first
  "b",
]

[[more]]
x = 1
"""


def changed(format: Format, text: str, *edits: tuple[str, Any]) -> tuple[str, bool]:
    """With the value at each place; ``...`` takes it away."""
    wanted = (
        Edit(tuple(place.split("/")), None if value is ... else value if isinstance(value, str) else json.dumps(value))
        for place, value in edits
    )
    return edited(format, text, tuple(wanted))


@pytest.mark.parametrize(
    ("place", "value", "before", "after"),
    [
        ("port", 8080, "port: 80 ", "port: 8080 "),
        ("port", "80.0", "port: 80 ", "port: 80.0 "),
        ("port", "10000000000000000001", "port: 80 ", "port: 10000000000000000001 "),
        ("name", '"plain"', "name: 'it''s'", "name: plain"),
        ("name", '"yes"', "name: 'it''s'", "name: 'yes'"),
        ("name", '"two\\nlines"', "name: 'it''s'", 'name: "two\\nlines"'),
        ("tls/cert", '"/b.pem"', "cert: /a.pem", "cert: /b.pem"),
        ("tls/key", ..., "  key: /a.key\n", ""),
        ("tls/more", True, "  key: /a.key\n", "  key: /a.key\n  more: true\n"),
        ("names", ["a", "c"], "  - b\n", "  - c\n"),
        ("names", ["a", "b", "c"], "  - b\n", "  - b\n  - c\n"),
        ("names", ["z", "a", "b"], "  - a ", "  - z\n  - a "),
        ("names", ["b"], "  - a   # the first\n", ""),
        ("text", '"short"', "text: |\n  one\n  two\n", "text: short\n"),
        ("flow/x", '"a, b"', "{x: 1,", '{x: "a, b",'),
        ("flow/y", [3], "y: [1, 2]", "y: [3]"),
        ("empty", 5, "empty:", "empty: 5"),
        ("new", {"deep": 1}, "empty:\n", "empty:\nnew:\n  deep: 1\n"),
        ("new/deep/er", 1, "empty:\n", "empty:\nnew:\n  deep:\n    er: 1\n"),
        ("text", ..., "text: |\n  one\n  two\n", ""),
        ("nothing", ..., "", ""),
    ],
)
def test_a_part_of_yaml_is_changed_where_it_stands(place: str, value: Any, before: str, after: str) -> None:
    assert changed("yaml", YAML, (place, value)) == (YAML.replace(before, after, 1), False)


@pytest.mark.parametrize(
    ("place", "value", "before", "after"),
    [
        ("port", 8080, "port = 80 ", "port = 8080 "),
        ("port", ..., "port = 80     # where it listens\n", ""),
        ("name", '"c"', '"a # b"', '"c"'),
        ("tls/cert", '"/b.pem"', "'/a.pem' # old", '"/b.pem" # old'),
        ("tls/names", ["c"], '[\n  "a", # first\n  "b",\n]', '["c"]'),
        ("tls/key", 1, '  "b",\n]\n', '  "b",\n]\nkey = 1\n'),
        ("new", 1.5, 'name = "a # b"\n', 'name = "a # b"\nnew = 1.5\n'),
        ("a b", True, 'name = "a # b"\n', 'name = "a # b"\n"a b" = true\n'),
    ],
)
def test_a_part_of_toml_is_changed_where_it_stands(place: str, value: Any, before: str, after: str) -> None:
    assert changed("toml", TOML, (place, value)) == (TOML.replace(before, after, 1), False)


@pytest.mark.parametrize("indent", [2, 4, "\t", None])
@pytest.mark.parametrize("end", ["", "\n"])
def test_json_keeps_its_layout(indent: int | str | None, end: str) -> None:
    before = {"a": {"b": [1, 2]}, "c": "ü"}
    text = json.dumps(before, indent=indent, ensure_ascii=False) + end
    after = {"a": {"b": [1, 2, 3], "d": None}, "c": "ü"}
    wanted = json.dumps(after, indent=indent, ensure_ascii=False) + end
    assert changed("json", text, ("a/b", [1, 2, 3]), ("a/d", "null")) == (wanted, False)
    odd = '{ "a":1,\n\n"b" : 2}'
    assert changed("json", odd, ("a", 5)) == (odd.replace(":1", ":5"), False)
    assert changed("json", odd, ("c", 5)) == (dumped("json", {"a": 1, "b": 2, "c": 5}), True)


@pytest.mark.parametrize(
    ("format", "text", "edits", "content", "anew"),
    [
        ("yaml", "", (("a", 1),), "a: 1\n", False),
        ("yaml", "# only this\n", (("a", 1),), "# only this\na: 1\n", False),
        ("yaml", "a: 1", (("b", 2),), "a: 1\nb: 2\n", False),
        ("yaml", "a: 1\n", (("a", ...),), "{}\n", False),
        ("yaml", "a: [1] # x\n", (("a/b", 2),), "a:\n  b: 2\n", True),
        ("yaml", "a: &x 1 # x\nb: *x\n", (("a", 2),), "a: 2\nb: 1\n", True),
        ("toml", "", (("a/b", 1),), "[a]\nb = 1\n", False),
        ("toml", "# x\na = 1\n", (("b/c", 1),), "a = 1\n\n[b]\nc = 1\n", True),
        ("json", "", (("a", 1),), '{\n  "a": 1\n}\n', False),
    ],
)
def test_what_cannot_be_changed_in_its_place_is_written_anew(
    format: Format, text: str, edits: tuple[tuple[str, Any], ...], content: str, anew: bool
) -> None:
    assert changed(format, text, *edits) == (content, anew)


def test_dates_of_toml_stay_dates_when_it_is_written_anew() -> None:
    content, anew = changed("toml", TOML, ("a/b", 1))
    assert anew
    assert tomllib.loads(content)["since"] == tomllib.loads(TOML)["since"]


def test_nothing_changed_leaves_every_sign() -> None:
    assert changed("yaml", YAML, ("port", 80), ("tls/cert", '"/a.pem"')) == (YAML, False)
    assert changed("toml", TOML, ("port", 80)) == (TOML, False)


def test_what_cannot_be_read_is_not_changed() -> None:
    for format, text in (("yaml", "a: ["), ("json", "{"), ("toml", "a =")):
        with pytest.raises(Unreadable):
            changed(format, text, ("a", 1))  # type: ignore[arg-type]
    for json_ in ("no", "NaN", '"\\ud800"'):
        with pytest.raises(Unreadable):
            changed("json", '{"a": 1}', ("a", json_))
    with pytest.raises(Unreadable, match="TOML has no word for it"):
        changed("toml", "a = 1\n", ("a", "null"))
    with pytest.raises(Unreadable, match="no parts"):
        changed("text", "a", ("a", 1))
    with pytest.raises(Unreadable):
        edited("yaml", "a: 1", (Edit((), "1"),))


NAMES = st.sampled_from(["a", "b", "c d", "e.f", "yes", "1", "ü"])
SCALARS = st.one_of(
    st.booleans(),
    st.integers(-10, 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(
        st.characters(codec="utf-8", exclude_characters="\x85\u2028\u2029", exclude_categories=("Cc", "Cs")), max_size=8
    ),
)
PARTS = st.one_of(SCALARS, st.lists(SCALARS, max_size=3))
DOCUMENTS = st.dictionaries(NAMES, st.one_of(PARTS, st.dictionaries(NAMES, PARTS, max_size=3)), max_size=4)


@given(DOCUMENTS, st.lists(st.tuples(NAMES, st.none() | NAMES, st.none() | PARTS), max_size=3))
@pytest.mark.parametrize("format", ["json", "yaml", "toml"])
def test_the_text_gives_what_was_wanted(format: Format, before: dict[str, Any], edits: list[Any]) -> None:
    text = dumped(format, before)
    wanted = json.loads(json.dumps(parsed(format, text)))
    asked = []
    for name, inner, value in edits:
        place = (name,) if inner is None else (name, inner)
        asked.append(Edit(place, None if value is None else json.dumps(value)))
        at = wanted
        if inner is not None:
            if not isinstance(at.get(name), dict):
                if value is None and name not in at:
                    continue
                at[name] = {}
            at = at[name]
        if value is None:
            at.pop(place[-1], None)
        else:
            at[place[-1]] = value
    content, _ = edited(format, text, tuple(asked))
    assert json.dumps(parsed(format, content) or {}, sort_keys=True) == json.dumps(wanted, sort_keys=True)
