"""Nodes' names on the command line: completed by the shell, and corrected."""

from __future__ import annotations

import click

from pycluster.cli.command import did_you_mean
from pycluster.cli.exits import NothingFound
from pycluster.cli.given import Given
from pycluster.client import Client
from pycluster.kernel.errors import PyClusterError
from pycluster.node.view import MemberView

_COMPLETION_S = 1.0
_KEYS_MAX = 1_000


def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The members' names that begin so, where an agent answers at once."""
    from pycluster.cli import targets

    given = ctx.find_object(Given) or Given()
    try:
        known = targets.client(given, _COMPLETION_S).members()
    except PyClusterError:
        return []
    return [member.name for member in known if member.name.startswith(incomplete)]


def check_member(asked: Client, name: str) -> MemberView:
    """The member of that name; raises ``NothingFound`` with the nearest name."""
    known = {member.name: member for member in asked.members()}
    if name in known:
        return known[name]
    remedy = did_you_mean(name, known) or "pycluster members lists the known ones"
    raise NothingFound(f"no node named {name!r} is known to this agent", remedy=remedy)


def complete_key(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The keys that begin so, up to the next ``/``, where an agent answers at once."""
    from pycluster.cli import targets
    from pycluster.client.blocking import StateClient

    given = ctx.find_object(Given) or Given()
    try:
        with StateClient(*targets.chosen(given, _COMPLETION_S)) as asked:
            found = asked.list(incomplete, limit=_KEYS_MAX, keys_only=True, serializable=True).kvs
    except PyClusterError:
        return []
    keys = [kv.key.decode() for kv in found if kv.key.decode(errors="ignore").encode() == kv.key]
    place = len(incomplete)
    return list(dict.fromkeys(key[: key.find("/", place) + 1 or len(key)] for key in keys))


def complete_entry(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The configuration entries that begin so, where an agent answers at once."""
    from pycluster.cli import targets
    from pycluster.client.blocking import StateClient

    given = ctx.find_object(Given) or Given()
    try:
        with StateClient(*targets.chosen(given, _COMPLETION_S)) as asked:
            return [entry.name for entry in asked.configs.list(incomplete)]
    except PyClusterError:
        return []


def complete_lease(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The leases that begin so, where an agent answers at once."""
    from pycluster.cli import targets
    from pycluster.client.blocking import StateClient
    from pycluster.node.keyviews import lease_text

    given = ctx.find_object(Given) or Given()
    try:
        with StateClient(*targets.chosen(given, _COMPLETION_S)) as asked:
            return [text for text in map(lease_text, asked.leases()) if text.startswith(incomplete)]
    except PyClusterError:
        return []
