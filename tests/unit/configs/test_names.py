"""Names: what may be one, what it stands for, and that keys say the same."""

from __future__ import annotations

import pytest

from pycluster.configs.names import ENTRIES, Name, history_key, history_of, of_history, of_key, parse
from pycluster.controllers import RESERVED
from pycluster.kernel.errors import LocalMisuse


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("app.yaml", Name("app.yaml", "app.yaml")),
        ("a/b/c.json@node:web-1", Name("a/b/c.json@node:web-1", "a/b/c.json", "node", "web-1")),
        ("app@zone:eu-1", Name("app@zone:eu-1", "app", "zone", "eu-1")),
        ("app@region:eu", Name("app@region:eu", "app", "region", "eu")),
        ("app@tag:role=db", Name("app@tag:role=db", "app", "tag", "role=db")),
        ("app@tag:role=", Name("app@tag:role=", "app", "tag", "role=")),
        ("@schema", Name("@schema", "", schema=True)),
        ("services/@schema", Name("services/@schema", "services/", schema=True)),
        ("a.yaml@schema", Name("a.yaml@schema", "a.yaml", schema=True)),
    ],
)
def test_what_is_a_name(text: str, name: Name) -> None:
    assert parse(text) == name
    assert of_key(name.key) == text
    assert name.key.startswith(ENTRIES) and ENTRIES.startswith(RESERVED)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/a",
        "a/",
        "a//b",
        "../a",
        "a/./b",
        "..",
        "a b",
        "ä",
        "a#1",
        "a\n",
        "a@",
        "a@node:",
        "a@node:x@zone:y",
        "a@host:x",
        "a@tag:role",
        "@node:x",
        "../@schema",
        "/@schema",
        "a//@schema",
        "a@schema@node:x",
        "x" * 201,
        "/".join("a" * 17),
    ],
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(LocalMisuse, match="is no name of a configuration entry"):
        parse(text)


def test_the_ending_says_the_format() -> None:
    names = ("a.json", "a.YAML", "d.json/a.yml@node:x.json", "a.toml", "a.conf", "json", "a/@schema")
    assert [parse(name).format for name in names] == ["json", "yaml", "yaml", "toml", "text", "text", "yaml"]


def test_the_schemas_of_an_entry_from_the_widest_on() -> None:
    expected = ["@schema", "a/@schema", "a/b/@schema", "a/b/c.yaml@schema"]
    assert [name.text for name in parse("a/b/c.yaml@node:x").schemas] == expected
    assert all(parse(text) in parse("a/b/c.yaml").schemas for text in expected)
    assert parse("a/@schema").schemas == ()


def test_versions_stand_in_order_and_never_among_those_of_another_entry() -> None:
    keys = [history_key("a", version, 1_000_000 - version) for version in (1, 2, 10, 11)]
    assert keys == sorted(keys)
    assert [of_history(key) for key in keys][2] == ("a", 10, 999_990)
    first, end = history_of("a")
    for other in ("a/b", "a0", "a@node:x", "a.b", "A"):
        assert not first <= history_key(other, 1, 5) < end
    assert all(first <= key < end for key in keys)
    first, end = history_of("a", 2, 10)
    assert [first <= key < end for key in keys] == [False, True, True, False]


def test_overrides_stand_in_one_interval_with_nothing_else() -> None:
    first, end = parse("a").overrides
    for text, within in (("a@node:x", True), ("a@schema", True), ("a", False), ("a/b", False), ("ab", False)):
        assert (first <= parse(text).key < end) is within, text


def test_a_schema_is_for_what_has_it_among_its_schemas() -> None:
    names = [parse(text) for text in ("a", "a/b", "a/b/c", "ab", "a/bc", "a/b@node:x", "b", "a/b@schema", "a/@schema")]
    schemas = [parse(text) for text in ("@schema", "a@schema", "a/@schema", "a/b@schema", "a/b/@schema", "b/@schema")]
    for schema in schemas:
        for name in names:
            assert schema.is_for(name) == (schema in name.schemas), (schema.text, name.text)
