"""One version of one key, packed: what the store keeps most of, so it is one object without any structure.

A put is 32 bytes of numbers and the value; a deletion is the 8 bytes of its revision.
"""

from __future__ import annotations

from struct import Struct

from pycluster.store.model import KeyValue

_PUT = Struct("<qqqq")
_MOD = Struct("<q")
_DELETION_BYTES = _MOD.size
#: What a version costs besides its key and value: the objects, its share of the indexes and of the history.
OVERHEAD_BYTES = 128


def packed_put(mod: int, create: int, version: int, attached: int, contents: bytes) -> bytes:
    """A key with a value."""
    return _PUT.pack(mod, create, version, attached) + contents


def packed_deletion(mod: int) -> bytes:
    """A key that is gone."""
    return _MOD.pack(mod)


def is_deletion(packed: bytes) -> bool:
    """Whether the key is gone with this version."""
    return len(packed) == _DELETION_BYTES


def numbers(packed: bytes) -> tuple[int, int, int, int]:
    """Of a put: mod revision, create revision, version, lease."""
    return _PUT.unpack_from(packed)


def mod_revision(packed: bytes) -> int:
    """The revision that made this version."""
    number: int = _MOD.unpack_from(packed)[0]
    return number


def value(packed: bytes) -> bytes:
    """Of a put."""
    return packed[_PUT.size :]


def value_bytes(packed: bytes) -> int:
    """The length of a put's value; 0 for a deletion."""
    return max(0, len(packed) - _PUT.size)


def size_bytes(key: bytes, packed: bytes) -> int:
    """What the version counts for in the size of the state."""
    return len(key) + value_bytes(packed) + OVERHEAD_BYTES


def lease(packed: bytes | None) -> int:
    """What the key is attached to with this version; 0 for nothing, a deletion, or no version at all."""
    return 0 if packed is None or is_deletion(packed) else numbers(packed)[3]


def key_value(key: bytes, packed: bytes) -> KeyValue:
    """A put as others see it."""
    mod, create, version, attached = _PUT.unpack_from(packed)
    return KeyValue(key, packed[_PUT.size :], create, mod, version, attached)


def well_formed(packed: bytes) -> bool:
    """Whether bytes from elsewhere can be a version at all."""
    return len(packed) == _DELETION_BYTES or len(packed) >= _PUT.size
