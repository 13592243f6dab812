"""Random faults of real processes on real networks: ten agents, one to three faults that overlap, then all is mended.

A round's number is its seed, and every round has a cluster of its own; ``ARGS="--seed 17"`` plays that one again. What
a failed round's agents printed stays in ``evidence/rounds-SEED``.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from random import Random

from benchmarks.evidence.notebook import FOLDER, Notebook
from tests.cluster.agents import overlaps, wait_for
from tests.cluster.mishaps import Draw, Mishap
from tests.cluster.ten import Ten, ten_agents

#: Since the last fault was mended, which may be an agent's start; docs/protocol/membership.md, "The bound on healing",
#: has 2.5 s for cuts as short as these, and an election may have to follow.
LED_S = 3.0
HEALED_S = 5.5
#: What is not within a bound is looked at for so long, to tell late from never.
PATIENCE_S = 40.0


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """One round for each number; ``--seed N`` plays that one, whatever has been played."""
    if options[:1] == ["--seed"]:
        numbers = [int(options[1])]
    for number in numbers:
        with tempfile.TemporaryDirectory(prefix="pycluster-evidence-") as folder:
            if notebook.play(number, partial(one_round, number, Path(folder))).failure:
                keep(Path(folder), FOLDER / f"rounds-{number}")


def one_round(seed: int, folder: Path) -> dict[str, float | int | str]:
    """Form, break, mend, and see that nobody acted beside another and that all is well in time."""
    with ten_agents(folder) as ten:
        ten.settled(time.monotonic())
        drawn = Draw(ten, Random(seed)).mishaps()
        told = "; ".join(str(mishap) for mishap in drawn)
        (folder / "faults.out").write_text(told + "\n")
        try:
            suffer(drawn)
            mended = time.monotonic()
            revived(ten)
            led_s, healed_s = ten.settled(mended, PATIENCE_S)
            lasting(ten)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {told}: {error}") from None
    assert led_s <= LED_S, f"seed {seed}: {told}: one leader took {led_s:.2f} s"
    assert healed_s <= HEALED_S, f"seed {seed}: {told}: healing took {healed_s:.2f} s"
    return {"faults": told, "one leader after healing s": round(led_s, 2), "healed s": round(healed_s, 2)}


def suffer(drawn: Sequence[Mishap]) -> None:
    """Let the faults begin and end at their times, and end all of them whatever happens."""
    begun = time.monotonic()
    moments = [(mishap.starts_s, True, mishap) for mishap in drawn]
    moments += [(mishap.ends_s, False, mishap) for mishap in drawn]
    with ExitStack() as lasting_faults:
        stacks = {mishap: lasting_faults.enter_context(ExitStack()) for mishap in drawn}
        for at_s, starts, mishap in sorted(moments, key=lambda moment: moment[0]):
            time.sleep(max(0.0, begun + at_s - time.monotonic()))
            if starts:
                stacks[mishap].enter_context(mishap.happen)
            else:
                stacks[mishap].close()


def revived(ten: Ten) -> None:
    """Everyone runs and answers again. Who ended as it should is started, as a supervisor would: the one whose disk was
    full, and one that was started while its host had no way to any other.
    """
    for agent in [agent for agent in ten.agents if agent.ended() is not None]:
        starved = agent is ten.on_disk and agent.ended() == 1 and agent.says("free space")
        routeless = agent.ended() == 2 and agent.says("no route to any configured node")
        assert starved or routeless, f"{agent.name} ended with {agent.ended()}: {agent.console()[-2000:]}"
        agent.start()
    ten.all_answer()


def lasting(ten: Ten) -> None:
    """Nobody ended, and no two acted at one moment since the cluster began."""
    gone = [agent for agent in ten.agents if agent.ended() is not None]
    assert not gone, f"{[agent.name for agent in gone]} ended"
    statuses = [wait_for(f"{agent.name} answers", agent.peek) for agent in ten.agents]
    assert overlaps(statuses) == [], overlaps(statuses)


def keep(folder: Path, there: Path) -> None:
    """The consoles and the configuration, for study."""
    shutil.rmtree(there, ignore_errors=True)
    there.mkdir(parents=True)
    for path in [*folder.glob("*.out"), *folder.glob("*.err"), *folder.glob("*.conf")]:
        shutil.copy2(path, there)
