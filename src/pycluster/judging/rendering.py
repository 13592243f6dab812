"""Templates rendered in a sandbox. It runs in a process of its own, as judging does and for the same reasons."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any

import jinja2
import msgspec
from jinja2 import meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pycluster.judging.templates import Batch, Reads, Rendered, Source

#: Characters of one file.
CONTENT_MAX = 1024 * 1024
#: Processor time of one template, s; what no exception can stop ends with the process.
CPU_S = 2.0


class Refused(Exception):
    """A template does what it may not."""


def render(batch: Batch, cpu_s: float = CPU_S) -> Iterator[Rendered]:
    """One result for each template, in their order."""
    previous = signal.signal(signal.SIGVTALRM, _late)
    try:
        for source in batch.sources:
            yield _render(source, batch, cpu_s)
    finally:
        signal.signal(signal.SIGVTALRM, previous)


def _late(number: int, frame: FrameType | None) -> None:
    raise Refused("it takes more processor time than there is for it")


def _render(source: Source, batch: Batch, cpu_s: float) -> Rendered:
    sight = _Sight(source, batch)
    environment = ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    del environment.filters["random"], environment.globals["lipsum"]  # the same input gives the same file
    environment.filters["from_json"] = json.loads
    environment.globals |= {"key": sight.key, "keys": sight.all_keys}
    parts: list[str] = []
    size, content, problem = 0, "", ""
    signal.setitimer(signal.ITIMER_VIRTUAL, cpu_s)
    try:
        parsed = environment.parse(source.text)
        names = meta.find_undeclared_variables(parsed)
        for part in environment.from_string(parsed).generate(sight.variables(names)):
            parts.append(part)
            size += len(part)
            if size > CONTENT_MAX:
                raise Refused(f"it gives more than {CONTENT_MAX} characters")
        content = "".join(parts)
        content.encode()
    except UnicodeEncodeError as error:
        problem = f"it gives {error.object[error.start]!r}, which no file can hold"
    except jinja2.TemplateSyntaxError as error:
        problem = f"line {error.lineno}: {error.message}"
    except MemoryError:
        problem = "it takes more memory than there is for it"
    except Exception as error:
        # A template is a program of somebody else's: whatever it raises is its own mistake, and said as such.
        problem = f"{_line(error)}{str(error) or type(error).__name__}"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    problem = " ".join(problem.split())[:300].encode(errors="backslashreplace").decode()
    return Rendered(source.name, "" if problem else content, problem, sight.reads())


def _line(error: Exception) -> str:
    """The template's line where it happened."""
    trace, number = error.__traceback__, 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            number = trace.tb_lineno
        trace = trace.tb_next
    return f"line {number}: " if number else ""


class _Sight:
    """What one template may see; it notes what was looked at."""

    def __init__(self, source: Source, batch: Batch) -> None:
        self._intervals = source.intervals
        self._batch = batch
        self._values = dict(batch.keys)
        self._keys: set[bytes] = set()
        self._prefixes: set[bytes] = set()
        self._looked: set[str] = set()

    def key(self, name: str, default: str | None = None) -> str:
        """The value of a key; without it ``default``, and without that a mistake."""
        raw = str(name).encode()
        if not any(raw == key or key <= raw < end for key, end in self._intervals):
            raise Refused(f"{name!r} is not among this template's keys")
        self._keys.add(raw)
        value = self._values.get(raw)
        if value is not None:
            return value.decode(errors="replace")
        if default is None:
            raise Refused(f"there is no key {name!r}")
        return default

    def all_keys(self, prefix: str) -> dict[str, str]:
        """All keys that begin so, in their order, with their values."""
        raw = str(prefix).encode()
        if not any(end and raw.startswith(key) for key, end in self._intervals):
            raise Refused(f"{prefix!r} is not among this template's keys")
        self._prefixes.add(raw)
        found = ((key, value) for key, value in self._batch.keys if key.startswith(raw))
        return {key.decode(errors="replace"): value.decode(errors="replace") for key, value in found}

    def variables(self, names: set[str]) -> dict[str, Any]:
        """What stands in a template without a call, as far as it names it: what it does not name it does not read."""
        known = {"node": self._batch.node, "members": self._batch.members, "leader": self._batch.leader}
        self._looked = names & known.keys()
        return {name: _plain(known[name]) for name in self._looked}

    def reads(self) -> Reads:
        looked = self._looked
        return Reads(tuple(sorted(self._keys)), tuple(sorted(self._prefixes)), "members" in looked, "leader" in looked)


def _plain(value: object) -> object:
    return msgspec.to_builtins(value)
