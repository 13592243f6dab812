"""The verbs, and what a line without a verb means."""

from __future__ import annotations

import click

from pycluster.cli.command import Verbs
from pycluster.cli.given import Given, pass_given
from pycluster.cli.options import AGENT, FILTER, FORM, RUN, RUN_NAMES, WATCH, YES, hidden, takes

#: A shell sets it when it asks for completions.
COMPLETION_VARIABLE = "_PYCLUSTER_COMPLETE"

PLACES = {
    "agent": "pycluster.cli.running:agent",
    "status": "pycluster.cli.cluster:status",
    "members": "pycluster.cli.members:members",
    "leader": "pycluster.cli.leadership:leader",
    "explain": "pycluster.cli.leadership:explain",
    "health": "pycluster.cli.cluster:health",
    "info": "pycluster.cli.cluster:info",
    "monitor": "pycluster.cli.events:monitor",
    "rtt": "pycluster.cli.reach:rtt",
    "reachability": "pycluster.cli.reach:reachability",
    "tags": "pycluster.cli.members:tags",
    "join": "pycluster.cli.membership:join",
    "leave": "pycluster.cli.membership:leave",
    "force-leave": "pycluster.cli.membership:force_leave",
    "raft": "pycluster.cli.seats:raft",
    "kv": "pycluster.cli.keys:kv",
    "config": "pycluster.cli.configs:config",
    "lease": "pycluster.cli.leases:lease",
    "state": "pycluster.cli.migration:state",
    "snapshot": "pycluster.cli.snapshots:snapshot",
    "recover": "pycluster.cli.recovery:recover",
    "lock": "pycluster.cli.claims:lock",
    "elect": "pycluster.cli.claims:elect",
    "settings": "pycluster.cli.configuration:settings",
    "demo": "pycluster.cli.demo:demo",
    "version": "pycluster.cli.itself:version",
    "completion": "pycluster.cli.itself:completion",
}


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from pycluster import __version__

        click.echo(f"pycluster {__version__}")
        ctx.exit()


@click.group(
    "pycluster",
    cls=Verbs,
    places=PLACES,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "-help", "--help"], "max_content_width": 120},
    epilog="pycluster VERB --help describes a verb. Without a verb but with an agent's flags, an agent runs.",
)
@takes(*AGENT, *FORM, WATCH, FILTER, YES, *hidden(*RUN))
@click.option(
    "-version", "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Version."
)
@pass_given
@click.pass_context
def program(ctx: click.Context, given: Given) -> int:
    """A lightweight distributed cluster manager: one small agent per node."""
    if ctx.invoked_subcommand is not None:
        return 0
    if not given.options:
        click.echo(ctx.get_help())
        return 0
    if not given.options.keys() & (RUN_NAMES | {"config", "name", "data_dir"}):
        raise click.UsageError("a verb is missing", ctx)
    from pycluster.cli.running import agent

    with agent.make_context("agent", [], parent=ctx) as below:
        code: int = agent.invoke(below)
    return code
