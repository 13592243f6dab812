"""The OpenAPI 3.1 document, made from the route table and the Structs: it cannot say what the code does not do."""

from __future__ import annotations

import re

import msgspec

from pycluster import __version__
from pycluster.web.operations import Operation

_PARAMETER = re.compile(r"\{(\w+)\}")
_MEANING = {
    200: "Done.",
    400: "The request makes no sense.",
    403: "The caller may not do this.",
    404: "There is no such thing.",
    409: "Refused; nothing was changed.",
    410: "What was asked for is forgotten.",
    413: "The body, a key or a value is too long.",
    415: "The body's type is not taken.",
    421: "The Host header names somebody else.",
    422: "The contents are not what their format or a schema says.",
    429: "Too much at once, or too much of it.",
    500: "The agent failed to answer.",
    503: "Not now.",
    504: "There was no answer in time; a change may have been made.",
    507: "The replicated state is full.",
}


def document(operations: tuple[Operation, ...]) -> dict[str, object]:
    """The whole document."""
    shapes = [shape for operation in operations for shape in _shapes(operation)]
    schemas, components = msgspec.json.schema_components(shapes, ref_template="#/components/schemas/{name}")
    schema_of = dict(zip(map(repr, shapes), schemas, strict=True))
    paths: dict[str, dict[str, object]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "PyCluster agent",
            "version": __version__,
            "summary": "One agent's view of its cluster, and the few changes it takes.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": components},
    }


def _shapes(operation: Operation) -> list[object]:
    shapes = [answer for answer in operation.answers.values() if not isinstance(answer, str)]
    return [*shapes, operation.body] if operation.body is not None else shapes


def _operation(operation: Operation, schema_of: dict[str, dict[str, object]]) -> dict[str, object]:
    parameters: list[dict[str, object]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(operation.path)
    ]
    parameters += [
        {"name": one.name, "in": one.place, "required": one.required, "description": one.about, "schema": one.schema}
        for one in operation.query
    ]
    described: dict[str, object] = {
        "operationId": operation.name,
        "summary": operation.about,
        "responses": {
            str(status): {"description": _MEANING[status], "content": _content(answer, schema_of)}
            for status, answer in sorted(operation.answers.items())
        },
    }
    if parameters:
        described["parameters"] = parameters
    if operation.body is not None:
        described["requestBody"] = {"required": True, "content": _content(operation.body, schema_of)}
    return described


def _content(answer: object, schema_of: dict[str, dict[str, object]]) -> dict[str, object]:
    if isinstance(answer, str):
        return {answer: {"schema": {"type": "string"}}}
    return {"application/json": {"schema": schema_of[repr(answer)]}}
