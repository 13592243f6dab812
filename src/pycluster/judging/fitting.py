"""Whether something fits JSON schemas, and where not."""

from __future__ import annotations

from typing import Any

from pycluster.judging.cases import Case, Problem
from pycluster.judging.formats import parsed
from pycluster.judging.spots import Place, pointer

#: Problems told of one case; more are counted.
PROBLEMS_MAX = 20


def schema_problems(schema: Any) -> tuple[Problem, ...]:
    """Why it is no JSON schema."""
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import validator_for

    if not isinstance(schema, dict):
        return (Problem("it is no schema: a schema is a mapping", "/"),)
    if not isinstance(schema.get("$schema", ""), str):
        return (Problem("it is no schema: /$schema: it is no text", "/$schema"),)
    try:
        kind: Any = validator_for(schema, _newest())
        kind.check_schema(schema, format_checker=kind.FORMAT_CHECKER)  # so that a pattern is one
    except SchemaError as error:
        place = pointer(tuple(error.absolute_path))
        return (_problem(f"it is no schema: {place}: {error.message[:500]}", place),)
    except OverflowError as error:
        return (Problem(f"it is no schema: a pattern or number of it: {error}"),)
    return ()


def _problem(text: str, place: str | None = None) -> Problem:
    """What people wrote may hold half a sign, which no text can."""
    return Problem(_whole(text), None if place is None else _whole(place))


def _whole(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()


def _newest() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator


def problems(case: Case, whole: Any) -> tuple[Problem, ...]:
    """Where it does not fit the case's schemas, all of it."""
    if not case.schemas:
        return ()
    from jsonschema.validators import validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    found: list[Problem] = []
    for name, format, text in case.schemas:
        schema = parsed(format, text)
        try:
            # An empty registry fetches nothing: a reference reaches no further than the schema itself.
            validator = validator_for(schema, _newest())(schema, registry=Registry())
            errors = sorted(validator.iter_errors(whole), key=lambda error: [str(part) for part in error.absolute_path])
        except Unresolvable as error:
            found.append(_problem(f"{case.name}: {name} refers to what is not in it: {error}"))
            continue
        except RecursionError:
            found.append(Problem(f"{case.name}: {name} refers to itself without end, or it is nested too deeply"))
            continue
        except Exception as error:
            # References may lead to what is no schema, and numbers be beyond a comparison: somebody else's mistake.
            said = f"{type(error).__name__}: {str(error)[:200]}"
            found.append(_problem(f"{case.name}: {name} cannot be held against it: {said}"))
            continue
        for one in errors:
            place = pointer(tuple(one.absolute_path))
            found.append(_problem(f"{case.name}: {place}: {one.message[:500]} ({name})", pointer(_about(one))))
    more = len(found) - PROBLEMS_MAX
    return tuple(found[:PROBLEMS_MAX] + ([Problem(f"{case.name}: and {more} more")] if more > 0 else []))


def _about(error: Any) -> Place:
    """The part that has to be changed: a missing one rather than the one that lacks it."""
    place: Place = tuple(error.absolute_path)
    if error.validator == "required":
        missing = (name for name in error.validator_value if error.message.startswith(repr(name)))
        return (*place, *list(missing)[:1])
    return place
