"""Mistakes and warnings, each with its place, told in the order in which a reader meets them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pycluster.settings.model import Source

#: Lines of each kind that are told; a file of rubbish has more, and nobody reads them.
TOLD_MAX = 100
#: Characters of somebody's text inside a line of ours.
_QUOTE_MAX = 60
_WORD_MAX = 64
#: How alike two words are, from 0 to 1, before one is suggested for the other.
_NEAR = 0.7
#: Where lines that belong to no line of the file stand among the others.
ENVIRONMENT, FLAGS, AFTERWARDS = 1 << 40, 1 << 41, 1 << 42


class Place(msgspec.Struct, frozen=True):
    """Where something was said: ``label`` begins a message (``cluster.conf:7: [nodes] node004``), ``order`` sorts."""

    label: str
    source: Source
    order: int


def shown(text: str) -> str:
    """``text`` for a message: on one line, of bounded length, without what a terminal would obey."""
    if len(text) > _QUOTE_MAX:
        text = text[:_QUOTE_MAX] + "..."
    return text if text.isprintable() else repr(text)[1:-1]


def quoted(text: str) -> str:
    """``text`` in quotation marks, escaped and of bounded length."""
    return repr(text) if len(text) <= _QUOTE_MAX else repr(text[:_QUOTE_MAX]) + "..."


def did_you_mean(word: str, among: Iterable[str], prefix: str = "") -> str:
    """``"; did you mean X?"`` with the nearest of ``among``, ``prefix`` before it, or nothing."""
    if not 0 < len(word) <= _WORD_MAX:
        return ""
    import difflib

    candidates = {candidate.casefold(): candidate for candidate in among}
    close = difflib.get_close_matches(word.casefold(), candidates, n=1, cutoff=_NEAR)
    return f"; did you mean {prefix}{candidates[close[0]]}?" if close else ""


class Findings:
    """What was found so far. Each kind is kept up to ``TOLD_MAX`` lines, the rest is counted."""

    def __init__(self) -> None:
        self._mistakes = _Kind("mistakes")
        self._warnings = _Kind("warnings")

    @property
    def problems(self) -> tuple[str, ...]:
        """The mistakes, sorted by place."""
        return self._mistakes.told()

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings, sorted by place."""
        return self._warnings.told()

    def mistake(self, place: Place, text: str, word: str = "", among: Iterable[str] = (), prefix: str = "") -> None:
        """What makes the settings unusable; with the nearest of ``among`` to ``word``, if any."""
        self._mistakes.add(place, text, word, among, prefix)

    def warn(self, place: Place, text: str, word: str = "", among: Iterable[str] = (), prefix: str = "") -> None:
        """What is probably not meant, but was never fatal."""
        self._warnings.add(place, text, word, among, prefix)


class _Kind:
    def __init__(self, plural: str) -> None:
        self._plural = plural
        self._lines: list[tuple[int, str]] = []
        self._untold = 0

    def add(self, place: Place, text: str, word: str, among: Iterable[str], prefix: str) -> None:
        # The bound comes before the search for a near word, which is the slow part of reading a file of rubbish.
        if len(self._lines) >= TOLD_MAX:
            self._untold += 1
            return
        head = f"{place.label}: " if place.label else ""
        self._lines.append((place.order, f"{head}{text}{did_you_mean(word, among, prefix)}"))

    def told(self) -> tuple[str, ...]:
        lines = [line for _, line in sorted(self._lines, key=lambda found: found[0])]
        return (*lines, f"and {self._untold} more {self._plural}") if self._untold else tuple(lines)
