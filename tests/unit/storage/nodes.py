"""What the storage tests write, and the lives of a node that writes it."""

from __future__ import annotations

from queue import SimpleQueue

from pycluster.consensus import Command, Configuration, Entry, NoOp, Vote, Voter
from pycluster.kernel.errors import LocalFault
from pycluster.storage import Database

CLUSTER, NAME, UUID = "demo", "node001", "a" * 32


def entry(index: int, term: int = 1) -> Entry:
    """An entry whose content follows from its place."""
    return Entry(index, term, Command(f"command {index} of term {term}".encode() * 4))


def entries(first: int, last: int, term: int = 1) -> tuple[Entry, ...]:
    """Entries ``first`` to ``last``."""
    return tuple(entry(index, term) for index in range(first, last + 1))


FOUNDED = (
    Entry(1, 1, Configuration("c" * 32, (Voter("node001", UUID), Voter("node002", "")), (Voter("node003", "b"),))),
    Entry(2, 1, NoOp()),
    Entry(3, 2, Command(bytes(range(256)))),
)


def open_database(path: object, uuid: str = UUID) -> Database:
    """The usual node's database in ``path``."""
    return Database.open(str(path), CLUSTER, NAME, lambda: uuid)


class Life:
    """A started database whose reports are waited for."""

    def __init__(self, path: object) -> None:
        self.database = open_database(path)
        self.reports: SimpleQueue[int | LocalFault] = SimpleQueue()
        self.database.start(self.reports.put, self.reports.put)

    def until(self, token: int) -> list[int | LocalFault]:
        """The reports up to the one on ``token``, or to a fault."""
        heard: list[int | LocalFault] = []
        while not heard or (heard[-1] != token and not isinstance(heard[-1], LocalFault)):
            heard.append(self.reports.get(timeout=60))
        return heard


def write_log(path: object, last: int) -> None:
    """One clean life that leaves vote, incarnation and a log of ``last`` entries, one transaction each."""
    life = Life(path)
    life.database.submit(1, 7, Vote(1, UUID))
    life.until(1)
    for index in range(1, last + 1):
        life.database.submit(index + 1, entries=(entry(index),))
        life.until(index + 1)
    life.database.close()
