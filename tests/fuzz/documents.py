"""Texts of configuration entries, and what is edited in them: a verdict that can be told, whatever people write."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

import msgspec

from pycluster.judging import Case, Edit, Format, Verdict
from pycluster.judging.judge import judge

_FORMATS: tuple[Format, ...] = get_args(Format)
#: Longer ones only take the parsers longer: nothing of theirs is quick.
_TEXT_MAX = 2_048
_SCHEMA = '{"type": "object", "properties": {"port": {"type": "integer", "minimum": 1}}}'
_BELOW = {"text": "below\n", "json": '{"port": 1, "on": true}', "yaml": "port: 1\non_: [1, 2]\n", "toml": "port = 1\n"}
_TEXTS = (
    "plain words\n",
    '{"port": 80, "hosts": ["a", "b"], "deep": {"er": null}}',
    "# why\nport: 80\nhosts: [a, b]\ndeep:\n  er: ~\n  text: |\n    two\n    lines\n",
    "# why\nport = 80\nhosts = ['a', 'b']\nwhen = 2001-01-01T01:02:03Z\n[deep]\ner = 1.5\n[[many]]\nname = 'x'\n",
    "!!int 'x'\n",
    "a: &a [1]\nb: *a\n<<: {c: 1}\n",
)
_PLACES: tuple[tuple[str, ...], ...] = ((), ("port",), ("deep", "er"), ("hosts", "0"), ("new", "one"), ("many", "-"))
_VALUES = (None, "1", '"text"', '{"a": [1, {"b": null}]}', "[]", "1e400", "nonsense", "99999999999999999999999")


def seeds() -> Iterable[bytes]:
    """A byte for the format and the question, one for the edit, then the text."""
    for number, text in enumerate(_TEXTS):
        for ask in range(4):
            yield bytes((ask * len(_FORMATS) + number % len(_FORMATS), number * 7 + ask)) + text.encode()


def run(data: bytes) -> None:
    """Judge it as it would be written, as a schema, edited, and as an override."""
    if len(data) < 2:
        return
    format = _FORMATS[data[0] % len(_FORMATS)]
    text = data[2:][:_TEXT_MAX].decode(errors="replace")
    schemas: tuple[tuple[str, Format, str], ...] = (("schema", "json", _SCHEMA),)
    match data[0] // len(_FORMATS) % 4:
        case 0:
            case = Case("entry", format, (text,), schemas, origins=True)
        case 1:
            case = Case("entry", format, (text,), is_schema=True)
        case 2:
            edit = Edit(_PLACES[data[1] % len(_PLACES)], _VALUES[data[1] // len(_PLACES) % len(_VALUES)])
            case = Case("entry", format, (text,), schemas, edits=(edit,))
        case _:
            case = Case("entry", format, (_BELOW[format], text), schemas, origins=True)
    verdicts = judge((case,))
    assert msgspec.json.decode(msgspec.json.encode(verdicts), type=tuple[Verdict, ...]) == verdicts
