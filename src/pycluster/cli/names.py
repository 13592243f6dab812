"""Nodes' names on the command line: completed by the shell, and corrected."""

from __future__ import annotations

from typing import Any

import click
from click.shell_completion import CompletionItem

from pycluster.cli.command import did_you_mean
from pycluster.cli.exits import NothingFound
from pycluster.cli.given import Given
from pycluster.client import Client
from pycluster.kernel.errors import PyClusterError
from pycluster.node.view import MemberView

_COMPLETION_S = 1.0


class MemberName(click.ParamType):
    """The name of a node; the agent completes it."""

    name = "NODE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The word itself."""
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The members' names, where an agent answers at once."""
        from pycluster.cli import targets

        given = ctx.find_object(Given) or Given()
        try:
            known = targets.client(given, _COMPLETION_S).members()
        except PyClusterError:
            return []
        return [CompletionItem(member.name) for member in known if member.name.startswith(incomplete)]


def check_member(asked: Client, name: str) -> MemberView:
    """The member of that name; raises ``NothingFound`` with the nearest name."""
    known = {member.name: member for member in asked.members()}
    if name in known:
        return known[name]
    remedy = did_you_mean(name, known) or "pycluster members lists the known ones"
    raise NothingFound(f"no node named {name!r} is known to this agent", remedy=remedy)
