"""What nodes get of several overrides together: judged before one of them is accepted, for the nodes that there are."""

from __future__ import annotations

from collections.abc import Iterable

from pycluster.configs.changes import Seen, Target, in_force
from pycluster.configs.merging import ordered
from pycluster.configs.names import Name, parse
from pycluster.judging import Case
from pycluster.node.view import MemberView


def beside(names: Iterable[Name]) -> tuple[tuple[bytes, bytes], ...]:
    """The intervals of keys that have to be looked at for it, besides what a change of ``names`` depends on."""
    return tuple({name.overrides: None for name in names if name.scope is not None})


def cases(found: tuple[Target, ...], seen: Seen, members: Iterable[MemberView]) -> tuple[Case, ...]:
    """Each stack of two overrides or more that a member gets and the change has part in, once, named after the member.

    An override alone on its entry is another case (``changes.cases``).
    """
    now = in_force(found, seen)
    touched = {target.name.text for target in found if target.action != "unchanged"}
    overrides: dict[str, dict[tuple[str, str], Name]] = {}
    for name in map(parse, now):
        if name.scope is not None and now[name.text].format != "text":
            overrides.setdefault(name.path, {})[name.scope, name.value] = name
    several = {path: known for path, known in overrides.items() if len(known) > 1}
    result: dict[tuple[str, ...], Case] = {}
    for member in members if several else ():
        places = _places(member)
        for path, known in several.items():
            stack = ordered(known[place] for place in places if place in known)
            texts = tuple(name.text for name in stack)
            if len(stack) < 2 or texts in result or member.state == "left":
                continue
            schemas = tuple(one for one in stack[0].schemas if one.text in now)
            if touched.isdisjoint((path, *texts, *(one.text for one in schemas))):
                continue
            layers = [now[text] for text in ((path,) if path in now else ()) + texts]
            result[texts] = Case(
                f"{path} at {member.name}",
                layers[-1].format,
                tuple(one.content for one in layers),
                tuple((one.text, now[one.text].format, now[one.text].content) for one in schemas),
            )
    return tuple(result.values())


def _places(member: MemberView) -> list[tuple[str, str]]:
    """The overrides that count there, by scope and value: as ``merging.counts`` says, without asking each of them."""
    tags = [("tag", f"{key}={value}") for key, value in member.tags.items()]
    return [("region", member.region), ("zone", member.zone), *tags, ("node", member.name)]
