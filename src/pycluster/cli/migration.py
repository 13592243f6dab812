"""``state``: what holds the replicated state, and the way from one to the other."""

from __future__ import annotations

import asyncio
import os
import socket

import click

from pycluster.agent.engine import etcd
from pycluster.agent.migration import Migrated, Migration, Side
from pycluster.agent.sides import AgentSide
from pycluster.cli import targets
from pycluster.cli.command import Verb, Verbs
from pycluster.cli.exits import Exit
from pycluster.cli.given import Given, pass_given
from pycluster.cli.options import AGENT, DRY_RUN, FORM, takes
from pycluster.cli.output import Printer
from pycluster.client.state import AsyncStateClient
from pycluster.kernel.errors import LocalMisuse, Refused, RemoteFault
from pycluster.node.ports import StateFailed, StateHead
from pycluster.settings import Settings, load

PLACES = {"migrate": "pycluster.cli.migration:migrate"}
#: A state of the largest size takes less between two answers.
_PATIENCE_S = 60.0


@click.group("state", cls=Verbs, places=PLACES, no_args_is_help=False)
@takes(*AGENT, *FORM)
def state() -> None:
    """The replicated state as a whole, and what holds it."""


@click.command("migrate", cls=Verb)
@takes(*AGENT, *FORM, DRY_RUN)
@click.option(
    "-to", "--to", type=click.Choice(("etcd", "embedded")), required=True, help="Which engine gets the state."
)
@click.option("-force", "--force", is_flag=True, help="Delete what the target has and the source has not.")
@pass_given
def migrate(given: Given, to: str, force: bool) -> int:
    """Copy every key and lease between the agents' own state and the etcd that [state] names, at one revision.

    The agents run with engine = embedded meanwhile. Stop who writes first: what is written later is not carried, nor
    are older values, revisions and versions. One that broke off goes on when it is run again.
    """
    printer = Printer(given)
    flags = {name: given.text(name) for name in ("name", "data_dir") if given.text(name)}
    settings = load(given.config(os.environ), os.environ, flags, socket.gethostname()).settings
    if not settings.state_endpoints:
        raise LocalMisuse("no etcd is named", remedy="write endpoints = https://HOST:2379, ... under [state]")
    status = targets.client(given).status()
    if status.engine.kind != "embedded":
        raise Refused(
            f"{status.name} does not keep the state itself",
            why=f"its engine is {status.engine.kind}",
            remedy="start the agents with engine = embedded; endpoints may stay",
        )
    try:
        done = asyncio.run(_migrate(given, to, force, settings))
    except StateFailed as failed:
        raise RemoteFault(
            "the migration stopped", why=str(failed), remedy="run it again: it goes on where it was"
        ) from None
    would = "would be " if done.dry_run else ""

    def lines() -> list[str]:
        told = printer.facts(
            [
                (
                    "Keys",
                    f"{done.keys} of revision {done.revision}: {done.put} {would}written, {done.kept} there already",
                ),
                ("Deleted", f"{done.deleted} that the source does not have" if done.deleted else ""),
                ("Leases", f"{done.leases}, each with its whole time"),
                ("Not carried", "older values, revisions and versions: each key begins anew"),
                ("Target", f"revision {done.target_revision}" if done.target_revision else ""),
                ("Hash", f"equal, sha256 {done.sha256}" if done.sha256 else ""),
                ("Later", (f"{done.later} revisions, not carried", "yellow") if done.later else ""),
            ]
        )
        if not done.dry_run:
            told += ["", f"Now set engine = {to} under [state] on every node, and start the agents anew."]
        return told

    printer.answer(done, lines=lambda: [] if printer.quiet else lines(), names=[done.sha256])
    return Exit.DONE


async def _migrate(given: Given, to: str, force: bool, settings: Settings) -> Migrated:
    endpoint, _ = targets.chosen(given)
    agents: Side = AgentSide(AsyncStateClient(endpoint, _PATIENCE_S))
    # Nobody asks it for a head.
    theirs = etcd(settings, lambda: StateHead(0, 0, 0, 0, 0, 0, 0, 0, False))
    source, target = (agents, theirs) if to == "etcd" else (theirs, agents)
    try:
        return await Migration(source, target, dry_run=given.switch("dry_run"), force=force).run()
    finally:
        theirs.close()
