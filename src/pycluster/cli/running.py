"""``agent``. It imports nothing that a running agent does not need."""

from __future__ import annotations

import os
import socket
import sys

import click

from pycluster.cli.command import Verb
from pycluster.cli.given import Given, pass_given
from pycluster.cli.options import PLACE, RUN, takes

#: What the settings take of the command line; ``config`` is the file itself.
_FLAGS = ("name", "data_dir", *(str(option.name) for option in RUN))


@click.command("agent", cls=Verb)
@takes(*PLACE, *RUN)
@pass_given
def agent(given: Given) -> int:
    """Run an agent in the foreground until SIGTERM or Ctrl-C."""
    from pycluster.agent import run
    from pycluster.settings import Loaded, load

    flags = {name: given.options[name] for name in _FLAGS if name in given.options}
    path = given.text("config") or None

    def read() -> Loaded:
        return load(path, os.environ, flags, socket.gethostname())

    _unwatched_output()
    return run(read(), read)


def _unwatched_output() -> None:
    """An agent outlives whoever started it: a closed stdout or stderr becomes one that swallows everything."""
    for descriptor in (1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            if nowhere != descriptor:
                os.dup2(nowhere, descriptor)
                os.close(nowhere)
    sys.stdout = sys.stdout or open(os.devnull, "w")
    sys.stderr = sys.stderr or open(os.devnull, "w")
