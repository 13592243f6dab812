"""One child process with a time limit: minimal environment, no input, its own process group, its last words kept."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

#: Bytes of output kept to say why a command failed; the rest is read and forgotten.
_KEPT_BYTES = 2_000
#: Between the polite signal and the other one.
_GRACE_S = 2.0
#: For the rest of its output, after it ended.
_LAST_WORDS_S = 0.5


class Child:
    """A command; ``run`` once. Where it has to be ended, its whole process group is."""

    def __init__(self, command: tuple[str, ...], environment: dict[str, str], timeout_s: float) -> None:
        self._command = command
        self._environment = environment
        self._timeout_s = timeout_s
        self._process: asyncio.subprocess.Process | None = None
        self._told_to_end = asyncio.Event()

    def terminate(self) -> None:
        """End it early."""
        self._told_to_end.set()

    async def run(self) -> str:
        """Run it to its end; empty, or what went wrong in one line."""
        if self._told_to_end.is_set():
            return ""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                env=self._environment,
                cwd="/",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            return f"{self._command[0]} cannot be run: {error.strerror or error}"
        self._process = process
        assert process.stdout is not None
        kept = _LastWords()
        reading = asyncio.ensure_future(kept.read(process.stdout))
        ending = asyncio.ensure_future(self._told_to_end.wait())
        exited = asyncio.ensure_future(process.wait())
        await asyncio.wait({ending, exited}, timeout=self._timeout_s, return_when=asyncio.FIRST_COMPLETED)
        late = not exited.done()
        early = self._told_to_end.is_set()
        if late:
            await self._end(exited)
        ending.cancel()
        # What the command left running in the background may hold its output open for ever.
        await asyncio.wait({reading}, timeout=_LAST_WORDS_S)
        reading.cancel()
        words = kept.last_line()
        if late:
            return "" if early else f"it did not end within {self._timeout_s:g} s and was stopped"
        code = process.returncode or 0
        if code == 0:
            return ""
        how = f"exit code {code}" if code > 0 else f"killed by signal {-code}"
        return f"{how}: {words}" if words else how

    async def _end(self, exited: asyncio.Future[int]) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        await asyncio.wait({exited}, timeout=_GRACE_S)
        if not exited.done():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await exited


class _LastWords:
    """The end of what a command prints."""

    def __init__(self) -> None:
        self._kept = b""

    async def read(self, output: asyncio.StreamReader) -> None:
        while chunk := await output.read(4_096):
            self._kept = (self._kept + chunk)[-_KEPT_BYTES:]

    def last_line(self) -> str:
        lines = self._kept.decode(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else ""
