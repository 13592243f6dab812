"""Where the demo plays: loopback addresses, free ports, a directory that is gone afterwards."""

from __future__ import annotations

import random
import shutil
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from pycluster.kernel.errors import LocalFault

#: Below the range from which Linux takes ports for outgoing connections.
_PORTS = range(20_000, 32_000)
_TRIES = 200


class Place(msgspec.Struct, frozen=True):
    """One agent's: its name, its loopback address, its data directory."""

    name: str
    host: str
    data_dir: str


class Plan(msgspec.Struct, frozen=True):
    """All agents share one port, and one more for their pages; each has an address of its own."""

    folder: str
    config: str
    port: int
    web_port: int
    places: tuple[Place, ...]

    def page(self, place: Place) -> str:
        """The address of an agent's page."""
        return f"http://{place.host}:{self.web_port}"


@contextmanager
def stage(nodes: int) -> Iterator[Plan]:
    """A plan for so many agents, its directory made with a cluster.conf; removed at the end."""
    hosts = [f"127.0.0.{number}" for number in range(1, nodes + 1)]
    port = free_port(hosts, (socket.SOCK_DGRAM, socket.SOCK_STREAM))
    web_port = free_port(hosts, (socket.SOCK_STREAM,), but=port)
    try:
        folder = Path(tempfile.mkdtemp(prefix="pycluster-demo-"))
    except OSError as error:
        raise LocalFault("the demo has no place for its data", why=str(error), remedy="set TMPDIR") from None
    try:
        places = tuple(
            Place(f"node{number:03}", host, str(folder / f"node{number:03}")) for number, host in enumerate(hosts, 1)
        )
        config = folder / "cluster.conf"
        seeds = "".join(f'{place.name} = "{place.host}:{port}"\n' for place in places)
        config.write_text(f'[cluster]\nname = "demo"\ndiscovery_port = {port}\n\n[nodes]\n{seeds}')
        yield Plan(str(folder), str(config), port, web_port, places)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port(hosts: Sequence[str], kinds: Sequence[socket.SocketKind], but: int = 0) -> int:
    """A port that is free now on every host for every kind of socket; ``LocalFault`` where there is none."""
    reason = ""
    for port in random.sample(_PORTS, _TRIES):
        if port == but:
            continue
        try:
            with ExitStack() as held:
                for host in hosts:
                    for kind in kinds:
                        held.enter_context(socket.socket(socket.AF_INET, kind)).bind((host, port))
        except OSError as error:
            reason = error.strerror or str(error)
            continue
        return port
    raise LocalFault("the demo found no free port on the loopback network", why=reason)
