"""Diffs: what changed, and that comparing has a bound."""

from __future__ import annotations

from pycluster.configs import unified
from pycluster.configs.differences import LINES_MAX


def test_what_changed_line_by_line() -> None:
    assert unified("a\nb\n", "a\nb\n", "x", "y") == []
    assert unified("a\nb\n", "a\nc\n", "x", "y") == ["--- x", "+++ y", "@@ -1,2 +1,2 @@", " a", "-b", "+c"]
    assert unified("", "a", "x", "y")[-1] == "+a"


def test_an_end_of_line_alone_is_a_difference_that_is_told() -> None:
    assert unified("a\n", "a", "x", "y") == ["--- x", "+++ y", "the two differ in their line ends"]


def test_too_much_is_not_compared() -> None:
    long = "x\n" * (LINES_MAX + 1)
    assert unified(long, "y\n", "x", "y")[-1] == f"{LINES_MAX + 1} lines became 1: too many to compare"
