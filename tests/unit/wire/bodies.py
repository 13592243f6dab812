"""Any body that can travel, drawn from the types themselves: a new message needs no new test to be covered."""

from __future__ import annotations

from typing import Any

import msgspec.inspect
from hypothesis import strategies as st

from pycluster.consensus import LeaderQuery
from pycluster.wire import (
    Body,
    Gossip,
    MembershipCall,
    Refusal,
    SteeringReply,
    SteeringRequest,
    VoterMessage,
    Whois,
)

KINDS: tuple[type[Body], ...] = (
    Gossip,
    MembershipCall,
    LeaderQuery,
    Whois,
    VoterMessage,
    Refusal,
    SteeringRequest,
    SteeringReply,
)


def bodies(kind: type[Body]) -> st.SearchStrategy[Any]:
    """Every value of one kind of body."""
    return values(msgspec.inspect.type_info(kind))


def values(
    of: msgspec.inspect.Type,
    text: st.SearchStrategy[str] | None = None,
    numbers: st.SearchStrategy[int] | None = None,
) -> st.SearchStrategy[Any]:
    """Every value of a type within what its decoder lets through, or with ``text`` and ``numbers`` only."""
    match of:
        case msgspec.inspect.StructType(cls=cls, fields=fields):
            return st.builds(cls, **{field.name: values(field.type, text, numbers) for field in fields})
        case msgspec.inspect.UnionType(types=types):
            return st.one_of([values(one, text, numbers) for one in types])
        case msgspec.inspect.VarTupleType(item_type=item, max_length=most):
            return st.lists(values(item, text, numbers), max_size=min(most or 3, 3)).map(tuple)
        case msgspec.inspect.DictType(key_type=key, value_type=value):
            return st.dictionaries(values(key, text, numbers), values(value, text, numbers), max_size=3)
        case msgspec.inspect.StrType(max_length=most):
            return st.text(max_size=min(most or 20, 20)) if text is None else text
        case msgspec.inspect.IntType(ge=least, le=most):
            if numbers is not None:
                return numbers
            return st.integers(-(2**63) if least is None else least, 2**63 - 1 if most is None else most)
        case msgspec.inspect.LiteralType(values=words):
            return st.sampled_from(words)
        case msgspec.inspect.BytesType():
            return st.binary(max_size=20)
        case msgspec.inspect.BoolType():
            return st.booleans()
        case msgspec.inspect.NoneType():
            return st.none()
    raise AssertionError(f"a field of a type that no message had so far: {of}")
