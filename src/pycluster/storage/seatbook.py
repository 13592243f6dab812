"""Where the voters were when this node last ran: a hint for its next start, beside the database."""

from __future__ import annotations

import contextlib
import os

import msgspec

from pycluster.kernel.ids import Seed
from pycluster.storage.directory import private
from pycluster.storage.hints import read_hint

SEAT_BOOK_NAME = "voters.json"


class SeatBook:
    """The file ``voters.json`` in the data directory ``folder``; ``seats`` is what it said at the start, ``problem``
    why it said nothing although it is there.
    """

    def __init__(self, folder: str) -> None:
        self._path = os.path.join(folder, SEAT_BOOK_NAME)
        # Without it, or where a power cut left half of it, the configured nodes are contacted as ever.
        self.seats: tuple[Seed, ...]
        self.seats, self.problem = read_hint(self._path, tuple[Seed, ...], ())

    def keep(self, seats: tuple[Seed, ...]) -> None:
        """Take the old ones' place; may take as long as the disk does, so never on an event loop."""
        partial = f"{self._path}.new"
        # A disk that fails ends the process by the log; a hint that is missing does not.
        with contextlib.suppress(OSError):
            with open(partial, "wb", opener=private) as file:
                file.write(msgspec.json.encode(seats))
                file.flush()
                os.fdatasync(file.fileno())  # else a power cut may leave an empty file under the name
            os.replace(partial, self._path)
