"""The forms of an answer: a table for people, JSON and YAML for programs, names for shells."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

import click
import msgspec

from pycluster.cli.exits import printable
from pycluster.cli.given import Given

#: A cell: its text, and a colour for terminals or nothing.
Cell = str | tuple[str, str]

_COLOURS = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "magenta": 35, "cyan": 36, "bold": 1, "dim": 2}

T = TypeVar("T")


class Printer:
    """Writes answers to stdout and notes to stderr, in the form that was asked for."""

    def __init__(self, given: Given) -> None:
        self.form = given.form
        self.quiet = given.switch("quiet")
        self.terminal = sys.stdout.isatty()
        self._colour = self.terminal and not given.switch("no_color") and not os.environ.get("NO_COLOR")
        self._documents = 0

    @property
    def wide(self) -> bool:
        """Whether a table shall have all columns."""
        return self.form == "wide"

    def note(self, text: str) -> None:
        """A remark for people."""
        if not self.quiet:
            print(printable(text), file=sys.stderr, flush=True)

    def answer(
        self,
        data: object,
        *,
        lines: Callable[[], Sequence[str]],
        names: Sequence[str] | None = None,
    ) -> None:
        """Print ``data``; ``lines`` makes the table, ``names`` are what ``-o name`` prints (None: it has none)."""
        match self.form:
            case "table" | "wide":
                self._print(lines())
            case "name":
                if names is None:
                    raise click.UsageError("-o name has no meaning here: the answer is no list of names")
                self._print([printable(name) for name in names])
            case "json":
                text = msgspec.json.encode(data)
                self._print([(msgspec.json.format(text, indent=2) if self.terminal else text).decode()])
            case "jsonl":
                items = data if isinstance(data, list | tuple) else [data]
                self._print([msgspec.json.encode(item).decode() for item in items])
            case "yaml":
                self._yaml(data)

    def _yaml(self, data: object) -> None:
        import yaml

        if self._documents:
            print("---")
        self._documents += 1
        plain = msgspec.to_builtins(data)
        print(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=120), end="", flush=True)

    @staticmethod
    def _print(lines: Sequence[str]) -> None:
        print("".join(f"{line}\n" for line in lines), end="", flush=True)

    def paint(self, text: str, colour: str) -> str:
        """``text`` in a colour where the reader is a terminal that wants it."""
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self._colour and colour else text

    def table(self, heading: Sequence[str], rows: Sequence[Sequence[Cell]]) -> list[str]:
        """Aligned columns, two blanks apart; the heading unless it is to be quiet."""
        head: list[list[tuple[str, str]]] = [] if self.quiet else [[(name, "bold") for name in heading]]
        body = [[cell if isinstance(cell, tuple) else (cell, "") for cell in row] for row in rows]
        cells = head + [[(printable(text).replace("\n", " ") or "-", colour) for text, colour in row] for row in body]
        widths = [max(len(text) for text, _ in column) for column in zip(*cells, strict=True)]
        return [self._row(row, widths) for row in cells]

    def _row(self, row: Sequence[tuple[str, str]], widths: Sequence[int]) -> str:
        last = len(row) - 1
        padded = (
            self.paint(text, colour) + (" " * (width - len(text)) if place < last else "")
            for place, ((text, colour), width) in enumerate(zip(row, widths, strict=True))
        )
        return "  ".join(padded)

    def facts(self, pairs: Sequence[tuple[str, Cell]]) -> list[str]:
        """``name: value``, the values aligned; pairs without a value are left out."""
        shown = [(name, value if isinstance(value, tuple) else (value, "")) for name, value in pairs]
        shown = [(name, value) for name, value in shown if value[0]]
        width = max((len(name) for name, _ in shown), default=0) + 1
        return [f"{name + ':':<{width}} {self.paint(printable(text), colour)}" for name, (text, colour) in shown]
