"""One agent of the demo: a child process that dies with the demo, and what it writes."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import IO

import pycluster
from pycluster.cli.demo.stage import Place, Plan
from pycluster.client import Client, Endpoint
from pycluster.kernel.errors import LocalFault

_PR_SET_PDEATHSIG = 1
_CHUNK_BYTES = 65_536
_ANSWER_S = 1.0


def _dying_with(parent: int) -> Callable[[], None]:
    """What a child does before it becomes an agent: ask the kernel to be killed when the demo dies."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def bind() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return bind


def _environment() -> dict[str, str]:
    """Ours, with this very package on the path and nothing of an operator's settings."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYCLUSTER_")}
    here = os.path.dirname(os.path.dirname(os.path.abspath(pycluster.__file__)))
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, (here, kept.get("PYTHONPATH", ""))))}


class Actor:
    """A running agent. ``expected`` is whether its end was the demo's doing."""

    def __init__(self, plan: Plan, place: Place) -> None:
        self.place = place
        self.expected = False
        self.client = Client(Endpoint(path=os.path.join(place.data_dir, "agent.sock")), _ANSWER_S)
        command = [sys.executable, "-P", "-m", "pycluster", "agent", "-config", plan.config, "-name", place.name]
        command += ["-bind-address", place.host, "-port", str(plan.port), "-data-dir", place.data_dir]
        command += ["-web", f"{place.host}:{plan.web_port}"]
        try:
            self.process = subprocess.Popen(
                command,
                cwd=plan.folder,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                process_group=0,  # Ctrl-C reaches the demo alone, which then stops its agents
                preexec_fn=_dying_with(os.getpid()),  # noqa: PLW1509 - the demo has one thread
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise LocalFault(f"cannot start the agent {place.name}", why=str(error)) from None

    @property
    def streams(self) -> tuple[IO[bytes], IO[bytes]]:
        """Standard output and standard error."""
        assert self.process.stdout is not None and self.process.stderr is not None
        return self.process.stdout, self.process.stderr

    @property
    def alive(self) -> bool:
        """Whether the process has not ended."""
        return self.process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal; the end that follows is expected."""
        self.expected = True
        self.process.send_signal(number)

    def ending(self) -> str:
        """How it ended."""
        code = self.process.returncode
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


class Speech:
    """Turns what one pipe brings into whole lines."""

    def __init__(self, name: str, pipe: IO[bytes]) -> None:
        self.name = name
        self.pipe = pipe
        self._rest = b""

    def read(self) -> list[str] | None:
        """The lines that are complete now; None at the end, after the last ones."""
        chunk = os.read(self.pipe.fileno(), _CHUNK_BYTES)
        if not chunk:
            return None
        whole, newline, self._rest = (self._rest + chunk).rpartition(b"\n")
        return whole.decode(errors="replace").split("\n") if newline else []

    def last_words(self) -> list[str]:
        """What was written without a line's end."""
        return [self._rest.decode(errors="replace")] if self._rest else []
