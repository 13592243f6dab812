"""What an earlier process wrote and nobody synced, made durable before anything is read and believed.

Such a process was killed within a sync, or ended because a sync failed. Its last transactions stand in the write-ahead
log and read as if they were on the disk; a voter that answers for them would lose them with the next loss of power.
After a sync that failed, one more is not enough: Linux has marked the pages as written, and only what is written anew
is synced. So the log gets the bytes that it has, which changes nothing in a file that is refused later.

The database itself needs no such thing. Its pages come from that log, and SQLite begins the log anew only once a sync
of the database has succeeded. After one that failed all of them are still in the log, are read from there, and are
written anew by the next checkpoint, which after a start begins with the log's first page.
"""

from __future__ import annotations

import os

from pycluster.storage.directory import sync_directory

#: Bytes that are read and written back at a time.
_CHUNK_BYTES = 1 << 20


def make_durable(log: str) -> None:
    """Write and sync the write-ahead log ``log`` where there is one, and the names beside it; raises ``OSError``."""
    if os.path.lexists(log):
        file = os.open(log, os.O_RDWR | os.O_NOFOLLOW)
        try:
            offset = 0
            while data := os.pread(file, _CHUNK_BYTES, offset):
                offset += os.pwrite(file, data, offset)
            if offset:
                os.fsync(file)
        finally:
            os.close(file)
    sync_directory(os.path.dirname(log))
