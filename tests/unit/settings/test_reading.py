"""Which file is read, and files that cannot be."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pycluster.settings import SettingsError, load
from pycluster.settings.document import FILE_MAX_BYTES
from tests.unit.settings.written import NODES, problems, read


def failure(path: str | None) -> str:
    with pytest.raises(SettingsError) as caught:
        load(path, {}, {}, "node001")
    (said,) = caught.value.problems
    return said


def test_without_a_path_the_file_in_the_working_directory_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = load(None, {}, {}, "node001")
    assert (loaded.path, loaded.settings.cluster, loaded.settings.seeds) == ("", "pycluster", ())
    (tmp_path / "cluster.conf").write_text(f"[cluster]\nname = proxy\n{NODES}")
    loaded = load(None, {}, {}, "node001")
    assert (loaded.path, loaded.settings.cluster) == ("cluster.conf", "proxy")
    assert str(loaded.sources["cluster"]) == "file cluster.conf:2"


def test_an_unreadable_file_in_the_working_directory_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cluster.conf").mkdir()
    assert failure(None) == "cluster.conf: cannot be read: it is a directory"


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    assert failure(str(tmp_path / "none.conf")) == f"{tmp_path}/none.conf: there is no such file"
    assert failure("") == "'': there is no such file"


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    assert failure(str(tmp_path)) == f"{tmp_path}: cannot be read: it is a directory"


@contextmanager
def nobody() -> Iterator[None]:
    """Not root, who may read everything."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(before)


def test_a_forbidden_file_is_told(tmp_path: Path) -> None:
    file = tmp_path / "cluster.conf"
    file.write_text(NODES)
    file.chmod(0)
    with nobody():
        assert failure(str(file)) == f"{file}: cannot be read: permission denied"


@pytest.mark.parametrize("path", ["a\x00b", "a\x1b[1mb\n", "\udcff", "x" * 5000, "cluster.conf/x"])
def test_a_path_that_cannot_be_is_told_on_one_printable_line(path: str) -> None:
    assert failure(path).isprintable()


def test_a_file_in_another_encoding_is_one_mistake_with_its_line(tmp_path: Path) -> None:
    assert problems(tmp_path, NODES.encode() + b"# caf\xe9\n") == [
        "cluster.conf:5: is not UTF-8 text; is it a configuration file?"
    ]
    assert len(problems(tmp_path, NODES.encode("utf-16"))) == 1


def test_a_huge_file_is_one_mistake(tmp_path: Path) -> None:
    fits = NODES.encode() + b"#" * (FILE_MAX_BYTES - len(NODES))
    assert read(tmp_path, fits).warnings == ()
    (said,) = problems(tmp_path, fits + b"#")
    assert said == "cluster.conf: is larger than 1048576 bytes, which no configuration file is"


def test_a_file_that_never_ends_is_one_mistake() -> None:
    assert failure("/dev/zero") == "/dev/zero: is larger than 1048576 bytes, which no configuration file is"


def test_reading_right_settings_loads_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "cluster.conf").write_text(NODES)
    code = (
        "import sys; from pycluster.settings import load; load(None, {}, {}, 'node001');"
        "print(sorted({'difflib', 'click', 'asyncio', 'ssl', 'socket', 'configparser'} & set(sys.modules)))"
    )
    environment = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert ran.stdout.decode().strip() == "[]"
