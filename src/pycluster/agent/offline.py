"""A data directory whose agent is stopped: given the state of a file, or made a cluster of one voter again.

Either way what comes of it is another cluster: its UUID is new, so that no voter of the old one, whatever it holds and
whenever it comes back, is heard by the new one or hears it.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import msgspec

from pycluster import consensus, store
from pycluster.agent.assemble import node_config
from pycluster.kernel.bounded import UNREADABLE
from pycluster.kernel.errors import LocalFault, LocalMisuse, Refused
from pycluster.kernel.ids import Identity, new_uuid
from pycluster.kernel.limits import VOTERS_MAX
from pycluster.settings import Loaded
from pycluster.storage import DataDirectory, Found, archives, lay, look, pieces_of, settle

#: The new cluster's terms begin so far above any that is known: whoever was told of one, and takes a term for a fencing
#: token, never takes an older leader for the newer. An election a second makes as many in twelve days.
TERM_LEAP = 1_000_000

_decode = msgspec.msgpack.Decoder(store.Command).decode


class Restored(msgspec.Struct, frozen=True):
    """What was done. ``replaced``: the folder with what was there before, or nothing."""

    directory: str
    node: str
    cluster: str
    seed: str
    token: str
    voters: tuple[str, ...]
    revision: int
    keys: int
    term: int
    replaced: str


class Survivor(msgspec.Struct, frozen=True):
    """What a data directory of a cluster without a quorum holds.

    ``committed``: up to here it is certain that a majority had it; entries after it, up to ``index``, may be of writes
    that nobody was told are done. ``term``: the highest it knows; ``last_term`` of its last entry.
    """

    directory: str
    node: str
    cluster: str
    cluster_uuid: str
    voters: tuple[str, ...]
    term: int
    last_term: int
    index: int
    committed: int
    revision: int
    keys: int
    seated: bool


class Recovered(msgspec.Struct, frozen=True):
    """What was done."""

    directory: str
    node: str
    cluster: str
    cluster_uuid: str
    former_uuid: str
    revision: int
    term: int
    replaced: str


def restore(loaded: Loaded, directory: str, whole: archives.Whole, token: str, bump: int, *, force: bool) -> Restored:
    """Lay out ``directory`` for this node as one of those that found a new cluster on ``whole``.

    ``token``: the same on all voters of the new cluster, and given to no other one. Raises ``LocalMisuse``, ``Refused``
    or ``LocalFault``, and then changes nothing; what an earlier run was killed in is settled first.
    """
    settings, manifest = loaded.settings, whole.manifest
    voters = tuple(sorted({seed.name for seed in settings.seeds}))[:VOTERS_MAX]
    if manifest.cluster != settings.cluster:
        raise LocalMisuse(
            f"the snapshot is of the cluster {manifest.cluster!r}, and this node's is {settings.cluster!r}",
            remedy="name the right file, or the right configuration with -config",
        )
    if settings.name not in voters:
        raise LocalMisuse(
            f"{settings.name} is not among the voters {', '.join(voters) or '(none)'}",
            why="a state is restored on the voters that [nodes] lists; every other node asks them",
            remedy="choose the node with -name, or list it in [nodes]",
        )
    state = store.bumped(whole.state, bump) if bump else whole.state
    seed = _seed(whole.sha256, token, settings.cluster, voters, bump)
    cluster_uuid = consensus.unfounded(seed)
    configuration = consensus.Configuration(cluster_uuid, tuple(consensus.Voter(name, "") for name in voters))
    # A state without a log has an index, too: what an empty voter's log begins with is 1.
    index = max(manifest.index, 1)
    snapshot = consensus.Snapshot(index, manifest.term, configuration, index)
    with ExitStack() as stack:
        owned = DataDirectory.open(directory)
        stack.callback(owned.close)
        settle(owned.path)
        found = _replaced(owned.path, force)
        # What is there may be of a cluster that was founded on this very file, whose terms went on from the same one.
        term = max(manifest.term, found.vote.term if found is not None else 0) + TERM_LEAP
        if found is not None and not force:
            raise Refused(
                f"the data directory {owned.path} holds the state of {found.identity.name} in {found.cluster}",
                why="a restore would put the snapshot in its place",
                remedy="add --force to move what is there into the folder replaced.N in it",
            )
        identity = Identity(settings.name, new_uuid(random.SystemRandom()))
        replaced = lay(owned.path, settings.cluster, identity, consensus.Vote(term), snapshot, _pieces(state))
    keys = state.keyspace.count(b"", None)
    return Restored(
        owned.path, settings.name, settings.cluster, seed, token, voters, state.revision, keys, term, replaced
    )


def _replaced(path: str, force: bool) -> Found | None:
    """What is there; nothing, with ``force``, where it cannot be read."""
    try:
        return look(path)
    except LocalFault:
        if force:
            return None
        raise


def examine(path: str, params: store.Params) -> tuple[Survivor, Found, store.Store]:
    """What a data directory, which the caller owns, holds of its cluster; nothing is changed. ``LocalFault``."""
    found = look(path)
    if found is None:
        raise LocalFault(
            f"the data directory {path} holds no state", remedy="name the directory of a voter that had one"
        )
    state = _rebuilt(path, found, params)
    entries = found.entries
    configured = [entry.payload for entry in entries if isinstance(entry.payload, consensus.Configuration)]
    configuration = configured[-1] if configured else found.snapshot.configuration
    if configuration is None or not consensus.is_founded(configuration.cluster_uuid):
        raise LocalFault(
            f"the data directory {path} is of no cluster yet",
            why="it never had a leader",
            remedy="start it with the others: an empty voter, or a restored one, needs no recovery",
        )
    last_term, index = found.last
    return (
        Survivor(
            path,
            found.identity.name,
            found.cluster,
            configuration.cluster_uuid,
            tuple(sorted({seat.name for seat in configuration.voters})),
            found.vote.term,
            last_term,
            index,
            found.snapshot.index,
            state.revision,
            state.keyspace.count(b"", None),
            consensus.Voter(found.identity.name, found.identity.uuid) in configuration.voters,
        ),
        found,
        state,
    )


def newest(survivors: Sequence[Survivor]) -> Survivor:
    """The one whose log is the most up-to-date (Raft §5.4.1): whoever was in the last majority is not older."""
    return max(survivors, key=lambda one: (one.last_term, one.index, one.term))


def check(survivors: Sequence[Survivor], best: Survivor, cluster: str, name: str) -> None:
    """Raise ``LocalMisuse`` or ``Refused`` where the first of ``survivors`` is not the one to go on from."""
    mine = survivors[0]
    if (mine.cluster, mine.node) != (cluster, name):
        raise LocalMisuse(
            f"the data directory {mine.directory} is of {mine.node} in {mine.cluster}, and this is {name} in {cluster}",
            remedy="choose the node with -name or -config",
        )
    if not mine.seated:
        raise Refused(
            f"{mine.node} is no voter by its own log",
            why=f"voters are {', '.join(mine.voters)}; what it holds may be long out of date",
            remedy="recover from a voter, or restore a snapshot",
        )
    if len({one.cluster_uuid for one in survivors}) > 1:
        raise Refused("the directories are of different clusters", why="so none is newer than another")
    if (best.last_term, best.index) > (mine.last_term, mine.index):
        raise Refused(
            f"{best.directory} is newer",
            why=f"its log ends with entry {best.index} of term {best.last_term}, this one's with {mine.index} of term"
            f" {mine.last_term}",
            remedy=f"run this at {best.node}",
        )


def recover(path: str, survivor: Survivor, found: Found, state: store.Store, terms: Sequence[int]) -> Recovered:
    """Make the directory ``path``, which the caller owns, a new cluster whose only voter it is; ``LocalFault``.

    ``terms``: every term that is known of the old cluster.
    """
    identity = found.identity
    cluster_uuid = new_uuid(random.SystemRandom())
    configuration = consensus.Configuration(cluster_uuid, (consensus.Voter(identity.name, identity.uuid),))
    snapshot = consensus.Snapshot(survivor.index, survivor.last_term, configuration, survivor.index)
    term = max(terms) + TERM_LEAP
    replaced = lay(path, found.cluster, identity, consensus.Vote(term), snapshot, _pieces(state))
    return Recovered(
        path,
        identity.name,
        found.cluster,
        cluster_uuid,
        survivor.cluster_uuid,
        state.revision,
        term,
        replaced,
    )


def store_params(loaded: Loaded) -> store.Params:
    """The state's bounds, as the agent has them."""
    return node_config(loaded).store


