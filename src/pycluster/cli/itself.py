"""``version`` and ``completion``."""

from __future__ import annotations

import platform

import click
import msgspec

from pycluster import __version__
from pycluster.cli import targets
from pycluster.cli.command import Verb
from pycluster.cli.exits import Exit
from pycluster.cli.given import Given, pass_given
from pycluster.cli.options import AGENT, FORM, takes
from pycluster.cli.output import Printer
from pycluster.kernel.build import COMPILED
from pycluster.kernel.errors import PyClusterError
from pycluster.node.view import VersionView

_AGENT_S = 2.0


class Versions(msgspec.Struct):
    """This program's version and, where one answers, the agent's."""

    version: str
    python: str
    agent: VersionView | None
    compiled: bool = False


def _python(found: Versions | VersionView) -> str:
    return f"{found.python}, compiled" if found.compiled else found.python


@click.command("version", cls=Verb)
@takes(*AGENT, *FORM)
@pass_given
def version(given: Given) -> int:
    """The version of this program, and of the agent."""
    printer = Printer(given)
    try:
        agent = targets.client(given, _AGENT_S).version()
        missing = ""
    except PyClusterError as error:
        agent, missing = None, str(error)
    found = Versions(__version__, platform.python_version(), agent, COMPILED)

    def lines() -> list[str]:
        shown = [f"pycluster {found.version} (Python {_python(found)})"]
        if agent is not None:
            low, high = agent.protocol
            spoken = str(low) if low == high else f"{low} to {high}"
            shown.append(f"agent {agent.version} (Python {_python(agent)}, protocol {spoken}, API {agent.api})")
        return shown

    printer.answer(found, lines=lines, names=[found.version])
    asked = given.options.keys() & {"addr", "data_dir", "config", "name"}
    if missing and asked:
        printer.note(f"the agent's version is not known: {missing}")
    return Exit.DONE


@click.command("completion", cls=Verb)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@pass_given
def completion(given: Given, shell: str) -> int:
    """Print the completion script of a shell. Use it with `eval "$(pycluster completion bash)"`."""
    from click.shell_completion import get_completion_class

    from pycluster.cli.program import COMPLETION_VARIABLE, program

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"{shell} is not known")
    click.echo(kind(program, {}, "pycluster", COMPLETION_VARIABLE).source())
    return Exit.DONE
