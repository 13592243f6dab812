"""``cluster.conf``: settings, or a ``SettingsError`` whose lines a terminal can show."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterable

import msgspec

from pycluster.kernel.ids import check_name
from pycluster.settings import SettingsError, effective, load
from pycluster.settings.findings import TOLD_MAX
from pycluster.settings.lines import sections
from pycluster.settings.options import KEYS, NAMED

_FOLDER = tempfile.mkdtemp(prefix="pycluster-fuzz-")
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
_FILE = os.path.join(_FOLDER, "cluster.conf")
_ORIGIN = """# a comment
[cluster]
name = proxy
discovery_port = 7946

[nodes]
node001 = "192.0.2.1:7946"
node002 = '[2001:db8::2]'
node003 = node003.example.org ; another
"""


def seeds() -> Iterable[bytes]:
    """The origin's file, and every key that there is."""
    yield _ORIGIN.encode()
    yield b"\xef\xbb\xbf" + _ORIGIN.replace("\n", "\r\n").encode()
    for section, keys in KEYS.items():
        for value in ("7946", "127.0.0.1:80", "a=b, c", '"x', "10s", "1.5", "on"):
            yield f"[{section}]\n{''.join(f'{key} = {value}{chr(10)}' for key in keys)}".encode()
    yield ("[hook one]\n" + "".join(f"{key} = member-up\n" for key in NAMED["hook"])).encode()
    yield ("[template one]\n" + "".join(f"{key} = /a/b\n" for key in NAMED["template"])).encode()
    yield b"[consensus]\nlease_ms = 500\n[membership]\nprobe_interval_ms = 1000\n[tags]\nrack = r1\n[nodes]\nx"


def run(data: bytes) -> None:
    """Load it as the agent does."""
    with open(_FILE, "wb") as file:
        file.write(data)
    sections(data.decode(errors="replace"))
    refused = None
    try:
        loaded = load(_FILE, {}, {}, "node001")
    except SettingsError as error:
        refused = error
    if refused is not None:
        assert 0 < len(refused.problems) <= TOLD_MAX + 1
        assert all(line.isprintable() and len(line) < 1_000 for line in (*refused.problems, *refused.warnings))
        return
    settings = loaded.settings
    assert check_name(settings.name)
    assert check_name(settings.cluster)
    assert msgspec.json.decode(msgspec.json.encode(settings), type=type(settings)) == settings
    assert msgspec.json.decode(msgspec.json.encode(effective(loaded))) == effective(loaded)
    assert all(line.isprintable() for line in loaded.warnings)
