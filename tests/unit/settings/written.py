"""Settings from text that a test writes down."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from pycluster.settings import Loaded, SettingsError, load

#: A list of three that this host is in: no warning follows from it.
NODES = "[nodes]\nnode001 = n1\nnode002 = n2\nnode003 = n3\n"


def read(
    folder: Path,
    text: str | bytes = NODES,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, object] | None = None,
    hostname: str = "node001",
) -> Loaded:
    """What ``load`` makes of ``text`` in a file."""
    file = folder / "cluster.conf"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(str(file), environment or {}, flags or {}, hostname)


def warnings(
    folder: Path, text: str, environment: Mapping[str, str] | None = None, hostname: str = "node001"
) -> list[str]:
    """The warnings, without the folder's name."""
    return [line.removeprefix(f"{folder}/") for line in read(folder, text, environment, hostname=hostname).warnings]


def problems(
    folder: Path,
    text: str | bytes = NODES,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, object] | None = None,
    hostname: str = "node001",
) -> list[str]:
    """The mistakes, without the folder's name. Fails when there is none."""
    with pytest.raises(SettingsError) as caught:
        read(folder, text, environment, flags, hostname)
    return [line.removeprefix(f"{folder}/") for line in caught.value.problems]
