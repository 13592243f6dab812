"""Three voters under load whose power goes at one moment: what their disks were not told to keep is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.cluster.agents import AgentProcess, fleet
from tests.cluster.disks import PoweredDisk, powered_disk
from tests.cluster.three import HOSTS, agents_on, formed, seated
from tests.cluster.writers import Load, Promised


class Outages:
    """A formed cluster on disks of its own, and what its clients were promised so far."""

    def __init__(self, agents: tuple[AgentProcess, ...], disks: list[PoweredDisk]) -> None:
        self._agents = agents
        self._disks = disks
        self._promised = Promised()

    def round(self, number: int) -> dict[str, float | int | str]:
        """One outage under load and the return; everything acknowledged is there."""
        load = Load(self._agents, f"power{number}")
        unsynced = [disk.path / f"unsynced{number}" for disk in self._disks]
        with load.running():
            load.acknowledges(60)
            for path in unsynced:
                path.write_bytes(b"lost")
            for disk in self._disks:
                disk.cut()
            for agent in self._agents:
                agent.kill()
            for disk in self._disks:
                disk.restore()
            lost = sum(not path.exists() or path.stat().st_size == 0 for path in unsynced)
            for agent in self._agents:
                agent.start()
            load.acknowledges(30)
        self._promised.check(load, self._agents)
        for path in unsynced:
            path.unlink(missing_ok=True)
        return {"writes": len(load.acknowledged), "unsynced files lost": lost}


@contextmanager
def three_with_power(folder: Path) -> Iterator[Outages]:
    """Formed, each with its vote and a disk that can lose its power."""
    agents = agents_on(folder, HOSTS)
    with ExitStack() as plugged:
        disks = [plugged.enter_context(powered_disk(agent.data_dir)) for agent in agents]
        plugged.enter_context(fleet(*agents))
        formed(agents)
        seated(agents)
        yield Outages(agents, disks)
