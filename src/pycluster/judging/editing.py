"""Parts of a text changed, and the rest left as it is written: comments, order, quotes.

Whatever is tried on the text is read again; where it does not give just what was wanted, the text is written anew.
"""

from __future__ import annotations

import json
import tomllib
from typing import Any

from pycluster.judging.cases import Edit, Format
from pycluster.judging.formats import Unreadable, dumped, parsed
from pycluster.judging.spots import Spot, spots

_GONE = object()


def edited(format: Format, text: str, edits: tuple[Edit, ...]) -> tuple[str, bool]:
    """The text with the edits in it, and whether it had to be written anew; raises ``Unreadable``."""
    if format == "text":
        raise Unreadable("a text has no parts")
    content, anew = _edited(format, text, edits)
    try:
        content.encode()
    except UnicodeEncodeError:
        raise Unreadable("half a sign (a lone surrogate) is in it") from None
    return content, anew


def _edited(format: Format, text: str, edits: tuple[Edit, ...]) -> tuple[str, bool]:
    before = _data(format, text)
    after = before
    for edit in edits:
        after = _changed(after, edit.place, _new(edit))
    if _same(before, after):
        return text, False
    tried: str | None = text
    for edit in edits:
        tried = None if tried is None else _put(format, tried, edit.place, _new(edit))
    if tried is not None and _gives(format, tried, after):
        return tried, False
    anew = _written(format, text, after)
    return anew, bool(text.strip()) and _written(format, text, before) != text


def _new(edit: Edit) -> Any:
    return _GONE if edit.json is None else parsed("json", edit.json)


def _data(format: Format, text: str) -> Any:
    """What the text stands for, TOML's dates being such; nothing is an empty mapping."""
    if not text.strip():
        return {}
    if format == "toml":
        parsed(format, text)  # raises where it is none
        return tomllib.loads(text)
    found = parsed(format, text)
    return {} if found is None else found


def _changed(whole: Any, place: tuple[str, ...], new: Any) -> Any:
    if not place:
        raise Unreadable("a text cannot be changed as a whole")
    result = dict(whole) if isinstance(whole, dict) else {}
    if len(place) > 1:
        if new is _GONE and place[0] not in result:
            return result
        result[place[0]] = _changed(result.get(place[0]), place[1:], new)
    elif new is _GONE:
        result.pop(place[0], None)
    else:
        result[place[0]] = new
    return result


def _same(one: Any, other: Any) -> bool:
    """1, 1.0 and true are three things."""
    return json.dumps(one, sort_keys=True, default=repr) == json.dumps(other, sort_keys=True, default=repr)


def _gives(format: Format, text: str, wanted: Any) -> bool:
    try:
        # A YAML text without anything in it is null, and no mapping.
        return _same(_data(format, text) if format == "toml" else parsed(format, text), wanted)
    except Unreadable:
        return False


def _written(format: Format, like: str, whole: Any) -> str:
    """Anew; JSON indented as before."""
    if format == "json":
        before = json.loads(like) if like.strip() else {}
        for indent in (2, 4, "\t", None):
            if json.dumps(before, indent=indent, ensure_ascii=False) == like.rstrip("\n"):
                end = "\n" if like.endswith("\n") else ""
                return json.dumps(whole, indent=indent, ensure_ascii=False) + end
    return dumped(format, whole)


def _put(format: Format, text: str, place: tuple[str, ...], new: Any) -> str | None:
    """The text with one part changed, as far as that can be done where it stands; None where it cannot."""
    known = spots(format, text)
    spot = known.get(place)
    if format == "toml":
        return _put_toml(text, known, place, new)
    if spot is not None:
        return _remove(text, known, place) if new is _GONE else _replace(format, text, known, place, new)
    if new is _GONE:
        return text
    deep = len(place) - 1
    while deep and place[:deep] not in known:
        deep -= 1
    for name in reversed(place[deep + 1 :]):
        new = {name: new}
    return _insert(format, text, known, place[:deep], {place[deep]: new})


# --- YAML, and JSON as its flow ---------------------------------------------------------------------------------------


def _replace(format: Format, text: str, known: dict[Any, Spot], place: tuple[str, ...], new: Any) -> str | None:
    spot = known[place]
    kind = type(spot.node).__name__
    if kind == "SequenceNode" and not spot.node.flow_style:
        return _items(text, spot.node, new) if isinstance(new, list) else None
    if kind != "ScalarNode" and not spot.node.flow_style:
        return None
    said = _flow(format, new, known[place[:-1]].node.flow_style)
    if said is None:
        return None
    if spot.start == spot.end:
        said = f" {said}"
    elif text[spot.start : spot.end].endswith("\n"):
        said += "\n"  # a block of lines goes to the end of its last one
    return text[: spot.start] + said + text[spot.end :]


