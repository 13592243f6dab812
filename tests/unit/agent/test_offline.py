"""A state put back into a stopped voter's directory, and a voter that goes on alone: what is done, what is refused."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from pycluster import consensus, store
from pycluster.agent import offline
from pycluster.kernel.errors import LocalFault, LocalMisuse, Refused
from pycluster.kernel.ids import Identity
from pycluster.settings import Loaded, load
from pycluster.storage import Database, DataDirectory, archives, lay, look, pieces_of
from pycluster.store import Command, Put, SnapshotReader
from tests.unit.storage.test_archives import made, manifest_of, some_state

PARAMS = store.Params()


def settings(folder: Path, name: str = "node001", nodes: int = 3, cluster: str = "demo") -> Loaded:
    """Of one of so many voters."""
    listed = "\n".join(f"node{number:03d} = 192.0.2.{number}" for number in range(1, nodes + 1))
    conf = folder / f"{cluster}.{nodes}.conf"
    conf.write_text(f"[cluster]\nname = {cluster}\n[nodes]\n{listed}\n")
    return load(str(conf), {}, {"name": name}, "host")


def whole(folder: Path, keys: int = 3) -> archives.Whole:
    """A file, read."""
    return archives.read(made(folder / f"{keys}.snapshot", some_state(keys)), PARAMS)


def restored(folder: Path, name: str = "node001", token: str = "t", keys: int = 3, **how: int) -> offline.Restored:
    """Into a directory of its own, anew each time."""
    directory = str(folder / name)
    loaded = settings(folder, name, how.get("nodes", 3))
    return offline.restore(loaded, directory, whole(folder, keys), token, how.get("bump", 0), force=True)


def test_it_waits_to_found_a_cluster_with_the_state_of_the_file(tmp_path: Path) -> None:
    done = restored(tmp_path)
    assert (done.revision, done.keys, done.voters) == (4, 3, ("node001", "node002", "node003"))
    found = look(done.directory)
    assert found is not None and found.cluster == "demo" and found.identity.name == "node001"
    snapshot, configuration = found.snapshot, found.snapshot.configuration
    assert (snapshot.index, snapshot.term, snapshot.configuration_index) == (9, 4, 9)
    assert configuration is not None and not consensus.is_founded(configuration.cluster_uuid)
    assert configuration.cluster_uuid.startswith(done.seed) and configuration.cluster_uuid != "c" * 32
    assert [(seat.name, seat.uuid) for seat in configuration.voters] == [(name, "") for name in done.voters]
    assert found.vote == consensus.Vote(4 + offline.TERM_LEAP) and done.term == 0 + found.vote.term
    reader = SnapshotReader(PARAMS)
    for piece in pieces_of(done.directory, found):
        reader.feed(piece)
    assert reader.finish().digest() == some_state().digest()


def test_who_is_restored_alike_shares_a_seed_and_nobody_else_does(tmp_path: Path) -> None:
    one = restored(tmp_path)
    assert restored(tmp_path, "node002").seed == one.seed
    others = {
        restored(tmp_path, token="u").seed,
        restored(tmp_path, keys=4).seed,
        restored(tmp_path, bump=10).seed,
        restored(tmp_path, nodes=5).seed,
    }
    assert len(others) == 4 and one.seed not in others


def test_a_second_restore_of_the_same_file_has_another_identity(tmp_path: Path) -> None:
    """The first one may have voted and acknowledged; the second knows nothing of it."""
    first, second = (look(restored(tmp_path).directory) for _ in range(2))
    assert first is not None and second is not None
    assert first.identity.uuid != second.identity.uuid
    assert first.snapshot == second.snapshot


def test_revisions_are_moved_ahead_where_it_is_wanted(tmp_path: Path) -> None:
    assert restored(tmp_path, bump=1_000).revision == 1_004


def test_it_is_refused_for_another_cluster_and_for_a_node_without_a_vote(tmp_path: Path) -> None:
    file = whole(tmp_path)
    with pytest.raises(LocalMisuse, match="'demo'"):
        offline.restore(settings(tmp_path, cluster="other"), str(tmp_path / "d"), file, "t", 0, force=True)
    with pytest.raises(LocalMisuse, match="not among the voters"):
        offline.restore(settings(tmp_path, "node009"), str(tmp_path / "d"), file, "t", 0, force=True)
    assert not (tmp_path / "d").exists()


def test_a_directory_in_use_or_with_a_state_is_left_alone(tmp_path: Path) -> None:
    directory, file = str(tmp_path / "d"), whole(tmp_path)
    owned = DataDirectory.open(directory)
    with pytest.raises(LocalFault, match="in use"):
        offline.restore(settings(tmp_path), directory, file, "t", 0, force=True)
    owned.close()
    Database.open(directory, "demo", "node001", lambda: "1" * 32).close()
    with pytest.raises(Refused, match="holds the state of node001"):
        offline.restore(settings(tmp_path), directory, file, "t", 0, force=False)
    found = look(directory)
    assert found is not None and found.identity.uuid == "1" * 32
    done = offline.restore(settings(tmp_path), directory, file, "t", 0, force=True)
    assert done.replaced == f"{directory}/replaced.1"


def voter(folder: Path, name: str, entries: int, term: int, last_term: int = 0, uuid: str = "c" * 32) -> str:
    """A voter's directory: a snapshot of three keys at entry 9, and writes behind it."""
    directory = str(folder / name)
    state = some_state()
    seats = tuple(consensus.Voter(one, one[-1] * 32) for one in ("node001", "node002", "node003"))
    snapshot = consensus.Snapshot(9, 4, consensus.Configuration(uuid, seats), 2)
    owned = DataDirectory.open(directory)
    pieces = store.SnapshotWriter(state)
    identity = Identity(name, name[-1] * 32, 3)
    lay(directory, "demo", identity, consensus.Vote(term), snapshot, iter(pieces.chunk, None))
    database = Database.open(directory, "demo", name, lambda: "never")
    last_term = last_term or term
    log = tuple(
        consensus.Entry(10 + number, last_term, consensus.Command(_written(number))) for number in range(entries)
    )
    database.submit(1, entries=log)
    database.close()
    owned.close()
    return directory


