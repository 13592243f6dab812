"""Children of ``pycluster.judging``: one that is given its input and read to its end, and one that stays for the next.

Either is killed where it takes too long, or where whoever waits for it gives up.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from types import TracebackType

import msgspec

from pycluster.kernel.errors import LocalFault

_WORDS_MAX = 300
#: Bytes of one answer of a child that stays; a rendered file has four mebibytes at most.
_ANSWER_MAX = 64 * 1024 * 1024


class Ended(msgspec.Struct, frozen=True):
    """What it wrote, and how it ended: ``late`` past its time, ``died`` of a signal or for want of memory, or else
    with ``code``; ``words`` are its last on stderr.
    """

    out: bytes
    code: int
    words: str
    late: bool

    @property
    def died(self) -> bool:
        return self.code < 0 or (self.code > 0 and "MemoryError" in self.words)


class Room:
    """For ``together`` children at a time, in a ``with``; ``waiting_max`` may wait, and one more is refused."""

    def __init__(self, together: int, waiting_max: int, failed: str) -> None:
        self._places = asyncio.Semaphore(together)
        self._waiting_max = waiting_max
        self._failed = failed
        self._waiting = 0

    async def __aenter__(self) -> None:
        """Raises ``LocalFault``."""
        if self._places.locked() and self._waiting >= self._waiting_max:
            raise LocalFault(self._failed, why=f"{self._waiting} others wait for it already", remedy="try again later")
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._places.release()


async def judgment(command: tuple[str, ...], given: bytes, timeout_s: float, failed: str) -> Ended:
    """Run ``command`` on ``given``. Raises ``LocalFault`` with ``failed`` where it cannot be run."""
    child = await _started(command, failed)
    late = False

    def end() -> None:
        nonlocal late
        late = True
        _kill(child)

    timer = asyncio.get_running_loop().call_later(timeout_s, end)
    try:
        out, err = await child.communicate(given)
    finally:
        timer.cancel()
        _kill(child)
        code = await child.wait()
    return Ended(out, code, _words(err, code), late)


class Lasting:
    """A child that stays: it is given one frame after the other, and answers each with frames and then an empty one.

    A frame is its length, four bytes, the highest first, and so many bytes.
    """

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self._child = child

    @classmethod
    async def start(cls, command: tuple[str, ...], failed: str) -> Lasting:
        """Raises ``LocalFault`` with ``failed`` where it cannot be run."""
        return cls(await _started(command, failed))

    async def ask(self, given: bytes, timeout_s: float) -> tuple[list[bytes], Ended | None]:
        """Its answers to ``given``; and how it ended, where it did."""
        answers: list[bytes] = []
        ended: Ended | None = None
        over = False
        try:
            async with asyncio.timeout(timeout_s):
                ended = await self._asked(given, answers)
                over = ended is None
        except TimeoutError:
            ended = Ended(b"", -1, "", late=True)
        finally:
            if not over:
                await self.close()
        return answers, ended

    async def close(self) -> None:
        """End it."""
        _kill(self._child)
        await self._child.wait()

    def kill(self) -> None:
        """End it, without waiting."""
        _kill(self._child)

    async def _asked(self, given: bytes, answers: list[bytes]) -> Ended | None:
        taken, told, words = self._child.stdin, self._child.stdout, self._child.stderr
        assert taken is not None and told is not None and words is not None
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # how it ended is told below
            taken.write(len(given).to_bytes(4) + given)
            await taken.drain()
        try:
            while size := int.from_bytes(await told.readexactly(4)):
                if size > _ANSWER_MAX:
                    return Ended(b"", 1, f"it would answer with {size} bytes", late=False)
                answers.append(await told.readexactly(size))
        except asyncio.IncompleteReadError:
            last = await words.read()
            code = await self._child.wait()
            return Ended(b"", code, _words(last, code), late=False)
        return None


async def _started(command: tuple[str, ...], failed: str) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            env={"PYTHONPATH": os.pathsep.join(sys.path), "LANG": "C.UTF-8"},
            start_new_session=True,
        )
    except OSError as error:
        raise LocalFault(failed, why=f"{command[0]} cannot be run: {error.strerror or error}") from None


def _words(err: bytes, code: int) -> str:
    return (err.decode(errors="replace").strip().splitlines() or [f"exit code {code}"])[-1][:_WORDS_MAX]


def _kill(child: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        child.kill()
