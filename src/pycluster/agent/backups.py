"""Backups: while this node leads it writes the state to a directory now and then, reads each file back, and keeps the
newest. What goes wrong is told, shown and tried again; it never ends the agent.

The directory may be on a file system that hangs for good. So a thread of its own does all that touches it, one thing
after the other, and each within a time: while one hangs no other begins, which is told as often as it is tried.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, TypeVarTuple

import msgspec

from pycluster.kernel.errors import LocalFault
from pycluster.node.events import BackupEnded
from pycluster.node.ports import StateCopies, StateFailed
from pycluster.node.view import ClusterEvent, LeaderView
from pycluster.runtime import Child, Worker
from pycluster.settings import Settings
from pycluster.storage import archives
from pycluster.store import ArchiveWriter

#: Between two pieces, so that heartbeats and requests come first.
_PIECE_PAUSE_S = 0.005
#: A state of the largest size takes less.
_READ_BACK_S = 1_800.0
#: Until then the copy keeps in memory what is compacted meanwhile.
_WRITE_S = 3_600.0
#: One step in the directory, a few megabytes at most, takes less wherever its file system answers.
_ANSWER_S = 120.0
#: At the end what was begun is removed, unless it hangs.
_TIDY_S = 2.0
#: After a failure it is tried again in a quarter of the interval, within these bounds.
_RETRY_MIN_S, _RETRY_MAX_S = 1.0, 900.0
_NAME = "{cluster}-{moment}-r{revision}.snapshot"
_TIME = "%Y%m%dT%H%M%SZ"
_READ_BACK = "import os, sys; os.nice(15); from pycluster.cli import main; sys.exit(main(sys.argv[1:]))"

#: Where this very program was loaded from.
_PACKAGES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
Verify = Callable[[str], Awaitable[str]]


async def read_back(file: str) -> str:
    """Read a snapshot in a process of its own, which takes the memory with it; empty, or what is wrong."""
    environment = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": _PACKAGES}
    command = (sys.executable, "-c", _READ_BACK, "snapshot", "inspect", file, "-o", "name")
    return await Child(command, environment, _READ_BACK_S).run()


class Backups:
    """One run of one agent's backups; ``feed`` takes how each ended."""

    def __init__(
        self,
        settings: Settings,
        copies: StateCopies,
        leader: Callable[[], LeaderView],
        feed: Callable[[BackupEnded], None],
        verify: Verify = read_back,
        write_s: float = _WRITE_S,
        answer_s: float = _ANSWER_S,
        worker: Worker | None = None,
        say: Callable[[str, str], None] = lambda kind, text: None,
    ) -> None:
        """``say`` takes the kind and the text of what goes wrong though a backup was made."""
        self._say = say
        self._write_s = write_s
        self._answer_s = answer_s
        self._worker = worker or Worker("backups")
        self._directory = settings.backup_directory
        self._interval_s = settings.backup_interval_s
        self._keep = settings.backup_keep
        self._cluster = settings.cluster
        self._own = re.compile(rf"{re.escape(settings.cluster)}-(\d{{8}}T\d{{6}}Z)-r\d+\.snapshot")
        self._copies = copies
        self._name = settings.name
        self._leader = leader
        self._feed = feed
        self._verify = verify
        self._turned = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._problem = False
        #: What should have gone and stays, as it was told.
        self._staying: frozenset[str] = frozenset()

    def start(self) -> None:
        """Begin, where the settings name a directory."""
        if self._directory:
            self._task = asyncio.get_running_loop().create_task(self._work())
            self._task.add_done_callback(_told)

    def event(self, event: ClusterEvent) -> None:
        """Whatever happens in the cluster; who leads is all that matters here."""
        if event.kind in ("leader-gained", "leader-lost"):
            self._turned.set()

    async def stop(self) -> None:
        """Leave no half of a file behind, where the directory answers."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            with contextlib.suppress(TimeoutError, OSError):
                async with asyncio.timeout(_TIDY_S):
                    await self._worker.run(_nothing)

    async def _work(self) -> None:
        pause_s = 0.0
        while True:
            self._turned.clear()
            if not self._leads():
                if self._problem:
                    self._problem = False
                    self._feed(BackupEnded())
                await self._turned.wait()
            elif not await self._turned_within(pause_s):
                pause_s = await self._one()

    async def _one(self) -> float:
        """Make one when it is due, if this node leads until then; gives how long to wait at least before the next."""
        try:
            if not await self._turned_within(await self._due_s()):
                file, revision = await self._made_one()
                self._problem = False
                self._feed(BackupEnded(file, revision))
            return 0.0
        except (LocalFault, StateFailed, OSError) as error:
            problem = _words(error)
        except Exception as error:
            _report(error)
            problem = f"internal error: {error!r}"
        self._problem = True
        self._feed(BackupEnded(problem=problem))
        return min(max(self._interval_s / 4, _RETRY_MIN_S), _RETRY_MAX_S)

    async def _turned_within(self, time_s: float) -> bool:
        """Whether somebody else may lead now; waits no longer than until then."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(time_s):
                await self._turned.wait()
            return True
        return False

    def _leads(self) -> bool:
        leader = self._leader()
        return leader.acting and leader.leader == self._name

    async def _due_s(self) -> float:
        """Until the newest backup is one interval old; a start, or a new leader with the same directory, adds none."""
        try:
            newest = (await self._there(self._made))[-1:]
        except OSError:
            return 0.0  # whoever writes there is told why it cannot be
        if not newest:
            return 0.0
        age_s = time.time() - newest[0][0]
        return min(max(self._interval_s - age_s, 0.0), self._interval_s)

    async def _there(self, work: Callable[[*Ts], T], *given: *Ts) -> T:
        """Do that in the directory. Raises what it raises, and ``LocalFault`` where nothing comes back."""
        limit = asyncio.timeout(self._answer_s)
        try:
            async with limit:
                return await self._worker.run(work, *given)
        except TimeoutError:
            if not limit.expired():
                raise  # the file system's own
            why = f"nothing came back within {self._answer_s:g} s"
            remedy = "look after its file system, or the server that it is on"
            raise LocalFault(f"the directory {self._directory} hangs", why=why, remedy=remedy) from None

    async def _made_one(self) -> tuple[str, int]:
        """A new file that was read back, and its revision; of the oldest those are gone that can be removed."""
        draft, revision, cluster_uuid = await self._written()
        file = draft.path
        try:
            problem = await self._verify(file)
        except BaseException:
            self._worker.leave(draft.discard)
            raise
        if problem:
            await self._there(os.unlink, file)
            raise LocalFault(f"{file} could not be read back and was removed", why=problem)
        self._tell_staying(await self._there(self._prune, cluster_uuid, os.path.basename(file)))
        return file, revision

    def _tell_staying(self, staying: dict[str, str]) -> None:
        """Once each: it is the same with every backup from now on."""
        fresh = [f"{file}: {why}" for file, why in staying.items() if file not in self._staying]
        self._staying = frozenset(staying)
        if fresh:
            more = f" (and {len(fresh) - 1} more)" if len(fresh) > 1 else ""
            self._say("warning", f"Warning: an old backup could not be removed and stays: {fresh[0]}{more}")

    async def _written(self) -> tuple[archives.Draft, int, str]:
        """A new file, its revision and its cluster's UUID, within a time."""
        limit = asyncio.timeout(self._write_s)
        try:
            async with limit:
                return await self._write()
        except TimeoutError:
            if not limit.expired():
                raise
            why = f"it is not whole after {self._write_s:g} s"
            raise LocalFault(f"no backup was written to {self._directory}", why=why) from None

    async def _write(self) -> tuple[archives.Draft, int, str]:
        begun: list[archives.Draft] = []

        def begin(path: str) -> archives.Draft:
            begun.append(archives.Draft(path))
            return begun[0]

        def let_go() -> None:
            for draft in begun:
                draft.discard()

        copy = await self._copies.open_copy()
        try:
            manifest = msgspec.structs.replace(copy.manifest, made_ms=time.time_ns() // 1_000_000)
            moment = time.strftime(_TIME, time.gmtime(manifest.made_ms / 1_000))
            name = _NAME.format(cluster=self._cluster, moment=moment, revision=manifest.revision)
            writer = ArchiveWriter(manifest)
            draft = await self._there(begin, os.path.join(self._directory, name))
            await self._there(draft.write, writer.head())
            while (piece := copy.chunk()) is not None:
                await self._there(draft.write, writer.piece(piece))
                await asyncio.sleep(_PIECE_PAUSE_S)
            await self._there(draft.write, writer.end())
            await self._there(draft.finish)
        except BaseException:
            # Behind what may hang in it, and nobody waits: whoever gave it up must be able to say so. It may have been
            # begun or finished meanwhile, and what nobody read back must not be taken for the newest.
            self._worker.leave(let_go)
            raise
        finally:
            copy.close()
        return draft, manifest.revision, manifest.cluster_uuid

    def _made(self) -> list[tuple[float, str]]:
        """When this cluster's backups in the directory were made (Unix time, s) and their names, the oldest first.

        Names from the future, of a clock that ran ahead or that was set back since, are older than any other: nobody
        knows how old.
        """
        try:
            found = os.listdir(self._directory)
        except FileNotFoundError:
            os.makedirs(self._directory, mode=0o700)
            found = []
        own = filter(self._own.fullmatch, found)
        now_s = time.time()
        known = ((moment, name) for name in own if (moment := _moment(name)) is not None)
        return sorted(known, key=lambda one: (one[0] <= now_s, one))

    def _prune(self, cluster_uuid: str, made: str) -> dict[str, str]:
        """Only of this very cluster: one founded anew, perhaps because all disks were lost, leaves the last one's.

        ``made`` just now it stays, whatever the names of the others say. Gives the files that should have gone and
        cannot be read or removed, and why: what has another owner must not keep all others here.
        """
        staying: dict[str, str] = {}

        def go(name: str, *uuids: str) -> None:
            file = os.path.join(self._directory, name)
            try:
                if not uuids or archives.cluster_of(file) in uuids:
                    os.unlink(file)
            except FileNotFoundError:
                pass  # another leader with the same directory was quicker
            except OSError as error:
                staying[file] = error.strerror or str(error)

        try:
            others = [name for _, name in self._made() if name != made]
            for name in others[: max(len(others) + 1 - self._keep, 0)]:
                go(name, cluster_uuid, "")
            for name in os.listdir(self._directory):
                # What an agent that was killed left, of this cluster's; nobody writes to it any more.
                if self._own.fullmatch(name.removesuffix(archives.PARTIAL)) and name.endswith(archives.PARTIAL):
                    go(name)
        except OSError as error:
            staying[self._directory] = error.strerror or str(error)
        return staying


def _nothing() -> None:
    """What comes after all that was begun."""


def _report(error: BaseException) -> None:
    """With its traceback, as all that nobody foresaw."""
    what = {"message": "backups failed", "exception": error}
    asyncio.get_running_loop().call_exception_handler(what)


def _told(task: asyncio.Task[None]) -> None:
    """Should they ever end by themselves, somebody has to know."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        _report(error)


def _words(error: LocalFault | StateFailed | OSError) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def _moment(name: str) -> float | None:
    """None where what stands in the time's place is none: somebody else's file."""
    import calendar

    try:
        return calendar.timegm(time.strptime(name.rpartition("-r")[0][-16:], _TIME))
    except ValueError:
        return None
