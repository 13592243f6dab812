"""A new state takes the old one's place in a data directory, and neither is lost wherever that is interrupted.

Everything stays inside the data directory: its parent may be another file system, or not be writable for this user.
The order of the renames tells how far it came:

1. ``replacing`` appears beside the old state, with a copy of the watermark.
2. The old files go there, ``state.db`` first.
3. The new files come from ``restoring``, ``watermark`` first and ``state.db`` last.
4. ``replacing`` is renamed to ``replaced.N``.

So where ``state.db`` is, all that belongs to it is there, too. Where it is missing and ``replacing`` is not, an agent
refuses to start, and everything can be moved back. So it does where nothing was there before: whoever asked for a
restore must not get an empty node without a word.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from shlex import quote

from pycluster.kernel.errors import LocalFault
from pycluster.storage import watermark
from pycluster.storage.directory import sync_directory
from pycluster.storage.faults import ASIDE
from pycluster.storage.seatbook import SEAT_BOOK_NAME
from pycluster.storage.statefile import FILE

#: The new state until it is in place, and the old one until then.
DRAFT = "restoring"
_LEAVING = "replacing"
#: Folders of earlier states that one directory keeps before somebody has to look.
_ASIDE_MAX = 1_000
# Where the old cluster's voters were is no business of the new one.
_OF_STATE = (FILE, "snapshot.", SEAT_BOOK_NAME)


def exchange(path: str) -> str:
    """Put what is in the draft in place of the state in ``path``; durable on return.

    Returns the folder with what was there before, or nothing where nothing was. Whatever is raised, an interruption
    too, everything was moved back; where that failed as well, a ``LocalFault`` names the folder.
    """
    draft, leaving = os.path.join(path, DRAFT), os.path.join(path, _LEAVING)
    aside = _free(path)
    new = sorted(os.listdir(draft), key=lambda name: (name == FILE, name != watermark.FILE, name))
    try:
        _announce(path, draft, leaving)
        for name in sorted(_state_in(path), key=lambda name: (name != FILE, name)):
            os.rename(os.path.join(path, name), os.path.join(leaving, name))
        sync_directory(leaving)
        sync_directory(path)
        for name in new:
            os.rename(os.path.join(draft, name), os.path.join(path, name))
        sync_directory(path)
        return _conclude(path, aside)
    except BaseException:
        try:
            if os.path.isdir(leaving) and not os.path.lexists(os.path.join(draft, FILE)):
                os.rename(os.path.join(path, FILE), os.path.join(draft, FILE))
            _settle(path)
        except OSError as failure:
            raise _halfway(path, str(failure)) from failure
        raise


def settle(path: str) -> None:
    """Finish or undo what an exchange that was killed left; the caller owns the directory.

    Before the new state was whole in its place it is undone, and another ``settle`` goes on where one is killed.
    ``LocalFault`` where the disk fails.
    """
    try:
        _settle(path)
    except OSError as error:
        raise _halfway(path, str(error)) from error
    shutil.rmtree(os.path.join(path, DRAFT), ignore_errors=True)


def check_whole(path: str) -> None:
    """Raise ``LocalFault`` where an exchange was killed halfway; one that was killed at its end is finished.

    The caller owns the directory.
    """
    if not os.path.lexists(os.path.join(path, _LEAVING)):
        return
    if not os.path.lexists(os.path.join(path, FILE)):
        raise _halfway(path, "a restore or a recovery was interrupted")
    # What is left there must not be taken for a state to go back to, should the new one be lost one day.
    with contextlib.suppress(OSError, LocalFault):
        _settle(path)


def _halfway(path: str, why: str) -> LocalFault:
    leaving = os.path.join(path, _LEAVING)
    if _was_empty(path):
        return LocalFault(
            f"the data directory {path} holds half of a new state",
            why=f"{why}; there was no state before",
            remedy="run the interrupted 'snapshot restore' again, which begins anew;"
            f" or move {path} away to start without it",
        )
    return LocalFault(
        f"the data directory {path} is halfway between two states",
        why=f"{why}; the old one is in {leaving}",
        remedy="run the interrupted 'pycluster recover' or 'snapshot restore' again: it first puts the old state back;"
        f" or do so by hand: mv -f {quote(leaving)}/* {quote(path)} && rmdir {quote(leaving)}",
    )


def _was_empty(path: str) -> bool:
    """Whether an exchange that did not come to its end has no old state to go back to."""
    try:
        began = not os.path.lexists(os.path.join(path, DRAFT, watermark.FILE))
        here = os.path.lexists(os.path.join(path, FILE)) or (not began and _state_in(path))
        return not here and not _state_in(os.path.join(path, _LEAVING))
    except OSError:
        return False


def _announce(path: str, draft: str, leaving: str) -> None:
    """Make the folder for the old state, complete from its first moment."""
    made = os.path.join(draft, _LEAVING)
    os.mkdir(made, 0o700)
    # The original stays: an older version refuses to start by it where the state file is missing.
    with contextlib.suppress(FileNotFoundError):
        shutil.copy(os.path.join(path, watermark.FILE), made)
    os.rename(made, leaving)


def _settle(path: str) -> None:
    draft, leaving = os.path.join(path, DRAFT), os.path.join(path, _LEAVING)
    if not os.path.isdir(leaving):
        return
    if os.path.lexists(os.path.join(path, FILE)):
        _conclude(path, _free(path))
        return
    # The watermark was the first to come: without it in the draft whatever is here is new, and it is the last to go.
    if os.path.isdir(draft) and not os.path.lexists(os.path.join(draft, watermark.FILE)):
        for name in (*_state_in(path), watermark.FILE):
            os.rename(os.path.join(path, name), os.path.join(draft, name))
        sync_directory(draft)
        sync_directory(path)
    for name in sorted(os.listdir(leaving), key=lambda name: (name == FILE, name)):
        os.rename(os.path.join(leaving, name), os.path.join(path, name))
    sync_directory(path)
    os.rmdir(leaving)


def _conclude(path: str, aside: str) -> str:
    """The state file is in place: the folder gets its lasting name, or goes where it holds nothing that was moved."""
    leaving = os.path.join(path, _LEAVING)
    if not _state_in(leaving):
        shutil.rmtree(leaving)
        return ""
    os.rename(leaving, aside)
    # Under its other name it says the same.
    with contextlib.suppress(OSError):
        sync_directory(path)
    return aside


def _state_in(folder: str) -> list[str]:
    return [name for name in os.listdir(folder) if name.startswith(_OF_STATE)]


def _free(path: str) -> str:
    taken = (os.path.join(path, f"{ASIDE}.{number}") for number in range(1, _ASIDE_MAX + 1))
    free = next((folder for folder in taken if not os.path.lexists(folder)), "")
    if not free:
        raise LocalFault(
            f"the state in {path} was not replaced",
            why=f"there are {_ASIDE_MAX} folders named {ASIDE}.N in it",
            remedy="remove those that nobody needs",
        )
    return free
