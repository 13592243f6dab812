"""``python -m tests.unit.runtime.killed SCENARIO [twice]``: files put in place by lives that die, each a step later.

After each death somebody looks: every file is the old one or the new one, whole, with its own mode, and nothing else.
Then the next life finishes; with ``twice`` it is killed at each of its own steps, too, and the one after it finishes.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from pycluster.rendering import FileProblem
from pycluster.runtime.placing import Placing
from pycluster.settings import Template

OLD, NEW = "old " * 5_000, "new " * 5_000
#: What no check lets pass, and what passes it and is not taken by the service.
WRONG, BAD = "wrong " * 5_000, "bad " * 5_000
OLD_MODE, NEW_MODE = 0o600, 0o640
#: Of so many deaths at least the next life is killed at each of its own steps.
FIRST_DEATHS = 20
#: In the middle of a command that we run; it ends when we are dead.
CHECKING, RELOADING = "checking", "reloading"


class File(msgspec.Struct, frozen=True):
    """What stands there, what is wanted, what has to stand there in the end; None: no file."""

    before: str | None
    wanted: str
    after: str | None


class Scenario(msgspec.Struct, frozen=True):
    """Files put in place together, with one reload for all, or none."""

    files: tuple[File, ...]
    reload: bool = True


SCENARIOS = {
    "first": Scenario((File(None, NEW, NEW),)),
    "first-without-reload": Scenario((File(None, NEW, NEW),), reload=False),
    "changed": Scenario((File(OLD, NEW, NEW),)),
    "changed-without-reload": Scenario((File(OLD, NEW, NEW),), reload=False),
    "mode": Scenario((File(OLD, OLD, OLD),)),
    "check-fails": Scenario((File(OLD, WRONG, OLD),)),
    "reload-fails": Scenario((File(OLD, BAD, OLD),)),
    "first-reload-fails": Scenario((File(None, BAD, None),)),
    "two": Scenario((File(OLD, NEW, NEW), File(OLD, NEW, NEW))),
    "two-one-checked": Scenario((File(None, NEW, NEW), File(OLD, WRONG, OLD))),
    "two-one-to-blame": Scenario((File(OLD, BAD, OLD), File(OLD, NEW, NEW))),
}


class Stage:
    """A service's directory, which notes at each reload how every file begins."""

    def __init__(self, folder: Path, scenario: Scenario) -> None:
        self.folder = folder
        self.scenario = scenario
        self.names = [f"web{number}.conf" for number in range(len(scenario.files))]
        etc = folder / "etc"
        etc.mkdir()
        for name, file in zip(self.names, scenario.files, strict=True):
            if file.before is not None:
                (etc / name).write_text(file.before)
                (etc / name).chmod(OLD_MODE)
        (folder / "seen").write_text(self.state() + "\n")

    def templates(self) -> Iterator[tuple[Template, bytes]]:
        """Commands that kill whoever runs them where they shall."""
        etc, seen = self.folder / "etc", self.folder / "seen"
        dies = f"if rm {self.folder}/DIES 2>/dev/null; then kill -9 $PPID; fi"
        check = f'{dies.replace("DIES", CHECKING)}; ! grep -q wrong "$1"'
        heads = " ".join(f'"$(head -c 3 {etc}/{name} 2>/dev/null || echo none)"' for name in self.names)
        reload = f"echo {heads} >> {seen}; {dies.replace('DIES', RELOADING)}; ! grep -qs bad {etc}/*"
        for number, (name, file) in enumerate(zip(self.names, self.scenario.files, strict=True)):
            template = Template(
                name=f"t{number}",
                destination=str(etc / name),
                source="/none",
                check=("/bin/sh", "-c", check, "sh", "{file}"),
                reload=("/bin/sh", "-c", reload) if self.scenario.reload else (),
                mode=NEW_MODE,
                timeout_s=60.0,
            )
            yield template, file.wanted.encode()

    def state(self) -> str:
        """How each file begins now, as the service notes it."""
        files = [self.folder / "etc" / name for name in self.names]
        return " ".join(file.read_text()[:3] if file.exists() else "none" for file in files)

    def look(self) -> None:
        """Old or new, whole, and nothing else."""
        for name, file in zip(self.names, self.scenario.files, strict=True):
            found = self._found(name)
            old = (file.before, OLD_MODE) if file.before is not None else None
            new = (file.wanted, NEW_MODE) if file.wanted != WRONG else old
            assert found in (old, new), f"{name} is neither old nor new: {found}"
        known = {*self.names, *(f".{name}.pycluster" for name in self.names)}
        assert set(os.listdir(self.folder / "etc")) <= known

    def _found(self, name: str) -> tuple[str, int] | None:
        path = self.folder / "etc" / name
        return (path.read_text(), path.stat().st_mode & 0o777) if path.exists() else None

    def look_at_the_end(self) -> None:
        """As it should be, told to the service, and nothing left over."""
        for name, file in zip(self.names, self.scenario.files, strict=True):
            mode = NEW_MODE if file.after == file.wanted else OLD_MODE
            assert self._found(name) == (None if file.after is None else (file.after, mode)), name
        assert set(os.listdir(self.folder / "etc")) <= set(self.names)
        notes = self.folder / "notes"
        assert not notes.exists() or set(os.listdir(notes)) <= {f"t{n}.new" for n in range(len(self.names))}
        if self.scenario.reload:
            told = (self.folder / "seen").read_text().splitlines()[-1]
            assert told == self.state(), f"the service read {told}, and there is {self.state()}"


