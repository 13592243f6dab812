"""Which overrides count at a node, and in which order."""

from __future__ import annotations

from collections.abc import Iterable

from pycluster.configs.names import SCOPES, Name
from pycluster.node.view import MemberView


def counts(name: Name, member: MemberView) -> bool:
    """Whether ``name``, an override, counts at ``member``."""
    match name.scope:
        case "node":
            return name.value == member.name
        case "zone":
            return bool(member.zone) and name.value == member.zone
        case "region":
            return bool(member.region) and name.value == member.region
        case "tag":
            key, _, value = name.value.partition("=")
            return member.tags.get(key) == value
        case None:
            return True


def ordered(names: Iterable[Name]) -> tuple[Name, ...]:
    """The entry itself, then region, zone, tags by their text, node: what stands later overrides what stands before."""
    return tuple(sorted(names, key=lambda name: (SCOPES.index(name.scope) if name.scope else -1, name.value)))
