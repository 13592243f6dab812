"""One file put in its place: written beside it, checked, renamed over it, its reader told; or left as it was.

``docs/protocol/rendering.md`` has the steps and what a process that is killed after each of them leaves.
"""

from __future__ import annotations

import contextlib
import errno
import grp
import hashlib
import os
import pwd
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar, TypeVarTuple

import msgspec

from pycluster.kernel.bounded import UNREADABLE
from pycluster.rendering import Did, FileProblem, Placed
from pycluster.runtime.children import Child
from pycluster.runtime.handles import Found, Made, directory_of, opened, own, read, write_all
from pycluster.runtime.probes import asked
from pycluster.runtime.worker import Worker, Workers
from pycluster.settings import Template

#: Every step after which somebody may kill us. Those of ``FILLED`` are gone through for the note, too, and all up to
#: ``entered`` once more where the old file is put back.
FILLED = ("made", "half", "full", "owned", "durable")
POINTS = (
    *("opened", *FILLED, "synced", "checked", "discarded", "noting", "noted", "renamed", "entered"),
    *("moved", "reloaded", "undoing", "removed", "undone", "told", "settled"),
)
Fault = Callable[[str], None]
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Owed(msgspec.Struct, frozen=True):
    """A reload is due, or was begun; ``old`` is the file that the last good one was for, None: there was none."""

    destination: str
    old: Found | None


class _Moved(msgspec.Struct, frozen=True):
    """A file in its place whose reload is due; ``old`` comes back where that fails."""

    template: Template
    content: bytes
    old: Found | None
    did: Did


def no_fault(point: str) -> None:
    """Go on."""


