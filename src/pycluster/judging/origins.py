"""Which layer each line of a merged content comes from."""

from __future__ import annotations

from typing import Any

from pycluster.judging.cases import Format
from pycluster.judging.spots import Place, spots


def origins(format: Format, content: str, layers: list[Any]) -> tuple[int, ...]:
    """For each line the number of the uppermost layer that has the part there; -1 for what is of no single part.

    A part goes on until the next one begins.
    """
    by_line: dict[int, int] = {}
    for place, spot in sorted(spots(format, content).items(), key=lambda one: (one[1].line, len(one[0]))):
        by_line[spot.line] = _layer(place, layers)
    found, now = [], -1
    for line in range(1, len(content.removesuffix("\n").split("\n")) + 1):
        now = by_line.get(line, now)
        found.append(now)
    return tuple(found)


def _layer(place: Place, layers: list[Any]) -> int:
    """The uppermost layer that says something there. A list is replaced as a whole: its parts are its layer's."""
    names = list(place[: next((at for at, part in enumerate(place) if isinstance(part, int)), None)])
    having = [number for number, layer in enumerate(layers) if _has(layer, names)]
    if not names or not having:
        return -1
    # What several have as a mapping is merged: its own line is of none alone.
    if len(having) > 1 and isinstance(_at(layers[having[-1]], names), dict):
        return -1
    return having[-1]


def _has(layer: Any, names: list[Any]) -> bool:
    return not names or (isinstance(layer, dict) and names[0] in layer and _has(layer[names[0]], names[1:]))


def _at(layer: Any, names: list[Any]) -> Any:
    for name in names:
        layer = layer[name]
    return layer