def _written(number: int) -> bytes:
    return msgspec.msgpack.encode(Command(b"w%d" % number, Put(b"late%d" % number, b"x")))


def examined(directory: str) -> offline.Survivor:
    return offline.examine(directory, PARAMS)[0]


def test_a_survivor_is_told_as_it_is(tmp_path: Path) -> None:
    directory = voter(tmp_path, "node002", 5, term=8, last_term=6)
    assert examined(directory) == offline.Survivor(
        directory, "node002", "demo", "c" * 32, ("node001", "node002", "node003"), 8, 6, 14, 9, 9, 8, True
    )


def test_the_newest_has_the_later_term_and_then_the_longer_log(tmp_path: Path) -> None:
    one, two, three = (
        examined(voter(tmp_path, name, entries, 9, last))
        for name, entries, last in (("node001", 9, 5), ("node002", 2, 6), ("node003", 3, 6))
    )
    assert offline.newest((one, two, three)) is three
    with pytest.raises(Refused, match="node003 is newer"):
        offline.check((two, one, three), three, "demo", "node002")
    offline.check((three, one, two), three, "demo", "node003")


def test_a_recovered_voter_is_a_cluster_by_itself_with_everything_in_its_log(tmp_path: Path) -> None:
    directory = voter(tmp_path, "node002", 5, term=8, last_term=6)
    mine, found, state = offline.examine(directory, PARAMS)
    done = offline.recover(directory, mine, found, state, [8, 12])
    assert done.former_uuid == "c" * 32 and done.cluster_uuid != done.former_uuid
    assert consensus.is_founded(done.cluster_uuid)
    assert done.term == 12 + offline.TERM_LEAP and done.replaced == f"{directory}/replaced.1"
    after, again, copy = offline.examine(directory, PARAMS)
    assert (after.voters, after.cluster_uuid, after.seated) == (("node002",), done.cluster_uuid, True)
    assert (after.index, after.last_term, after.revision, again.entries) == (14, 6, 9, ())
    assert again.identity == Identity("node002", "2" * 32, 3)
    assert copy.digest() == state.digest()


def test_what_is_no_voter_s_or_not_of_one_cluster_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LocalFault, match="no state"):
        examined(str(tmp_path))
    mine = examined(voter(tmp_path, "node002", 1, 5))
    with pytest.raises(LocalMisuse, match="is of node002 in demo"):
        offline.check((mine,), mine, "demo", "node001")
    stranger = examined(voter(tmp_path, "node001", 1, 5, uuid="d" * 32))
    with pytest.raises(Refused, match="different clusters"):
        offline.check((mine, stranger), mine, "demo", "node002")
    removed = msgspec.structs.replace(mine, seated=False)
    with pytest.raises(Refused, match="no voter by its own log"):
        offline.check((removed,), removed, "demo", "node002")
    with pytest.raises(LocalFault, match="of no cluster yet"):
        examined(restored(tmp_path, "node003").directory)


def test_a_file_that_is_of_no_log_is_restored_too(tmp_path: Path) -> None:
    """Nothing was ever written to that cluster: its state is empty, and an index is needed all the same."""
    state = store.Store(PARAMS)
    file = archives.read(made(tmp_path / "e", state, manifest_of(state, index=0, term=0)), PARAMS)
    done = offline.restore(settings(tmp_path), str(tmp_path / "d"), file, "t", 0, force=False)
    found = look(done.directory)
    assert found is not None and found.last == (0, 1)


def test_terms_go_on_above_those_of_what_is_replaced(tmp_path: Path) -> None:
    """The same file restored once more: the cluster of the first time led under higher terms than the file knows."""
    directory = restored(tmp_path).directory
    database = Database.open(directory, "demo", "node001", lambda: "never")
    database.submit(1, vote=consensus.Vote(offline.TERM_LEAP + 50))
    database.close()
    done = restored(tmp_path)
    found = look(done.directory)
    assert found is not None and found.vote.term == done.term == 2 * offline.TERM_LEAP + 50
    (tmp_path / "node001" / "state.db").write_bytes(b"damaged")
    assert restored(tmp_path).term == 4 + offline.TERM_LEAP
