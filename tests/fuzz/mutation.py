"""Damage with a method: bits, pieces, and MessagePack bodies that still decode and say something absurd."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec

#: Bytes of a frame before its body.
HEADER_BYTES = 13
_NUMBERS = (
    0, 1, 2, 3, 7, 255, 7_946, 65_535, 65_536, 10**6, 2**31, 2**32, 2**33 - 1, 2**33, 2**44, 2**62, 2**62 + 1,
    2**63 - 1, 2**63, 2**64 - 1, -1, -(2**63),
)  # fmt: skip
_TEXTS = (
    "", "a", "node001", "node002", "node003", "node004", "p", "k", "i", "n", "s", "d", "v", "l", "D", "P", "127.0.0.1",
    "::1", "224.0.0.1", "0.0.0.0", "255.255.255.255", "\x00", "\x1b[31m", "\u202e", "é" * 64, "a" * 63, "a" * 64,
    "x" * 900,
)  # fmt: skip
_ABSURD: tuple[Any, ...] = (
    *_NUMBERS, *_TEXTS, None, True, 1.5, float("nan"), b"", b"\xff" * 9, [], {}, [[[[]]]], {"": ""},
    ["127.0.0.1", 0], ["::1", 65_536], ["127.0.0.1", 7_946], ["224.0.0.1", 9],
)  # fmt: skip
#: Openings that announce far more than follows, or never end.
BOMBS = (
    b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff",
    b"\xc9\xff\xff\xff\xff\x01", b"\x91" * 1_300, b"\x81\xa1a" * 400, b"\xdc\xff\xff", b"\xde\xff\xff", b"\xc1",
)  # fmt: skip


def mutated_frame(frame: bytes, rng: Random) -> bytes:
    """``frame`` damaged; most often its body alone, so that the header still opens the door."""
    choice = rng.random()
    if choice < 0.15:
        return mutated_bytes(frame, rng)
    head, body = frame[:HEADER_BYTES], frame[HEADER_BYTES:]
    if choice < 0.25:
        head = head[:-1] + bytes((rng.randrange(12),))
    if choice < 0.35:
        return head + rng.choice(BOMBS) + body[: rng.randrange(len(body) + 1)]
    if choice < 0.5:
        return head + mutated_bytes(body, rng)
    return head + mutated_body(body, rng)


def mutated_bytes(data: bytes, rng: Random) -> bytes:
    """A few bytes changed, a piece cut out, doubled or moved."""
    changed = bytearray(data or b"\0")
    for _ in range(rng.randrange(1, 4)):
        place = rng.randrange(len(changed) + 1)
        piece = changed[place : place + rng.randrange(1, 9)]
        match rng.randrange(4):
            case 0:
                changed[place : place + 1] = bytes((rng.randrange(256),))
            case 1:
                del changed[place : place + len(piece)]
            case 2:
                changed[place:place] = piece
            case _:
                changed[place:place] = rng.randbytes(rng.randrange(1, 5))
    return bytes(changed)


def mutated_body(body: bytes, rng: Random) -> bytes:
    """A MessagePack value with one to three parts replaced, doubled or left out; damaged bytes where it is none."""
    try:
        value = msgspec.msgpack.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return mutated_bytes(body, rng)
    for _ in range(rng.randrange(1, 4)):
        value = _changed(value, rng)
    try:
        return msgspec.msgpack.encode(value)
    except (OverflowError, msgspec.MsgspecError, RecursionError):
        return body


def _changed(value: Any, rng: Random) -> Any:
    if isinstance(value, list) and value and rng.random() < 0.9:
        parts = list(value)
        place = rng.randrange(len(parts))
        choice = rng.random()
        if choice < 0.06:
            del parts[place]
        elif choice < 0.12:
            parts[place:place] = [parts[place]] * rng.choice((1, 2, 9))
        else:
            parts[place] = _changed(parts[place], rng)
        return parts
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        return value | {key: _changed(value[key], rng)}
    if rng.random() < 0.15:
        return rng.choice(_ABSURD)
    match value:
        case bool():
            return not value
        case int():
            return rng.choice(_NUMBERS) if rng.random() < 0.5 else value + rng.choice((-1, 1, 2, 1_000))
        case str() if value and rng.random() < 0.5:
            return mutated_bytes(value.encode(), rng).decode(errors="replace")
        case str():
            return rng.choice(_TEXTS)
        case _:
            return rng.choice(_ABSURD)
