"""``lock`` and ``elect``: run a command while this process holds something that only one may."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Callable

import click

from pycluster.cli import targets
from pycluster.cli.command import Verb
from pycluster.cli.exits import Exit, printable
from pycluster.cli.given import Given, pass_given
from pycluster.cli.keys import cell, text
from pycluster.cli.leases import whole_seconds
from pycluster.cli.options import AGENT, FORM, seconds, takes
from pycluster.cli.output import Printer
from pycluster.cli.readers import end_with_reader
from pycluster.client import Lost
from pycluster.client.claims import AsyncClaim
from pycluster.client.state import AsyncStateClient
from pycluster.kernel.errors import PyClusterError
from pycluster.node.keyviews import KeyValueView

#: After SIGTERM a command has this long to end before SIGKILL.
_GRACE_S = 10.0
#: Of ``linux/prctl.h``: the signal that a process gets when the thread that made it is gone.
_PR_SET_PDEATHSIG = 1
#: As shells say it.
_NOT_EXECUTABLE, _NOT_FOUND, _SIGNALLED = 126, 127, 128

TTL = click.option(
    "-ttl", "--ttl", type=whole_seconds, default="10s", metavar="TIME", help="How long it outlives this process (10s)."
)
WAIT = click.option("-wait", "--wait", type=seconds, metavar="TIME", help="Give up after that; else wait for ever.")
COMMAND = click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")


@click.command("lock", cls=Verb)
@takes(*AGENT, *FORM)
@TTL
@WAIT
@click.argument("called", metavar="NAME")
@COMMAND
@pass_given
def lock(given: Given, called: str, command: tuple[str, ...], ttl: int, wait: float | None) -> int:
    """Run a command while holding a lock, and end as it does. Without a command: hold it until Ctrl-C.

    PYCLUSTER_LOCK_TOKEN in its environment rises from holder to holder (fencing). When the lock is lost, the command is
    sent SIGTERM, and the verb ends with 1.
    """
    client = AsyncStateClient(*targets.chosen(given))
    claim = client.lock(os.fsencode(called), ttl, wait_s=wait)
    return asyncio.run(_hold(Printer(given), claim, command, f"the lock {called} is held"))


@click.command("elect", cls=Verb)
@takes(*AGENT, *FORM)
@TTL
@WAIT
@click.option("-value", "--value", metavar="TEXT", help="What the leader says of itself (the host's name).")
@click.option("-observe", "--observe", is_flag=True, help="Do not stand; print who leads, whenever that changes.")
@click.argument("called", metavar="NAME")
@COMMAND
@pass_given
def elect(
    given: Given, called: str, command: tuple[str, ...], ttl: int, wait: float | None, value: str | None, observe: bool
) -> int:
    """Run a command while leading, and end as it does. Without a command: lead until Ctrl-C.

    PYCLUSTER_LOCK_TOKEN in its environment rises from leader to leader (fencing). When the election is lost, the
    command is sent SIGTERM, and the verb ends with 1.
    """
    client, printer = AsyncStateClient(*targets.chosen(given)), Printer(given)
    if observe:
        if command or value is not None or wait is not None:
            raise click.UsageError("-observe stands alone: it does not take part")
        end_with_reader()
        return asyncio.run(_observe(printer, client, os.fsencode(called)))
    said = os.fsencode(socket.gethostname() if value is None else value)
    claim = client.elect(os.fsencode(called), said, ttl, wait_s=wait)
    return asyncio.run(_hold(printer, claim, command, f"{called} is led"))


async def _observe(printer: Printer, client: AsyncStateClient, name: bytes) -> int:
    async for leader in client.elect(name).observe():
        shown = None if leader is None else KeyValueView.of(leader)
        line = "nobody leads" if leader is None else cell(leader.value)
        names = [] if leader is None else [line]
        printer.answer(shown, lines=[printable(line)].copy, names=names)
    return Exit.DONE


async def _hold(printer: Printer, claim: AsyncClaim, command: tuple[str, ...], done: str) -> int:
    """Hold the claim while the command runs; gives the exit code."""
    loop, own = asyncio.get_running_loop(), asyncio.current_task()
    assert own is not None
    stopped: list[int] = []

    def stop(number: int) -> None:
        stopped.append(number)
        own.cancel()

    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop, number)
    code: int | None = None
    try:
        async with claim:
            if command:
                code = await _run(claim, command)
                return code
            key = text(claim.key)
            shown = {"key": key, "token": claim.token}
            printer.answer(shown, lines=lambda: [printable(f"{done}, token {claim.token}")], names=[key])
            await claim.lost()
            return Exit.FAILED
    except asyncio.CancelledError:
        if not stopped:
            raise
        return _SIGNALLED + stopped[0]
    except PyClusterError as error:
        if code is None or isinstance(error, Lost):
            raise
        # how the command ended counts, and nothing is lost by this
        why = f"{text(claim.key)} was not given back, and ends by itself within {claim.ttl_s} s: {error}"
        print(printable(why), file=sys.stderr)
        return code


async def _run(claim: AsyncClaim, command: tuple[str, ...]) -> int:
    token = str(claim.token)
    environment = {**os.environ, "PYCLUSTER_LOCK_TOKEN": token, "PYCLUSTER_LOCK_KEY": os.fsdecode(claim.key)}
    try:
        process = await asyncio.create_subprocess_exec(*command, env=environment, preexec_fn=_ends_with_us())
    except OSError as error:
        print(f"cannot run {command[0]}: {error.strerror}", file=sys.stderr)
        return _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_EXECUTABLE
    ended, lost = asyncio.ensure_future(process.wait()), asyncio.ensure_future(claim.lost())
    try:
        _pass_on(process)
        await asyncio.wait((ended, lost), return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            await _end(process)
    except BaseException:
        # such as a signal that came while the command was begun: the claim is given back, and no command may outlive it
        await _end(process)
        raise
    finally:
        lost.cancel()
        await asyncio.gather(lost, return_exceptions=True)
    code = await ended
    return code if code >= 0 else _SIGNALLED - code


def _ends_with_us() -> Callable[[], None]:
    """What has a new process sent SIGTERM when we are killed and can tell it nothing, as nobody renews the claim then.

    It is bound to the thread that makes the process: ours is the main one, which ends with all of us.
    """
    ask, us = ctypes.CDLL(None).prctl, os.getpid()
    terminated = ctypes.c_ulong(signal.SIGTERM)

    def bind() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # it is not to be taken by what handles ours
        ask(_PR_SET_PDEATHSIG, terminated)
        if os.getppid() != us:  # killed already, before this was asked for
            os._exit(_SIGNALLED + signal.SIGTERM)

    return bind


def _pass_on(process: Process) -> None:
    """What would end this process ends the command, and with it this one. A terminal tells the command by itself."""
    loop = asyncio.get_running_loop()

    def tell(number: int) -> None:
        if process.returncode is None:
            process.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, tell, number)
    again = False

    def interrupted() -> None:
        nonlocal again
        # The first may come from the terminal, which tells the command, too; who sent it is not to be seen.
        if again or not _in_foreground():
            tell(signal.SIGINT)
        again = True

    loop.add_signal_handler(signal.SIGINT, interrupted)


def _in_foreground() -> bool:
    """Whether a terminal's Ctrl-C goes to all of our process group, wherever standard input comes from."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


async def _end(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has ended
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _GRACE_S)
        except TimeoutError:
            process.kill()
