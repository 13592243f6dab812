"""A text that is being written: what it is judged with, and what is told of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pycluster.configs.model import DraftRequest, DraftView, Entry, SchemaView
from pycluster.configs.names import Name
from pycluster.configs.params import Params
from pycluster.judging import Case, Reading, Verdict
from pycluster.kernel.errors import LocalMisuse


def case(request: DraftRequest, name: Name, found: Mapping[str, Entry], params: Params) -> Case:
    """The text above what it overrides, with the schemas among ``found``; raises ``LocalMisuse``."""
    size = len(request.content.encode())
    if size > params.content_max_bytes:
        why = f"it has {size} bytes, and {params.content_max_bytes} are possible"
        raise LocalMisuse(f"{name.text} is too large", why=why, remedy="put less into one entry")
    format = request.format or name.format
    base = found.get(name.base.text) if name.scope is not None else None
    if base is not None and base.format != format:
        why = f"{name.text} is {format}, {name.path} is {base.format}"
        raise LocalMisuse("an override has the format of what it overrides", why=why, remedy="choose its format")
    layers = (request.content,) if base is None else (base.content, request.content)
    schemas = tuple(
        (one.text, found[one.text].format, found[one.text].content) for one in name.schemas if one.text in found
    )
    return Case(name.text, format, layers, schemas, name.schema, edits=request.edits)


def view(request: DraftRequest, judged: Case, verdict: Verdict) -> DraftView:
    """What is told of it."""
    told = verdict.reading or Reading()
    value, below = _json(told.value), _json(told.below)
    schemas = tuple(SchemaView(name, msgspec.Raw(text.encode())) for name, text in told.schemas)
    return DraftView(request.name, judged.format, verdict.content, value, below, schemas, told.problems, told.anew)


def _json(text: str | None) -> msgspec.Raw | None:
    return None if text is None else msgspec.Raw(text.encode())
