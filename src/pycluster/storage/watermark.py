"""How many transactions were ever acknowledged, beside the database and apart from it.

SQLite reads a damaged or missing write-ahead log as one that ends earlier, and says nothing. A voter that goes on from
there has forgotten a vote or an entry that others count on. The number here tells that from a crash: it is written
after a transaction is durable and before anyone hears so, hence never ahead of what a sound disk holds. It is not
synced: after a power cut it may be behind, which only means that less can be told.
"""

from __future__ import annotations

import os
import struct
from zlib import crc32

FILE = "watermark"
_COUNT = struct.Struct("<Q")
_CHECKSUM = struct.Struct("<I")
_BYTES = _COUNT.size + _CHECKSUM.size


class Watermark:
    """The count in the file ``watermark`` of a data directory; every method raises ``OSError``."""

    def __init__(self, path: str) -> None:
        self._file = os.open(os.path.join(path, FILE), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)

    def read(self) -> int:
        """The count; 0 where none can be read, for then nothing can be told."""
        content = os.pread(self._file, _BYTES, 0)
        if len(content) != _BYTES or _CHECKSUM.pack(crc32(content[: _COUNT.size])) != content[_COUNT.size :]:
            return 0
        (count,) = _COUNT.unpack_from(content)
        return int(count)

    def write(self, count: int) -> None:
        """Remember that so many transactions are durable."""
        packed = _COUNT.pack(count)
        if os.pwrite(self._file, packed + _CHECKSUM.pack(crc32(packed)), 0) != _BYTES:
            raise OSError("the watermark was written in part")

    def close(self) -> None:
        """Give the file back; once."""
        os.close(self._file)
