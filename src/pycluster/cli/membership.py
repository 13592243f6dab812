"""``join``, ``leave`` and ``force-leave``."""

from __future__ import annotations

import click

from pycluster.cli import targets
from pycluster.cli.command import Verb
from pycluster.cli.given import Given, pass_given
from pycluster.cli.names import check_member, complete
from pycluster.cli.options import AGENT, FORM, YES, takes
from pycluster.cli.output import Printer
from pycluster.cli.reporting import outcome
from pycluster.cli.streams import attended
from pycluster.kernel.errors import Refused


def sure(given: Given, question: str) -> None:
    """Ask on a terminal unless ``-y`` was given; raises ``Refused`` on a no."""
    if not given.switch("yes") and attended() and not click.confirm(question, err=True):
        raise Refused("nothing was changed")


@click.command("join", cls=Verb)
@takes(*AGENT, *FORM)
@click.argument("hosts", nargs=-1, required=True, metavar="HOST[:PORT]...")
@pass_given
def join(given: Given, hosts: tuple[str, ...]) -> int:
    """Let the agent contact these hosts too."""
    asked = targets.client(given, targets.CHANGE_S)
    return outcome(Printer(given), asked.join(hosts), f"the agent contacts {', '.join(hosts)}")


@click.command("leave", cls=Verb)
@takes(*AGENT, *FORM, YES)
@pass_given
def leave(given: Given) -> int:
    """Give up the seat for good, say goodbye, stop. Stopping the agent by a signal keeps the seat."""
    asked = targets.client(given, targets.CHANGE_S)
    sure(given, "Give up this node's seat for good, and stop its agent?")
    return outcome(Printer(given), asked.leave(), "the agent left and stops")


@click.command("force-leave", cls=Verb)
@takes(*AGENT, *FORM, YES)
@click.argument("node", shell_complete=complete, metavar="NODE")
@pass_given
def force_leave(given: Given, node: str) -> int:
    """Count a node that is down as one that left."""
    asked = targets.client(given, targets.CHANGE_S)
    check_member(asked, node)
    sure(given, f"Count {node} as one that left?")
    return outcome(Printer(given), asked.force_leave(node), f"{node} counts as left")
