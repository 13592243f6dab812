"""What SIGHUP changes: the nodes and the tags. Everything else waits for a restart, and is named."""

from __future__ import annotations

import msgspec

from pycluster.settings import Loaded, effective

_TAKEN = ("nodes.", "tags.")


def taken_over(running: Loaded, fresh: Loaded) -> Loaded:
    """The settings that hold from now on, each with its source."""
    settings = msgspec.structs.replace(running.settings, seeds=fresh.settings.seeds, tags=fresh.settings.tags)
    kept = {name: source for name, source in running.sources.items() if not name.startswith(_TAKEN)}
    new = {name: source for name, source in fresh.sources.items() if name.startswith(_TAKEN)}
    return msgspec.structs.replace(running, settings=settings, sources=kept | new, warnings=fresh.warnings)


def left_out(running: Loaded, fresh: Loaded) -> list[str]:
    """The names of the settings that differ and need a restart."""
    old, new = effective(running), effective(fresh)
    changed = {name for name in old.keys() | new.keys() if _value(old, name) != _value(new, name)}
    hooks = {hook.name: hook for hook in running.settings.hooks}
    changed |= {f"hook.{hook.name}" for hook in fresh.settings.hooks if hooks.get(hook.name) != hook}
    rendered = {one.name: one for one in running.settings.templates}
    changed |= {f"template.{one.name}" for one in fresh.settings.templates if rendered.get(one.name) != one}
    return sorted(name for name in changed if not name.startswith(_TAKEN))


def _value(shown: dict[str, object], name: str) -> object:
    one = shown.get(name)
    return one["value"] if isinstance(one, dict) else None