def _flow(format: Format, value: Any, inside: bool) -> str | None:
    """The value in one line."""
    if format == "json" or inside or (isinstance(value, str) and "\n" in value):
        return json.dumps(value, ensure_ascii=False)
    import yaml

    said: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=1_000_000)
    said = said.removesuffix("\n").removesuffix("\n...")
    return None if "\n" in said else said


def _items(text: str, node: Any, new: list[Any]) -> str | None:
    """A list of one line an item: what stands before and behind the change stays."""
    old = [_scalar(item) for item in node.value]
    said = [_flow("yaml", item, False) for item in new]
    if None in said or None in old or not new:
        return None
    wanted = [json.dumps(item) for item in new]
    head = 0
    while head < min(len(old), len(new)) and old[head] == wanted[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == wanted[-1 - tail]:
        tail += 1
    gone = node.value[head : len(old) - tail]
    lead = " " * node.start_mark.column
    lines = "".join(f"{lead}- {one}\n" for one in said[head : len(new) - tail])
    if gone:
        return text[: _line_start(text, gone[0])] + lines + text[_line_end(text, gone[-1]) :]
    at = _line_end(text, node.value[head - 1]) if head else _line_start(text, node.value[0])
    return _broken(text[:at]) + lines + text[at:]


def _scalar(node: Any) -> str | None:
    """A scalar of YAML as JSON."""
    import yaml

    if not isinstance(node, yaml.ScalarNode):
        return None
    try:
        value = parsed("yaml", yaml.serialize(node))
        return json.dumps(value)
    except (Unreadable, TypeError):
        return None


def _line_start(text: str, node: Any) -> int:
    return text.rfind("\n", 0, node.start_mark.index) + 1


def _line_end(text: str, node: Any) -> int:
    """Behind the line where a part ends."""
    while getattr(node, "value", None) and isinstance(node.value, list) and not node.flow_style:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    end: int = node.end_mark.index
    if end and text[end - 1] == "\n":
        return end
    found = text.find("\n", end)
    return len(text) if found < 0 else found + 1


def _broken(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


def _remove(text: str, known: dict[Any, Spot], place: tuple[str, ...]) -> str | None:
    parent = known[place[:-1]].node
    if parent.flow_style:
        return None
    key, value = next(pair for pair in parent.value if pair[0].value == place[-1])
    return text[: _line_start(text, key)] + text[_line_end(text, value) :]


def _insert(
    format: Format, text: str, known: dict[Any, Spot], place: tuple[str, ...], new: dict[str, Any]
) -> str | None:
    """A name and its value behind the last ones of the mapping there."""
    if format == "json":
        return None
    said = dumped("yaml", new)
    node = known[place].node if place in known else None
    if node is None:
        return _broken(text) + said
    if type(node).__name__ != "MappingNode" or node.flow_style or not node.value:
        return None
    lead = " " * node.value[0][0].start_mark.column
    at = _line_end(text, node)
    lines = "".join(f"{lead}{line}\n" if line else "\n" for line in said.removesuffix("\n").split("\n"))
    return _broken(text[:at]) + lines + text[at:]


# --- TOML -------------------------------------------------------------------------------------------------------------


def _put_toml(text: str, known: dict[Any, Spot], place: tuple[str, ...], new: Any) -> str | None:
    spot = known.get(place)
    if spot is not None and new is _GONE:
        start, end = text.rfind("\n", 0, spot.start) + 1, text.find("\n", spot.end)
        return text[:start] + (text[end + 1 :] if end >= 0 else "")
    if new is _GONE:
        return text
    said = _toml(new)
    if said is None:
        return None
    if spot is not None:
        return text[: spot.start] + said + text[spot.end :]
    table = place[:-1]
    if table and table not in known:
        return None
    line = f"{_toml_key(place[-1])} = {said}\n"
    own = [one.end for at, one in known.items() if at[:-1] == table and not one.header]
    if own:
        end = text.find("\n", max(own))
        at = len(text) if end < 0 else end + 1
    elif table:
        at = known[table].end
    else:
        at = min((one.start for one in known.values() if one.header), default=len(text))
    return _broken(text[:at]) + line + text[at:]


def _toml(value: Any) -> str | None:
    """A value in one line; None for what has none."""
    if isinstance(value, list):
        parts = [_toml(item) for item in value]
        return None if None in parts else f"[{', '.join(str(part) for part in parts)}]"
    if isinstance(value, dict) or value is None:
        return None
    import tomli_w

    return tomli_w.dumps({"x": value}).removeprefix("x = ").rstrip("\n")


def _toml_key(name: str) -> str:
    import tomli_w

    return tomli_w.dumps({name: 0}).rpartition(" = ")[0]
