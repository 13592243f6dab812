"""What layers give together."""

from __future__ import annotations

from typing import Any


def merged(below: Any, above: Any) -> Any:
    """``above`` laid over ``below``: JSON Merge Patch (RFC 7396 §2). Mappings are merged, null removes, all else
    replaces.
    """
    if not isinstance(above, dict):
        return above
    result = dict(below) if isinstance(below, dict) else {}
    for key, value in above.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result
