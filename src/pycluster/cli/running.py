"""``agent``. It imports nothing that a running agent does not need."""

from __future__ import annotations

import os
import socket

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

    _occupy_closed_descriptors()
    return run(read(), read)


def _occupy_closed_descriptors() -> None:
    """Started with a closed stdout, the first file opened would be stdout, and get what the console says."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != descriptor:
                os.dup2(nowhere, descriptor)
                os.close(nowhere)
