"""``agent``. It imports nothing that a running agent does not need."""

from __future__ import annotations

import os
import signal
import socket
import sys
from typing import NoReturn

import click
import msgspec

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
    from pycluster.settings import Judge, Loaded, SettingsError, load

    flags = {name: given.options[name] for name in _FLAGS if name in given.options}
    path = given.config(os.environ)

    def read(judge: Judge | None = None) -> Loaded:
        return load(path, os.environ, flags, socket.gethostname(), judge)

    try:
        loaded = read()
    except SettingsError:
        from pycluster.agent import judge

        loaded = read(judge)  # raises again, with what is wrong with the parameters too
    _occupy_closed_descriptors()
    if given.own_process and sys.executable:
        _become_agent(path or "", flags)
    from pycluster.agent import run

    return run(loaded, read)


#: For the C library's allocator, which reads it only at start. Large answers are mapped, and unmapped when they are
#: sent; left to itself it learns to keep what they took.
_ALLOCATOR = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "262144"}


def _become_agent(path: str, flags: dict[str, object]) -> NoReturn:
    """Replace this process: an agent runs for months, and needs neither the command line's libraries nor more than one
    arena of the C library's allocator. That saves 2 MiB of 38."""
    words = msgspec.json.encode({**flags, "config": path}).decode()
    # "-m" would look for modules in the working directory first: only where this program itself came from there.
    here = os.path.join(os.getcwd(), "pycluster")
    from_here = not sys.flags.safe_path and os.path.realpath(__file__).startswith(here)
    python = [sys.executable, *([] if from_here else ["-P"]), "-m", "pycluster.agent", words]
    # What comes while it loads waits until it can be obeyed.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    os.execve(sys.executable, python, {**_ALLOCATOR, **os.environ})


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
            else:
                os.set_inheritable(nowhere, True)
