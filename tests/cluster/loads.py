"""wrk, which asks one address as fast as it is answered until the end of a ``with``, and what it says of it."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

import msgspec

#: Longer than anything here; it is told to end.
_DURATION = "10h"
_SCRIPT = """\
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\\n{"answers":%d,"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}\\n',
    summary.requests, e.connect, e.read, e.write, e.status, e.timeout))
end
"""


class Asked(msgspec.Struct, frozen=True):
    """How many were answered, and how many failed: no connection, a broken one, a status from 400 on, no answer."""

    answers: int
    connect: int
    read: int
    write: int
    status: int
    timeout: int

    @property
    def failed(self) -> int:
        return self.connect + self.read + self.write + self.status + self.timeout


class Wrk:
    """One thread of it with so many connections, each with one request under way; ``headers`` go with each."""

    def __init__(self, folder: Path, url: str, connections: int, *headers: str) -> None:
        (folder / "done.lua").write_text(_SCRIPT)
        command = ["wrk", "--threads=1", f"--connections={connections}", f"--duration={_DURATION}", "--timeout=30s"]
        command += [f"--header={header}" for header in headers]
        self._command = [*command, f"--script={folder / 'done.lua'}", url]
        self._process: subprocess.Popen[str] | None = None
        self._asked: Asked | None = None

    @property
    def asked(self) -> Asked:
        """What it says after the ``with``."""
        assert self._asked is not None, "it did not come to its end"
        return self._asked

    def __enter__(self) -> Wrk:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGINT if kind is None else signal.SIGKILL)
        said = self._process.communicate(timeout=60)[0]
        if kind is None:
            self._asked = msgspec.json.decode(said.splitlines()[-1], type=Asked)


def missing(*programs: str) -> str:
    """Which of them are not installed; empty where all are."""
    wanted = [name for name in (*programs, "wrk") if shutil.which(name) is None]
    return f"needs {', '.join(wanted)}" if wanted else ""
