"""One child process with a time limit: minimal environment, no input, its own process group, its last words kept."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from typing import Any

#: Bytes of output kept to say why a command failed; the rest is read and forgotten.
_KEPT_BYTES = 2_000
#: Of it, so many lines of so many characters are told.
_LINES, _LINE_MAX = 3, 250
#: Between the polite signal and the other one.
_GRACE_S = 2.0
#: After that one. What hangs in the kernel, as on a mount whose server is gone, ends once that answers: not our affair.
_KILLED_S = 5.0
#: For the rest of its output, after it ended.
_LAST_WORDS_S = 0.5
#: What there is nothing to be signalled in: it is gone, or another user's.
_NOT_OURS = (ProcessLookupError, PermissionError)


class Child:
    """A command; ``run`` once. Where it has to be ended, its whole process group is."""

    def __init__(self, command: tuple[str, ...], environment: dict[str, str], timeout_s: float) -> None:
        self._command = command
        self._environment = environment
        self._timeout_s = timeout_s
        self._told_to_end = asyncio.Event()

    @property
    def cut_short(self) -> bool:
        """Whether it was told to end early."""
        return self._told_to_end.is_set()

    def terminate(self) -> None:
        """End it early."""
        self._told_to_end.set()

    async def _start(self) -> tuple[asyncio.SubprocessTransport, _Watch]:
        return await asyncio.get_running_loop().subprocess_exec(
            _Watch,
            *self._command,
            env=self._environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    async def run(self) -> str:
        """Run it to its end; empty, or what went wrong in one line."""
        if self._told_to_end.is_set():
            return ""
        starting = asyncio.ensure_future(self._start())
        try:
            transport, watch = await asyncio.shield(starting)
        except OSError as error:
            return f"{self._command[0]} cannot be run: {error.strerror or error}"
        except asyncio.CancelledError:
            with contextlib.suppress(OSError):
                transport, watch = await starting
                await _broken_off(transport, watch)
            raise
        ending = asyncio.ensure_future(self._told_to_end.wait())
        either: set[asyncio.Future[Any]] = {ending, watch.exited}
        try:
            await asyncio.wait(either, timeout=self._timeout_s, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await _broken_off(transport, watch)
            raise
        finally:
            ending.cancel()
        late = not watch.exited.done()
        if late:
            await _end(transport.get_pid(), watch.exited)
        # What the command left running in the background may hold its output open for ever; the rest is not ours.
        await asyncio.wait({watch.silent}, timeout=_LAST_WORDS_S)
        _let_go(transport)
        if not watch.exited.done():
            return "it does not end, and this user may not end it, or it hangs in the kernel"
        if late:
            return "" if self.cut_short else f"it did not end within {self._timeout_s:g} s and was stopped"
        code = transport.get_returncode() or 0
        if code == 0:
            return ""
        how = f"exit code {code}" if code > 0 else f"killed by signal {-code}"
        words = watch.last_words()
        return f"{how}: {words}" if words else how


async def _broken_off(transport: asyncio.SubprocessTransport, watch: _Watch) -> None:
    """Whoever wanted it goes, the agent itself perhaps: nobody would end it after that."""
    try:
        await _end(transport.get_pid(), watch.exited)
    finally:
        _let_go(transport)


async def _end(pid: int, exited: asyncio.Future[None], grace_s: float = _GRACE_S, killed_s: float = _KILLED_S) -> None:
    """Both signals; the other one at once where whoever waits for it has no time left either. What has become another
    user's, as by ``sudo``, cannot be ended, and is left.
    """
    with contextlib.suppress(*_NOT_OURS):
        os.killpg(pid, signal.SIGTERM)
    try:
        await asyncio.wait({exited}, timeout=grace_s)
    finally:
        if not exited.done():
            with contextlib.suppress(*_NOT_OURS):
                os.killpg(pid, signal.SIGKILL)
    await asyncio.wait({exited}, timeout=killed_s)


def _let_go(transport: asyncio.SubprocessTransport) -> None:
    output = transport.get_pipe_transport(1)
    if output is not None:
        output.close()
    with contextlib.suppress(*_NOT_OURS):  # it kills what still runs
        transport.close()


class _Watch(asyncio.SubprocessProtocol):
    """The end of what a command prints, and of itself."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[None] = loop.create_future()
        #: Nobody holds the output open any more.
        self.silent: asyncio.Future[None] = loop.create_future()
        self._kept = b""

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._kept = (self._kept + data)[-_KEPT_BYTES:]

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if not self.silent.done():
            self.silent.set_result(None)

    def process_exited(self) -> None:
        if not self.exited.done():
            self.exited.set_result(None)

    def last_words(self) -> str:
        """The last lines in one; what is wrong seldom stands in the very last, which says that something was."""
        lines = [" ".join(line.split()) for line in self._kept.decode(errors="replace").splitlines()]
        return " | ".join([line[:_LINE_MAX] for line in lines if line][-_LINES:])