def _rebuilt(path: str, found: Found, params: store.Params) -> store.Store:
    """The state after the last entry of the log, committed or not."""
    state = store.Store(params)
    if found.snapshot.index:
        reader = store.SnapshotReader(params)
        try:
            for piece in pieces_of(path, found):
                reader.feed(piece)
            state = reader.finish()
        except store.SnapshotDamaged as error:
            raise LocalFault(f"the snapshot in {path} is damaged", why=str(error)) from error
    for entry in found.entries:
        if isinstance(entry.payload, consensus.Command):
            try:
                command = _decode(entry.payload.data)
            except UNREADABLE as error:
                raise LocalFault(
                    f"entry {entry.index} of the log in {path} cannot be applied",
                    why=f"this version does not understand it: {error}",
                    remedy="run the version that wrote it, or a later one",
                ) from error
            state.apply(command)
    while state.tidy():
        pass
    return state


def _seed(sha256: str, token: str, cluster: str, voters: tuple[str, ...], bump: int) -> str:
    """What voters that were restored alike have in common, and no others."""
    alike = "\n".join((sha256, token, cluster, str(bump), *voters))
    return hashlib.blake2b(alike.encode(), digest_size=8, person=b"pycluster-seed").hexdigest()


def _pieces(state: store.Store) -> Iterator[bytes]:
    writer = store.SnapshotWriter(state)
    try:
        while (piece := writer.chunk()) is not None:
            yield piece
    finally:
        writer.close()


def new_token() -> str:
    """One that nobody else has."""
    return os.urandom(6).hex()
