"""A text that is being written: edits put into it, and what it stands for, with the place of each mistake."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from pycluster.judging.cases import Case, Problem, Reading, Verdict
from pycluster.judging.editing import edited
from pycluster.judging.fitting import problems, schema_problems
from pycluster.judging.formats import Unreadable, parsed
from pycluster.judging.merging import merged
from pycluster.judging.spots import pointer, spots

#: Characters of JSON that a page is given of one document.
VALUE_MAX = 512 * 1024
_LINE = re.compile(r"line (\d+)")


def reading(case: Case) -> Verdict:
    """What is known of the uppermost layer; ``content`` has the edits in it, where it could be read."""
    content, anew = case.layers[-1], False
    try:
        if case.edits:
            content, anew = edited(case.format, content, case.edits)
        value = _value(case, content)
        below = _below(case)
        whole = value if below is None else merged(below, value)
        found = schema_problems(whole) if case.is_schema else problems(case, whole)
        told = Reading(found, _json(value), _json(below), _schemas(case), anew)
    except Unreadable as error:
        told = Reading((_unread(case, error),))
    except RecursionError:
        told = Reading((Problem(f"{case.name}: it is nested too deeply"),))
    lines = {pointer(place): spot.line for place, spot in spots(case.format, content).items()}
    placed = tuple(_placed(one, lines) for one in told.problems)
    return Verdict((), content, reading=msgspec.structs.replace(told, problems=placed))


def _value(case: Case, content: str) -> Any:
    """What it stands for; nothing written yet is an empty mapping."""
    return {} if case.format != "text" and not content.strip() else parsed(case.format, content)


def _below(case: Case) -> Any:
    below: Any = None
    for number, layer in enumerate(case.layers[:-1]):
        part = parsed(case.format, layer)
        below = part if number == 0 else merged(below, part)
    return below


def _schemas(case: Case) -> tuple[tuple[str, str], ...]:
    given = ((name, _json(parsed(format, text))) for name, format, text in case.schemas)
    return tuple((name, schema) for name, schema in given if schema is not None)


def _json(value: Any) -> str | None:
    """As JSON; None for nothing, and for what JSON has no word for or is too much."""
    try:
        said = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return None
    return None if value is None or len(said) > VALUE_MAX else said


def _unread(case: Case, error: Unreadable) -> Problem:
    lines = _LINE.findall(str(error))
    said = f"{case.name}: {error}".encode(errors="backslashreplace").decode()
    return Problem(said, None, int(lines[-1]) if lines else 0)


def _placed(problem: Problem, lines: dict[str, int]) -> Problem:
    """With the line of its place, or of the nearest part around it."""
    if problem.place is None or problem.line:
        return problem
    around = problem.place
    while around and around not in lines:
        around = around.rpartition("/")[0]
    return msgspec.structs.replace(problem, line=lines.get(around, 0))