class Placing:
    """Puts files in place; what it has to remember across its own death stands in ``directory``."""

    def __init__(
        self,
        directory: str,
        environment: dict[str, str],
        fault: Fault = no_fault,
        workers: Workers | None = None,
    ) -> None:
        self._directory = directory
        self._environment = environment
        self._fault = fault
        self._workers = workers or Workers("files")
        #: By template; what looks a name up may hang for as long as the machine's resolver does.
        self._probes: dict[str, Worker] = {}

    async def at(self, path: str, work: Callable[[*Ts], T], *given: *Ts) -> T:
        """``work(*given)`` in a thread of the directory of ``path``; ``OSError``, too, where that does not answer."""
        return await self._workers.run(os.path.dirname(path), work, *given)

    async def place(self, template: Template, content: bytes) -> Placed:
        """Make a file what it should be. Raises ``FileProblem``: then the old one stands."""
        (result,) = (await self.place_all(((template, content),))).values()
        if isinstance(result, FileProblem):
            raise result
        return result

    async def place_all(self, files: Sequence[tuple[Template, bytes]]) -> dict[str, Placed | FileProblem]:
        """Make files what they should be that share one reload, which runs once; or one that has none.

        By the template's name, what was done, or why the old file stands.
        """
        results: dict[str, Placed | FileProblem] = {}
        moved: list[_Moved] = []
        for template, content in files:
            try:
                done = await self._move(template, content)
            except OSError as error:
                results[template.name] = _unwritable(template, error)
            except FileProblem as problem:
                results[template.name] = problem
            else:
                if isinstance(done, _Moved):
                    moved.append(done)
                else:
                    results[template.name] = done
        return results | (await self._told(moved) if moved else {})

    async def _told(self, moved: list[_Moved]) -> dict[str, Placed | FileProblem]:
        """Their reader told of new files; where it fails, of the old ones."""
        self._fault("moved")
        failed = await self._reload(moved)
        self._fault("reloaded")
        if not failed:
            return {one.template.name: await self._settled(one, Placed(one.did)) for one in moved}
        undone = await self._undo(moved, failed)
        if len(moved) == 1:
            return undone
        # One of them is to blame: each alone, so that the others get into their places.
        results: dict[str, Placed | FileProblem] = {}
        for one in moved:
            results |= await self.place_all(((one.template, one.content),))
        return results

    async def look(self, template: Template) -> Found | None:
        """What stands there now. Raises ``FileProblem``."""
        try:
            return await self.at(template.destination, self._look, template)
        except OSError as error:
            raise FileProblem(f"{template.destination} cannot be read", why=error.strerror or str(error)) from None

    async def check(self, template: Template, content: bytes) -> None:
        """Only check; the new file does not stay. Raises ``FileProblem``."""
        try:
            await self._written(template, file_of(template, content))
            try:
                await self._checked(template)
            finally:
                await self.at(template.destination, self._discard, template)
        except OSError as error:
            raise _unwritable(template, error) from None

    async def probe(self, template: Template) -> str:
        """Whether the service works with what is in place; empty, or why not."""
        if template.probe[0].startswith("http://"):
            worker = self._probes.setdefault(template.name, Worker("probe"))
            return await worker.run(asked, template.probe[0], template.timeout_s)
        return await self._run(template, template.probe, template.name, template.destination)

    async def _move(self, template: Template, content: bytes) -> Placed | _Moved:
        """Into its place, checked; ``_Moved`` where its reload is due. Raises ``FileProblem``, ``OSError``."""
        new = file_of(template, content)
        standing = await self.at(template.destination, self._look, template)
        owed = await self._noted(self._owed, template)
        if standing == new and owed is None:
            return Placed("unchanged")
        old = standing if owed is None else owed.old
        if standing != new:
            made = await self._written(template, new)
            self._fault("synced")
            try:
                await self._checked(template)
                self._fault("checked")
                if template.reload:
                    await self._noted(self._note, template, Owed(template.destination, old))
                    self._fault("noted")
            except (FileProblem, OSError):
                await self.at(template.destination, self._discard, template)
                self._fault("discarded")
                raise
            await self.at(template.destination, self._rename, template, made)
        if template.reload:
            return _Moved(template, content, old, "written" if standing != new else "reloaded")
        await self._noted(self._clear, template)
        return Placed("written" if standing != new else "unchanged")

    async def _undo(self, moved: list[_Moved], failed: str) -> dict[str, Placed | FileProblem]:
        """The reload failed: the old files again, and their reader told so."""
        self._fault("undoing")
        remains: dict[str, str] = {}
        stays: set[str] = set()
        for one in moved:
            name = one.template.name
            remains[name] = (
                "the file from before is back" if one.old is not None else "the file is gone again, as before"
            )
            try:
                await self.at(one.template.destination, self._restore, one.template, one.old)
            except OSError as error:
                remains[name] = f"the file from before cannot be put back: {error.strerror or error}"
                stays.add(name)
        self._fault("undone")
        again = await self._reload(moved)
        self._fault("told")
        more = f"; the reload after it failed too: {again}" if again else ""
        results: dict[str, Placed | FileProblem] = {}
        for one in moved:
            name = one.template.name
            problem = FileProblem("the reload failed", why=f"{failed}; {remains[name]}{more}")
            # Whoever is to read the file has not, or not that from before: that stays owed.
            results[name] = problem if again or name in stays else await self._settled(one, problem)
        return results

    async def _settled(self, one: _Moved, result: Placed | FileProblem) -> Placed | FileProblem:
        """Nothing is owed any more."""
        try:
            await self._noted(self._clear, one.template)
        except OSError as error:
            told = f"{result}; " if isinstance(result, FileProblem) else ""
            note = self._note_path(one.template)
            return FileProblem(f"{told}{note} cannot be removed", why=error.strerror or str(error))
        self._fault("settled")
        return result

    async def _written(self, template: Template, new: Found) -> Made:
        try:
            return await self.at(template.destination, self._write, template, new)
        except BaseException:
            # What was given up goes on, and what it makes must not stay.
            self._workers.leave(os.path.dirname(template.destination), partial(self._forget, template))
            raise

    async def _noted(self, work: Callable[[*Ts], T], *given: *Ts) -> T:
        return await self._workers.run(self._directory, work, *given)

    async def _reload(self, moved: list[_Moved]) -> str:
        first = moved[0].template
        files = " ".join(one.template.destination for one in moved)
        return await self._run(first, first.reload, " ".join(one.template.name for one in moved), files)

    async def _checked(self, template: Template) -> None:
        if not template.check:
            return
        path = template.beside
        command = tuple(word.replace("{file}", path) for word in template.check)
        problem = await self._run(
            template, command if command != template.check else (*command, path), template.name, path
        )
        if problem:
            raise FileProblem("the check failed", why=problem)

    async def _run(self, template: Template, command: tuple[str, ...], names: str, files: str) -> str:
        facts = {"PYCLUSTER_TEMPLATE": names, "PYCLUSTER_FILE": files}
        return await Child(command, {**self._environment, **facts}, template.timeout_s).run()

    # --- on the disk, each in a thread ----------------------------------------------------------------------------

    def _look(self, template: Template) -> Found | None:
        with directory_of(template) as place:
            return read(os.path.basename(template.destination), place)

    def _write(self, template: Template, new: Found) -> Made:
        """Beside its place, whole and durable."""
        with directory_of(template) as place:
            self._fault("opened")
            return self._fill(os.path.basename(template.beside), place, new)

    def _fill(self, name: str, place: int, new: Found) -> Made:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=place)  # whoever was killed left it
        handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=place)
        with open(handle, "wb", buffering=0):
            try:
                made = Made(name, place)
                self._fault("made")
                half = len(new.content) // 2
                write_all(handle, new.content[:half])
                self._fault("half")
                write_all(handle, new.content[half:])
                self._fault("full")
                facts = os.fstat(handle)
                if (facts.st_uid, facts.st_gid) != (new.uid, new.gid):  # the directory may give its own group
                    os.fchown(handle, new.uid, new.gid)
                os.fchmod(handle, new.mode)
                self._fault("owned")
                os.fsync(handle)
            except OSError:
                os.unlink(name, dir_fd=place)  # half a file would keep a full disk full
                raise
            if not os.path.samestat(facts, os.fstat(made.handle)):
                raise OSError(errno.EBUSY, f"somebody else writes {name}, too; another agent?")
            self._fault("durable")
            return made

    def _rename(self, template: Template, made: Made) -> None:
        with directory_of(template) as place:
            beside, name = os.path.basename(template.beside), os.path.basename(template.destination)
            own(beside, place, made)
            os.replace(beside, name, src_dir_fd=place, dst_dir_fd=place)
            self._fault("renamed")
            os.fsync(place)
            self._fault("entered")

    def _discard(self, template: Template) -> None:
        with directory_of(template) as place, contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.basename(template.beside), dir_fd=place)

    def _forget(self, template: Template) -> None:
        with contextlib.suppress(OSError):  # nobody waits for it, and the next one begins with it
            self._discard(template)

    def _restore(self, template: Template, old: Found | None) -> None:
        if old is not None:
            self._rename(template, self._write(template, old))
            return
        with directory_of(template) as place:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.basename(template.destination), dir_fd=place)
            self._fault("removed")
            os.fsync(place)

    # --- what is owed ---------------------------------------------------------------------------------------------

    def _note_path(self, template: Template) -> str:
        # Of the file and not of its template, which may have another name in the next life, and its name another file.
        return os.path.join(self._directory, hashlib.sha256(os.fsencode(template.destination)).hexdigest()[:32])

    def _owed(self, template: Template) -> Owed | None:
        try:
            with open(self._note_path(template), "rb") as file:
                return msgspec.msgpack.decode(file.read(), type=Owed)
        except FileNotFoundError:
            return None
        except UNREADABLE as error:
            raise FileProblem(f"{self._note_path(template)} is damaged", why=str(error), remedy="remove it") from None

    def _note(self, template: Template, owed: Owed) -> None:
        if not os.path.isdir(self._directory):
            os.mkdir(self._directory, 0o700)
            with opened(os.path.dirname(self._directory)) as above:
                os.fsync(above)
        with opened(self._directory) as place:
            name, me = os.path.basename(self._note_path(template)), (os.geteuid(), os.getegid())
            self._fill(f"{name}.new", place, Found(msgspec.msgpack.encode(owed), 0o600, *me))
            self._fault("noting")
            os.replace(f"{name}.new", name, src_dir_fd=place, dst_dir_fd=place)
            os.fsync(place)

    def _clear(self, template: Template) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._note_path(template))


def _unwritable(template: Template, error: OSError) -> FileProblem:
    return FileProblem(f"{template.destination} cannot be written", why=error.strerror or str(error))


def file_of(template: Template, content: bytes) -> Found:
    """What the file should be; raises ``FileProblem`` where there is no such owner."""
    user, _, group = template.owner.partition(":")
    uid, gid = os.geteuid(), os.getegid()
    try:
        if user:
            account = pwd.getpwnam(user)
            uid, gid = account.pw_uid, account.pw_gid
        if group:
            gid = grp.getgrnam(group).gr_gid
    except KeyError as error:
        raise FileProblem(f"its owner {template.owner} does not exist", why=str(error.args[0])) from None
    return Found(content, template.mode, uid, gid)
