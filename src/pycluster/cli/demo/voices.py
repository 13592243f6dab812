"""Who says what: every line with its node's name in front, what was written together kept together."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from pycluster.cli.exits import printable

_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
_NARRATOR = "demo"


class Voices:
    """Writes to stdout, in a colour for each node where that is a terminal."""

    def __init__(self, names: Sequence[str], *, plain: bool) -> None:
        self._width = max(len(name) for name in (*names, _NARRATOR))
        self._coloured = sys.stdout.isatty() and not plain and not os.environ.get("NO_COLOR")
        self._colours = {name: _COLOURS[number % len(_COLOURS)] for number, name in enumerate(names)}
        self._colours[_NARRATOR] = 1

    def speak(self, name: str, lines: Sequence[str]) -> None:
        """Lines of one agent, uninterrupted."""
        prefix = f"{name:<{self._width}} |"
        if self._coloured:
            prefix = f"\x1b[{self._colours[name]}m{prefix}\x1b[0m"
        print("".join(f"{prefix} {printable(line)}".rstrip() + "\n" for line in lines), end="", flush=True)

    def tell(self, *lines: str) -> None:
        """Lines of the demo itself."""
        self.speak(_NARRATOR, lines)
