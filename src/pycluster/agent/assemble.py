"""The parts of an agent, made from the settings and opened one after the other; closed in the opposite order."""

from __future__ import annotations

import os
import random
import socket
from contextlib import ExitStack

import msgspec

from pycluster import __version__, store
from pycluster.agent.addresses import advertised
from pycluster.agent.parameters import parameters
from pycluster.kernel.ids import Seed, new_uuid
from pycluster.node import Node, NodeConfig
from pycluster.node.view import ActingInterval
from pycluster.runtime import OpenPorts, boot_id
from pycluster.settings import Loaded, Settings, tags_of
from pycluster.storage import ActingRecord, Database, DataDirectory, SeatBook, check_whole, default_directory

SOCKET_NAME = "agent.sock"
HOOK_BOOK_NAME = "hooks.json"


class Parts(msgspec.Struct, frozen=True):
    """What an agent is put together from."""

    settings: Settings
    directory: DataDirectory
    database: Database
    acting: ActingRecord
    seats: SeatBook
    ports: OpenPorts
    node: Node


def data_directory(settings: Settings) -> str:
    """Where this node keeps its data."""
    if settings.data_dir:
        return os.path.abspath(settings.data_dir)
    return default_directory(settings.cluster, settings.name, os.environ, root=os.geteuid() == 0)


def node_config(loaded: Loaded) -> NodeConfig:
    """What the node is told at birth; raises ``SettingsError`` with every parameter that cannot be."""
    settings = loaded.settings
    swim, raft, own, state = parameters(loaded)
    return NodeConfig(
        cluster=settings.cluster,
        name=settings.name,
        address=advertised(settings.bind_host, settings.port, settings.seeds, settings.name, settings.advertise),
        seeds=settings.seeds,
        join=settings.join,
        region=settings.region,
        zone=settings.zone,
        tags=tags_of(settings),
        version=__version__,
        boot_id=boot_id(),
        warnings=loaded.warnings,
        params=own,
        membership=swim,
        consensus=raft,
        state=state,
        store=store.Params(state_max_bytes=state.max_bytes),
    )


def assemble(loaded: Loaded, stack: ExitStack) -> Parts:
    """Open everything; ``stack`` closes it. Raises ``LocalMisuse`` or ``LocalFault``."""
    settings = loaded.settings
    config = node_config(loaded)
    ports = OpenPorts(settings.bind_host, settings.port)
    stack.callback(ports.close)
    directory = DataDirectory.open(data_directory(settings))
    stack.callback(directory.close)
    check_whole(directory.path)
    system_random = random.SystemRandom()
    database = Database.open(directory.path, settings.cluster, settings.name, lambda: new_uuid(system_random))
    stack.callback(database.close)
    acting = ActingRecord.open(directory.path, config.boot_id)
    stack.callback(acting.close)
    past = tuple(ActingInterval(one.term, one.started_us, one.ended_us, one.reason) for one in acting.past)
    rng = random.Random(system_random.getrandbits(128))
    seats = SeatBook(directory.path)
    config = msgspec.structs.replace(config, kept=seats.seats)
    node = Node(config, database.identity, database.stored, rng, past, state=restored(database, config.store))
    return Parts(settings, directory, database, acting, seats, ports, node)


def restored(database: Database, params: store.Params) -> store.Store | None:
    """The state of the newest snapshot; None where there is none. ``LocalFault`` where it is damaged."""
    if not database.stored.snapshot.index:
        return None
    reader = store.SnapshotReader(params)
    try:
        for piece in database.pieces():
            reader.feed(piece)
        return reader.finish()
    except store.SnapshotDamaged as error:
        raise database.damaged(str(error)) from error


def http_names(settings: Settings) -> tuple[str, ...]:
    """The names under which this node's HTTP interface may be called."""
    own = [seed.host for seed in settings.seeds if seed.name == settings.name]
    web_host = settings.web[0] if settings.web is not None else ""
    full = socket.gethostname()
    return (settings.name, full, full.partition(".")[0], web_host, *own, *settings.http_names)


def triples(seeds: tuple[Seed, ...]) -> tuple[tuple[str, str, int], ...]:
    """Seeds as the node's ``Reload`` takes them."""
    return tuple((seed.name, seed.host, seed.port) for seed in seeds)
