"""One file put in its place: written beside it, checked, renamed over it, its reader told; or left as it was.

``docs/protocol/rendering.md`` has the steps and what a process that is killed after each of them leaves.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import grp
import hashlib
import os
import pwd
import stat
from collections.abc import Callable, Iterator, Sequence

import msgspec

from pycluster.kernel.bounded import UNREADABLE
from pycluster.rendering import Did, FileProblem, Placed
from pycluster.runtime.children import Child
from pycluster.runtime.probes import asked
from pycluster.settings import Template

#: Bytes of a file that stands there and may have to be put back.
FILE_MAX_BYTES = 16 * 1024 * 1024
#: Every step after which somebody may kill us. Those of ``FILLED`` are gone through for the note, too, and all up to
#: ``entered`` once more where the old file is put back.
FILLED = ("made", "half", "full", "owned", "durable")
POINTS = (
    *("opened", *FILLED, "synced", "checked", "discarded", "noting", "noted", "renamed", "entered"),
    *("moved", "reloaded", "undoing", "removed", "undone", "told", "settled"),
)
Fault = Callable[[str], None]


class Found(msgspec.Struct, frozen=True):
    """A file with what belongs to it."""

    content: bytes
    mode: int
    uid: int
    gid: int


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

    def __init__(self, directory: str, environment: dict[str, str], fault: Fault = no_fault) -> None:
        self._directory = directory
        self._environment = environment
        self._fault = fault

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
            return await asyncio.to_thread(self._look, template)
        except OSError as error:
            raise FileProblem(f"{template.destination} cannot be read", why=error.strerror or str(error)) from None

    async def check(self, template: Template, content: bytes) -> None:
        """Only check; the new file does not stay. Raises ``FileProblem``."""
        try:
            await asyncio.to_thread(self._write, template, file_of(template, content))
            try:
                await self._checked(template)
            finally:
                await asyncio.to_thread(self._discard, template)
        except OSError as error:
            raise _unwritable(template, error) from None

    async def probe(self, template: Template) -> str:
        """Whether the service works with what is in place; empty, or why not."""
        if template.probe[0].startswith("http://"):
            return await asyncio.to_thread(asked, template.probe[0], template.timeout_s)
        return await self._run(template, template.probe, template.name, template.destination)

    async def _move(self, template: Template, content: bytes) -> Placed | _Moved:
        """Into its place, checked; ``_Moved`` where its reload is due. Raises ``FileProblem``, ``OSError``."""
        new = file_of(template, content)
        standing = await asyncio.to_thread(self._look, template)
        owed = await asyncio.to_thread(self._owed, template)
        if standing == new and owed is None:
            return Placed("unchanged")
        old = standing if owed is None else owed.old
        if standing != new:
            made = await asyncio.to_thread(self._write, template, new)
            self._fault("synced")
            try:
                await self._checked(template)
                self._fault("checked")
                if template.reload:
                    await asyncio.to_thread(self._note, template, Owed(template.destination, old))
                    self._fault("noted")
            except (FileProblem, OSError):
                await asyncio.to_thread(self._discard, template)
                self._fault("discarded")
                raise
            await asyncio.to_thread(self._rename, template, made)
        if template.reload:
            return _Moved(template, content, old, "written" if standing != new else "reloaded")
        await asyncio.to_thread(self._clear, template)
        return Placed("written" if standing != new else "unchanged")

    async def _undo(self, moved: list[_Moved], failed: str) -> dict[str, Placed | FileProblem]:
        """The reload failed: the old files again, and their reader told so."""
        self._fault("undoing")
        results: dict[str, Placed | FileProblem] = {}
        for one in moved:
            try:
                await asyncio.to_thread(self._restore, one.template, one.old)
            except OSError as error:
                results[one.template.name] = _unwritable(one.template, error)
        self._fault("undone")
        again = await self._reload(moved)
        self._fault("told")
        more = f"; the reload after it failed too: {again}" if again else ""
        for one in moved:
            remains = "the file from before is back" if one.old is not None else "the file is gone again, as before"
            problem = FileProblem("the reload failed", why=f"{failed}; {remains}{more}")
            if one.template.name not in results:
                results[one.template.name] = await self._settled(one, problem)
        return results

    async def _settled(self, one: _Moved, result: Placed | FileProblem) -> Placed | FileProblem:
        """Nothing is owed any more."""
        try:
            await asyncio.to_thread(self._clear, one.template)
        except OSError as error:
            return _unwritable(one.template, error)
        self._fault("settled")
        return result

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
        with _directory_of(template) as place:
            return _read(os.path.basename(template.destination), place)

    def _write(self, template: Template, new: Found) -> int:
        """Beside its place, whole and durable; its number on the disk."""
        with _directory_of(template) as place:
            self._fault("opened")
            return self._fill(os.path.basename(template.beside), place, new)

    def _fill(self, name: str, place: int, new: Found) -> int:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=place)  # whoever was killed left it
        handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=place)
        with open(handle, "wb", buffering=0):
            try:
                self._fault("made")
                half = len(new.content) // 2
                _write_all(handle, new.content[:half])
                self._fault("half")
                _write_all(handle, new.content[half:])
                self._fault("full")
                made = os.fstat(handle)
                if (made.st_uid, made.st_gid) != (new.uid, new.gid):  # the directory may give its own group
                    os.fchown(handle, new.uid, new.gid)
                os.fchmod(handle, new.mode)
                self._fault("owned")
                os.fsync(handle)
            except OSError:
                os.unlink(name, dir_fd=place)  # half a file would keep a full disk full
                raise
            self._fault("durable")
            return made.st_ino

    def _rename(self, template: Template, made: int) -> None:
        with _directory_of(template) as place:
            beside, name = os.path.basename(template.beside), os.path.basename(template.destination)
            _own(beside, place, made)
            os.replace(beside, name, src_dir_fd=place, dst_dir_fd=place)
            self._fault("renamed")
            os.fsync(place)
            self._fault("entered")

    def _discard(self, template: Template) -> None:
        with _directory_of(template) as place, contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.basename(template.beside), dir_fd=place)

    def _restore(self, template: Template, old: Found | None) -> None:
        if old is not None:
            self._rename(template, self._write(template, old))
            return
        with _directory_of(template) as place:
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
            with _opened(os.path.dirname(self._directory)) as above:
                os.fsync(above)
        with _opened(self._directory) as place:
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


def _read(name: str, place: int) -> Found | None:
    """A regular file, whole; None where there is none. Raises ``OSError`` for anything else."""
    try:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=place)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a symbolic link; name the file that it leads to") from None
        raise
    with open(handle, "rb") as file:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(errno.EINVAL, "what stands there is no regular file")
        if facts.st_size > FILE_MAX_BYTES:
            raise OSError(errno.EFBIG, f"what stands there has more than {FILE_MAX_BYTES} bytes")
        return Found(file.read(), stat.S_IMODE(facts.st_mode), facts.st_uid, facts.st_gid)


@contextlib.contextmanager
def _opened(path: str) -> Iterator[int]:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield handle
    finally:
        os.close(handle)


@contextlib.contextmanager
def _directory_of(template: Template) -> Iterator[int]:
    """The file's directory, step by step and over no symbolic link. Raises ``OSError``."""
    parts = os.path.dirname(template.destination).split("/")[1:]
    handle = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for number, part in enumerate(filter(None, parts), 1):
            step = _step(handle, part, "/" + "/".join(parts[:number]))
            os.close(handle)
            handle = step
        yield handle
    finally:
        os.close(handle)


def _step(handle: int, part: str, path: str) -> int:
    try:
        return os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=handle)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise OSError(error.errno, f"{path} is a symbolic link, or no directory") from None
        raise OSError(error.errno, f"{path}: {error.strerror}") from None


def _own(name: str, place: int, made: int) -> None:
    """Raise ``OSError`` where it is not what was written: another agent may have the same destination."""
    try:
        same = os.stat(name, dir_fd=place, follow_symlinks=False).st_ino == made
    except FileNotFoundError:
        same = False
    if not same:
        raise OSError(
            errno.EBUSY, f"somebody else took {name} away while it was checked; another agent that writes here?"
        )


def _write_all(handle: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(handle, view) :]
