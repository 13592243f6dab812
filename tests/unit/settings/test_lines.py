"""The form of the file: quotes, comments, headers, line numbers."""

from __future__ import annotations

import pytest

from pycluster.settings.lines import Pair, Section, sections, unquoted


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (" plain ", "plain"),
        (" two words ", "two words"),
        ('"quoted"', "quoted"),
        (" 'single' ", "single"),
        ('""', ""),
        ('"it\'s"', "it's"),
        ("it's", "it's"),
        ('" kept "', " kept "),
        ('"back\\slash\\n"', "back\\slash\\n"),
        ("a#b", "a#b"),
        ("a #b", "a"),
        ("a\t; b", "a"),
        ("# all of it", "# all of it"),
        (" # all of it", ""),
        ('"a # b"', "a # b"),
        ('"a" # b', "a"),
        ('sh -c "a; b # c" # d', 'sh -c "a; b # c"'),
        ("it's # a comment", "it's"),
        ("don 't # cut", "don 't"),
        ('"a" "b"', '"a" "b"'),
        ("x = y", "x = y"),
    ],
)
def test_one_pair_of_quotes_goes_and_a_comment_goes(text: str, value: str) -> None:
    assert unquoted(text) == (value, "")


@pytest.mark.parametrize("text", ['"open', "'open", '"open # not a comment'])
def test_a_quotation_mark_that_never_closes_is_a_flaw(text: str) -> None:
    assert "never closes" in unquoted(text)[1]


def test_sections_keep_their_lines_numbers() -> None:
    text = "before = 1\n\n[one]  # first\n# comment\n  key = value\n[ two\twords ]\nodd line\n[broken\n[x] y\n"
    assert sections(text) == [
        Section("", 1, [Pair(1, "before", "1")]),
        Section("one", 3, [Pair(5, "key", "value")]),
        Section("two words", 6, [], [(7, "odd line"), (8, "[broken"), (9, "[x] y")]),
    ]


def test_only_newlines_count_as_lines_as_in_an_editor() -> None:
    assert sections("a = \u2028\x0b\x1cb\nc = d")[0].pairs[1].number == 2
