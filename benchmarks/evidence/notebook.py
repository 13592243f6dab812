"""What a bar has shown so far: one line of JSON a round, in ``evidence/NAME.jsonl``.

Rounds count for the code that they ran on: a changed source file starts the bar anew, in the same file.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from tests.program import COMPILED, PROGRAM

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "evidence"


class Round(msgspec.Struct, frozen=True):
    """One round. ``figures`` are measured, ``failure`` is empty where the round held."""

    code: str
    number: int
    at: str
    seconds: float
    figures: dict[str, float | int | str] = {}
    failure: str = ""


def code_digest() -> str:
    """Sixteen digits that stand for the product's source as it is now, and for whether agents run it compiled."""
    digest = hashlib.sha256((ROOT / "hatch_build.py").read_bytes() if PROGRAM == COMPILED else b"")
    for path in sorted((ROOT / "src").rglob("*.py")):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


class Notebook:
    """The rounds of one bar on today's code."""

    def __init__(self, bar: str) -> None:
        self.bar = bar
        self.code = code_digest()
        self._path = FOLDER / f"{bar}.jsonl"

    def rounds(self) -> list[Round]:
        """The rounds of this code, oldest first."""
        if not self._path.exists():
            return []
        lines = self._path.read_bytes().splitlines()
        return [found for line in lines if (found := msgspec.json.decode(line, type=Round)).code == self.code]

    def missing(self, wanted: int) -> list[int]:
        """The numbers of the rounds 1 to ``wanted`` not written down yet."""
        done = {found.number for found in self.rounds()}
        return [number for number in range(1, wanted + 1) if number not in done]

    def play(self, number: int, what: Callable[[], dict[str, float | int | str]]) -> Round:
        """Run one round and write it down; an ``AssertionError`` or ``TimeoutError`` of it is its failure."""
        begun, failure, figures = time.monotonic(), "", {}
        try:
            figures = what()
        except (AssertionError, TimeoutError, RuntimeError) as error:
            failure = str(error).strip() or type(error).__name__
        return self.write(number, time.monotonic() - begun, figures, failure)

    def write(self, number: int, seconds: float, figures: dict[str, float | int | str], failure: str = "") -> Round:
        """Write one round down and show it."""
        at = time.strftime("%Y-%m-%dT%H:%M:%S")
        noted = Round(self.code, number, at, round(seconds, 3), figures, failure)
        FOLDER.mkdir(exist_ok=True)
        with self._path.open("ab") as book:
            book.write(msgspec.json.encode(noted) + b"\n")
        told = failure or "  ".join(f"{key} {value}" for key, value in figures.items())
        print(f"{self.bar} {number}: {'FAILED ' if failure else ''}{told}", flush=True)
        return noted
