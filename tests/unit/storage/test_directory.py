"""The data directory: where it is, and that one process at a time has it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pycluster.kernel.errors import LocalFault
from pycluster.storage import DataDirectory, default_directory


def test_root_keeps_its_data_below_var_lib() -> None:
    assert default_directory("prod", "node001", {"HOME": "/x"}, root=True) == "/var/lib/pycluster/prod/node001"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"HOME": "/h", "XDG_STATE_HOME": "/state"}, "/state/pycluster/prod/node001"),
        ({"HOME": "/h"}, "/h/.local/state/pycluster/prod/node001"),
        ({"HOME": "/h", "XDG_STATE_HOME": ""}, "/h/.local/state/pycluster/prod/node001"),
        ({"HOME": "/h", "XDG_STATE_HOME": "relative"}, "/h/.local/state/pycluster/prod/node001"),
    ],
)
def test_another_user_keeps_it_in_the_state_home(environment: dict[str, str], expected: str) -> None:
    assert default_directory("prod", "node001", environment, root=False) == expected


def test_a_user_whose_home_is_no_absolute_path_is_told_to_name_a_directory() -> None:
    with pytest.raises(LocalFault, match=r"no place for the data directory.*-data-dir"):
        default_directory("prod", "node001", {"HOME": "nowhere"}, root=False)


def test_any_cluster_name_is_one_path_component_and_no_two_are_the_same() -> None:
    names = ["", ".", "..", "%2E", "%", "a/b", "a%2Fb", "../../etc", "mit Leerzeichen", "mit%20Leerzeichen", "ü", "\0"]
    names += ["x" * 300, "x" * 299 + "y", "ü" * 63]
    paths = [default_directory(name, "node001", {}, root=True) for name in names]
    assert len(set(paths)) == len(names)
    for path in paths:
        assert path.startswith("/var/lib/pycluster/") and path.endswith("/node001")
        component = path.removeprefix("/var/lib/pycluster/").removesuffix("/node001")
        assert component and "/" not in component and "\0" not in component and not component.startswith(".")
        assert len(component.encode()) <= 255
    assert default_directory("my cluster", "node001", {}, root=True) == "/var/lib/pycluster/my%20cluster/node001"


def test_it_is_made_with_its_parents_for_its_owner_alone(tmp_path: Path) -> None:
    directory = DataDirectory.open(str(tmp_path / "a" / "b"))
    assert directory.path == str(tmp_path / "a" / "b")
    assert stat.S_IMODE(os.stat(directory.path).st_mode) == 0o700
    directory.close()


def test_the_lock_file_holds_the_process_id_while_it_is_owned(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("999999999999\n")
    directory = DataDirectory.open(str(tmp_path))
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    directory.close()
    directory.close()
    assert (tmp_path / "lock").read_text() == ""


def test_a_directory_on_a_disk_that_failed_is_let_go_of_nevertheless(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("1\n")
    held = os.open(tmp_path / "lock", os.O_RDONLY)  # so that writing fails
    DataDirectory(str(tmp_path), held).close()
    with pytest.raises(OSError):
        os.fstat(held)


def test_a_second_owner_is_told_who_the_first_one_is(tmp_path: Path) -> None:
    first = DataDirectory.open(str(tmp_path))
    with pytest.raises(LocalFault) as refused:
        DataDirectory.open(str(tmp_path))
    assert refused.value.what == f"the data directory {tmp_path} is in use"
    assert refused.value.why == f"process {os.getpid()} holds it"
    assert "-data-dir" in refused.value.remedy
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    first.close()
    DataDirectory.open(str(tmp_path)).close()


@pytest.mark.parametrize("below", ["", "/", "/deeper/still"])
def test_a_file_in_the_way_is_named(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("not ours")
    with pytest.raises(LocalFault) as refused:
        DataDirectory.open(f"{tmp_path}/file{below}")
    assert refused.value.why == f"{tmp_path / 'file'}: is not a directory"
    assert refused.value.remedy == "move what is in the way, or name another directory with -data-dir"
    assert (tmp_path / "file").read_text() == "not ours"


def test_a_link_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "missing")
    with pytest.raises(LocalFault, match="link: is not a directory"):
        DataDirectory.open(str(tmp_path / "link"))


def test_a_lock_that_cannot_be_made_is_told_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    with pytest.raises(LocalFault, match=r"cannot be used: .*lock: Is a directory"):
        DataDirectory.open(str(tmp_path))


def test_a_place_where_nobody_may_write_is_told(tmp_path: Path) -> None:
    with pytest.raises(LocalFault) as refused:
        DataDirectory.open("/proc/pycluster")
    assert refused.value.what == "the data directory /proc/pycluster cannot be used"
    assert refused.value.why.startswith("/proc/pycluster: ")
    assert "-data-dir" in refused.value.remedy


def test_a_directory_that_was_removed_or_replaced_is_known_to_be_lost(tmp_path: Path) -> None:
    path = tmp_path / "data"
    directory = DataDirectory.open(str(path))
    assert not directory.lost
    (path / "lock").unlink()
    path.rmdir()
    assert directory.lost
    successor = DataDirectory.open(str(path))
    assert directory.lost
    assert not successor.lost
    successor.close()
    directory.close()
    assert not directory.lost
