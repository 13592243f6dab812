"""Whether contents are what their formats and schemas say, and what layers give together.

It runs in a process of its own (``python -m pycluster.judging``): what people write may take a parser for ever or all
memory, and the libraries for it are more than an agent should carry.
"""

from __future__ import annotations

from pycluster.judging.cases import Case, Problem, Verdict
from pycluster.judging.drafts import reading
from pycluster.judging.fitting import problems, schema_problems
from pycluster.judging.formats import Unreadable, data, dumped, plain
from pycluster.judging.merging import merged
from pycluster.judging.origins import origins


def judge(cases: tuple[Case, ...]) -> tuple[Verdict, ...]:
    """One verdict for each case."""
    return tuple(_judge(case) if case.edits is None else reading(case) for case in cases)


def _judge(case: Case) -> Verdict:
    try:
        if case.format == "text":
            content = case.layers[-1]
            return Verdict(_texts(problems(case, content)), content)
        parts = [data(case.format, layer) for layer in case.layers]
        whole = parts[0]
        for part in parts[1:]:
            whole = merged(whole, part)
        seen = plain(whole) if case.format == "toml" else whole
        found = schema_problems(seen) if case.is_schema else problems(case, seen)
        content = case.layers[0] if len(parts) == 1 else dumped(case.format, whole)
        content.encode()
    except Unreadable as error:
        return Verdict((f"{case.name}: {error}",))
    except UnicodeEncodeError as error:
        return Verdict((f"{case.name}: what the layers give has {error.object[error.start]!r}, which is no text",))
    except RecursionError:
        return Verdict((f"{case.name}: it is nested too deeply",))
    if found:
        return Verdict(_texts(found))
    return Verdict((), content, origins(case.format, content, parts) if case.origins else ())


def _texts(found: tuple[Problem, ...]) -> tuple[str, ...]:
    return tuple(one.text for one in found)
