"""A process that writes one entry after another and tells on standard output which are durable: ``writer DIRECTORY``.

With ``--file-bytes N`` no file of its may grow beyond that, which is what a full disk looks like from inside. With
``--ballast FILE`` that file is removed after the failure, and the database is opened again.
"""

from __future__ import annotations

import argparse
import os
import resource
from queue import SimpleQueue

from pycluster.kernel.errors import LocalFault
from pycluster.storage import ActingRecord, DataDirectory
from tests.unit.storage.nodes import entry, open_database


def say(line: str) -> None:
    """Tell whoever started this process, past every buffer of this one."""
    os.write(1, f"{line}\n".encode())


def main() -> None:
    """Write until killed, or until the disk is full."""
    parser = argparse.ArgumentParser()
    parser.add_argument("directory")
    parser.add_argument("--file-bytes", type=int)
    parser.add_argument("--ballast")
    arguments = parser.parse_args()
    directory = DataDirectory.open(arguments.directory)
    acting = ActingRecord.open(directory.path, "boot")
    database = open_database(directory.path)
    if arguments.file_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (arguments.file_bytes, arguments.file_bytes))
    reports: SimpleQueue[int | LocalFault] = SimpleQueue()

    def persisted(token: int) -> None:
        say(f"durable {token}")
        reports.put(token)

    database.start(persisted, reports.put)
    index = len(database.stored.entries)
    # Eight at a time: a kill then finds the writer at work, most likely within a batch.
    while True:
        index += 1
        database.submit(index, entries=(entry(index),))
        if index % 8 == 0 and isinstance(fault := reports.get(), LocalFault):
            break
    say(f"failed {fault}")
    say(f"noted {acting.record(1, 2, 3, True, 'the disk is full')}")
    database.submit(index + 1, entries=(entry(index + 1),))
    database.close()
    say(f"silent {reports.empty()}")
    if arguments.ballast:
        os.unlink(arguments.ballast)
        again = open_database(directory.path)
        say(f"found {len(again.stored.entries)}")
        again.close()


if __name__ == "__main__":
    main()
