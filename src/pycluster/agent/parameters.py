"""The cores' parameters from the settings' text: every mistake at once, each with the names that would have worked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from pycluster import consensus, membership
from pycluster.kernel.errors import LocalMisuse
from pycluster.node import Params, StateParams
from pycluster.settings import Loaded, SettingsError, Source, tags_of

_WANTED: dict[object, str] = {int: "whole number", float: "number", bool: "true or false"}

P = TypeVar("P", bound=msgspec.Struct)


def parameters(loaded: Loaded) -> tuple[membership.Params, consensus.Params, Params, StateParams]:
    """All parameters of the settings; raises ``SettingsError`` with every one that cannot be."""
    settings = loaded.settings
    raw = {
        "membership": settings.membership,
        "consensus": settings.consensus,
        "following": settings.following,
        "state": settings.state,
        "config": settings.config,
        "tags": tags_of(settings),
    }
    problems = judge(raw, loaded.sources)
    if problems:
        raise SettingsError(problems)
    return (
        build(membership.Params, "membership", settings.membership)[0],
        build(consensus.Params, "consensus", settings.consensus)[0],
        build(Params, "following", settings.following)[0],
        build(StateParams, "state", settings.state)[0],
    )


def judge(raw: Mapping[str, Mapping[str, str]], sources: Mapping[str, Source]) -> tuple[str, ...]:
    """Every parameter in the settings' text that cannot be, and where it stands; for ``settings.load``."""
    params, swim = build(membership.Params, "membership", raw.get("membership", {}))
    weight = membership.tags_bytes(raw.get("tags", {}))
    if weight > params.tags_max_bytes:
        swim.append(f"[membership] tags_max_bytes = {params.tags_max_bytes}: this node's tags take {weight} bytes")
    _, raft = build(consensus.Params, "consensus", raw.get("consensus", {}))
    _, own = build(Params, "following", raw.get("following", {}))
    _, state = build(StateParams, "state", raw.get("state", {}))
    config: list[str] = []
    if raw.get("config"):
        from pycluster.configs import Params as ConfigParams

        _, config = build(ConfigParams, "config", raw["config"])
    return tuple(_placed(problem, sources) for problem in [*swim, *raft, *own, *state, *config])


def _placed(problem: str, sources: Mapping[str, Source]) -> str:
    """``file:line:`` in front, where one parameter is to blame."""
    section, _, rest = problem.partition("] ")
    key = rest.partition(" =")[0].partition(":")[0]
    source = sources.get(f"{section.removeprefix('[')}.{key}")
    return f"{source.where}: {problem}" if source is not None and source.where else problem


def build(kind: type[P], section: str, given: Mapping[str, str]) -> tuple[P, list[str]]:
    """``(params, problems)``: ``kind`` with the ``given`` fields set. Where there are problems, the defaults stand."""
    problems: list[str] = []
    known = kind.__struct_fields__
    values: dict[str, str] = {}
    for key, value in given.items():
        if key in known:
            values[key] = value
            continue
        import difflib

        close = difflib.get_close_matches(key, known, n=1)
        problems.append(f"[{section}] {key}: no such parameter" + (f"; did you mean {close[0]}?" if close else ""))
    types = {field.name: field.type for field in msgspec.structs.fields(kind)}
    for key, value in values.items():
        try:
            msgspec.convert(value, types[key], strict=False)
        except msgspec.ValidationError:
            problems.append(f"[{section}] {key} = {value}: it is no {_WANTED.get(types[key], 'such value')}")
    if problems:
        return kind(), problems
    try:
        # Rules over several parameters are judged on all of them: one alone may not fit the others' defaults.
        return msgspec.convert(values, kind, strict=False), []
    except LocalMisuse as error:
        return kind(), [f"[{section}] {error.why}"]
    except ValueError as error:
        return kind(), [f"[{section}] {error}"]
