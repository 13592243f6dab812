"""What ``pycluster settings show`` and the HTTP interface tell."""

from __future__ import annotations

from pathlib import Path

import msgspec

from pycluster.settings import effective
from tests.unit.settings.written import NODES, read


def test_every_value_is_shown_with_its_source_and_fits_json(tmp_path: Path) -> None:
    text = NODES + "[tags]\nrack = r1\n[consensus]\nlease_ms = 800\n"
    flags = {"port": 8000, "web": ":8080", "join": ("[::1]:5", "h"), "advertise_address": "2001:db8::1"}
    shown = effective(read(tmp_path, text, {"PYCLUSTER_ZONE": "a"}, flags))
    file = f"file {tmp_path}/cluster.conf"
    assert shown["port"] == {"value": 8000, "source": "flag -port"}
    assert shown["web"] == {"value": ":8080", "source": "flag -web"}
    assert shown["join"] == {"value": ["[::1]:5", "h:7946"], "source": "flag -join"}
    assert shown["advertise_address"] == {"value": "[2001:db8::1]:8000", "source": "flag -advertise-address"}
    assert shown["zone"] == {"value": "a", "source": "environment PYCLUSTER_ZONE"}
    assert shown["region"] == {"value": "", "source": "default"}
    assert shown["name"] == {"value": "node001", "source": "default (this machine's host name)"}
    assert shown["nodes.node002"] == {"value": "n2:7946", "source": f"{file}:3"}
    assert shown["tags.rack"] == {"value": "r1", "source": f"{file}:6"}
    assert shown["consensus.lease_ms"] == {"value": "800", "source": f"{file}:8"}
    assert msgspec.json.decode(msgspec.json.encode(shown)) == shown


def test_a_hook_s_arguments_are_not_shown(tmp_path: Path) -> None:
    text = NODES + "[hook vip]\non = leader-gained\ncommand = /bin/vip --token secret\n"
    shown = effective(read(tmp_path, text))
    assert shown["hook.vip"] == {
        "value": {"on": ["leader-gained"], "program": "/bin/vip", "timeout_s": 10.0},
        "source": f"file {tmp_path}/cluster.conf:5",
    }
    assert "secret" not in str(shown)


def test_a_probe_s_query_is_not_shown(tmp_path: Path) -> None:
    text = NODES + "[template web]\nsource = /t.j2\ndestination = /etc/web.conf\n"
    shown = effective(read(tmp_path, text + "probe = http://127.0.0.1:80/health?token=secret\n"))["template.web"]
    assert isinstance(shown, dict)
    assert shown["value"]["probe"] == "http://127.0.0.1:80/health"