def life(stage: Stage, at: int, command: str = "") -> tuple[bool, list[str]]:
    """One life, killed at its step ``at`` or in the middle of ``command``; whether it was, and the steps it came to."""
    if command:
        (stage.folder / command).touch()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(reading)
            left = [at]

            def fault(point: str) -> None:
                os.write(writing, f"{point}\n".encode())
                left[0] -= 1
                if not left[0]:
                    os.kill(os.getpid(), signal.SIGKILL)

            placing = Placing(str(stage.folder / "notes"), {"PATH": os.defpath}, fault)
            results = asyncio.run(placing.place_all(tuple(stage.templates())))
            told = {name: result for name, result in results.items() if isinstance(result, FileProblem)}
            wanted = {f"t{n}" for n, file in enumerate(stage.scenario.files) if file.after != file.wanted}
            if told.keys() != wanted:
                print(f"not in place: {told}", file=sys.stderr)
                sys.stderr.flush()
                os._exit(1)
            os._exit(0)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(2)
    os.close(writing)
    with open(reading) as points:
        steps = points.read().split()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL), f"the life ended with {code}"
    if command:
        (stage.folder / command).unlink(missing_ok=True)
    return code != 0, steps


def restore(stage: Stage, saved: Path) -> None:
    """The stage as it was; in the same place, for paths are noted."""
    shutil.rmtree(stage.folder)
    shutil.copytree(saved, stage.folder)


def deaths(stage: Stage, saved: Path) -> Iterator[list[str]]:
    """The stage after each possible death, one after the other, and the steps until then; ``saved`` is a place for it
    as it was before, where it stays.
    """
    shutil.rmtree(saved, ignore_errors=True)
    shutil.copytree(stage.folder, saved)
    at, died = 1, True
    while died:
        died, steps = life(stage, at)
        if died:
            yield steps
        restore(stage, saved)
        at += 1
    for command in (CHECKING, RELOADING):
        died, steps = life(stage, 0, command)
        if died:
            yield [*steps, command]
        restore(stage, saved)


class Played(msgspec.Struct):
    """What was done: deaths, and at which points."""

    deaths: int
    points: list[str]


def play(name: str, twice: bool) -> Played:
    """One scenario; fails where anything is not as it should be."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder).resolve() / "stage"
        place.mkdir()
        stage = Stage(place, SCENARIOS[name])
        found = []
        for steps in deaths(stage, place.with_name("before")):
            found.append(steps)
            stage.look()
            finish(stage, steps[-1])
        every = max(len(found) // FIRST_DEATHS, 1)
        for number, steps in enumerate(deaths(stage, place.with_name("before")) if twice else ()):
            for more in deaths(stage, place.with_name("between")) if number % every == 0 else ():
                found.append(more)
                stage.look()
                finish(stage, f"{steps[-1]}, then {more[-1]}")
    return Played(len(found), sorted(set().union(*found)))


def finish(stage: Stage, after: str) -> None:
    """The next life, which nobody kills, and one more that has nothing to do."""
    for _ in range(2):
        try:
            died, _ = life(stage, 0)
            assert not died
            stage.look_at_the_end()
        except AssertionError as error:
            raise AssertionError(f"killed at {after}: {error}") from None


if __name__ == "__main__":
    print(msgspec.json.encode(play(sys.argv[1], sys.argv[2:] == ["twice"])).decode())
