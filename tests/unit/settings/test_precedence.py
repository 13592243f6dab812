"""Flag before environment before file before default, and the source of every value."""

from __future__ import annotations

from pathlib import Path

import pytest

from pycluster.kernel.ids import Address
from pycluster.kernel.url import Url
from pycluster.settings import Source
from pycluster.settings.options import OPTIONS, Option
from tests.unit.settings.written import NODES, problems, read

#: For each setting: three texts and what they mean, for file, environment and flag.
VALUES: dict[str, list[tuple[str, object]]] = {
    "cluster": [("proxy", "proxy"), ("edge", "edge")],
    "name": [("a", "a"), ("b", "b"), ("c", "c")],
    "bind_address": [("127.0.0.1", "127.0.0.1"), ("[::1]", "::1"), ("0:0::2", "::2")],
    "port": [("1", 1), ("2", 2), ("65535", 65_535)],
    "advertise_address": [
        ("192.0.2.1", Address("192.0.2.1", 7946)),
        ("[2001:db8::1]:5", Address("2001:db8::1", 5)),
        ("2001:DB8:0::2", Address("2001:db8::2", 7946)),
    ],
    "data_dir": [("/a", "/a"), ("b", "b"), ("c d", "c d")],
    "web": [("0.0.0.0:8080", ("0.0.0.0", 8080)), (":8081", ("", 8081)), ("[::1]:80", ("::1", 80))],
    "http_names": [("a.example, B", ("a.example", "b")), ("c d", ("c", "d"))],
    "log_format": [("text", "text"), ("json", "json"), ("text", "text")],
    "region": [("eu", "eu"), ("us", "us"), ("ap 1", "ap 1")],
    "zone": [("a", "a"), ("b", "b"), ("c", "c")],
    "backup_directory": [("/a", "/a"), ("/b c", "/b c")],
    "backup_interval": [("6h", 21_600.0), ("90s", 90.0)],
    "backup_keep": [("1", 1), ("10000", 10_000)],
    "state_engine": [("etcd", "etcd"), ("embedded", "embedded")],
    "state_endpoints": [
        ("http://a:1", (Url.parse("http://a:1"),)),
        ("https://b:2, https://c:3", (Url.parse("https://b:2"), Url.parse("https://c:3"))),
    ],
    "state_ca_file": [("/a", "/a"), ("/b c", "/b c")],
    "state_cert_file": [("/a", "/a"), ("/b c", "/b c")],
    "state_key_file": [("/a", "/a"), ("/b c", "/b c")],
    "state_user": [("a", "a"), ("b", "b")],
    "state_password_file": [("/a", "/a"), ("/b c", "/b c")],
    "join": [("h1:1, h2", (("h1", 1), ("h2", 7946))), ("::1", (("::1", 7946),))],
}

#: What some of them need beside them in their section.
BESIDE = {
    "state_engine": "endpoints = https://a:1",
    "state_cert_file": "key_file = /k",
    "state_key_file": "cert_file = /c",
    "state_user": "password_file = /p",
    "state_password_file": "user = u",
}


def written_in_file(option: Option, text: str) -> str:
    section, key = option.keys[0]
    return f"[{section}]\n{key} = {text}\n{BESIDE.get(option.name, '')}\n"


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_the_strongest_source_wins_and_is_named(tmp_path: Path, option: Option) -> None:
    given = iter(VALUES[option.name])
    text, environment, flags = NODES, {}, {}
    bare = read(tmp_path)
    if option.name != "name":
        assert getattr(bare.settings, option.field) == option.default
        assert bare.sources[option.name] == Source("default")
    if option.keys:
        value, meaning = next(given)
        text = written_in_file(option, value) + text
        loaded = read(tmp_path, text)
        assert getattr(loaded.settings, option.field) == meaning
        assert loaded.sources[option.name] == Source("file", f"{tmp_path}/cluster.conf:2")
    value, meaning = next(given)
    environment = {option.variable: value}
    loaded = read(tmp_path, text, environment)
    assert getattr(loaded.settings, option.field) == meaning
    assert loaded.sources[option.name] == Source("environment", option.variable)
    if option.flag:
        value, meaning = next(given)
        flags = {option.name: (value,) if option.name == "join" else value}
        loaded = read(tmp_path, text, environment, flags)
        assert getattr(loaded.settings, option.field) == meaning
        assert loaded.sources[option.name] == Source("flag", option.flag_text)


def test_the_node_s_own_port_comes_before_the_cluster_s(tmp_path: Path) -> None:
    text = "[cluster]\ndiscovery_port = 8000\n" + NODES
    loaded = read(tmp_path, text)
    assert (loaded.settings.port, loaded.settings.seeds[0].port) == (8000, 8000)
    loaded = read(tmp_path, text + "[node]\nport = 9000\n")
    assert (loaded.settings.port, loaded.settings.seeds[0].port) == (9000, 8000)
    assert loaded.sources["port"].where.endswith(":8")


def test_an_advertised_address_without_a_port_has_the_node_s(tmp_path: Path) -> None:
    loaded = read(tmp_path, flags={"advertise_address": "192.0.2.1", "port": 9000})
    assert loaded.settings.advertise == Address("192.0.2.1", 9000)


def test_the_name_is_the_host_name_up_to_its_first_dot(tmp_path: Path) -> None:
    loaded = read(tmp_path, hostname="node001.devcoffee.me")
    assert loaded.settings.name == "node001"
    assert loaded.sources["name"] == Source("default", "(this machine's host name)")


@pytest.mark.parametrize("hostname", ["", ".example", "-x", "a b", "x" * 64])
def test_a_host_name_that_is_no_name_asks_for_one(tmp_path: Path, hostname: str) -> None:
    (said,) = problems(tmp_path, hostname=hostname)
    assert said.startswith("this machine's host name: ")
    assert said.endswith("choose a name with -name")
    assert read(tmp_path, flags={"name": "node001"}, hostname=hostname).settings.name == "node001"


def test_an_empty_variable_counts_as_not_set_and_an_empty_flag_switches_off(tmp_path: Path) -> None:
    text = NODES + "[node]\nweb = :8080\nport = 1\n"
    assert read(tmp_path, text, {"PYCLUSTER_WEB": "", "PYCLUSTER_PORT": ""}).settings.web == ("", 8080)
    assert read(tmp_path, text, {}, {"web": ""}).settings.web is None


def test_a_flag_may_be_a_number_and_an_absent_one_may_be_none(tmp_path: Path) -> None:
    loaded = read(tmp_path, flags={"port": 8000, "web": None, "join": (), "tag": (), "name": None})
    assert loaded.settings.port == 8000
    assert loaded.sources["join"] == Source("default")


def test_the_cores_parameters_are_passed_on_as_text_with_their_sources(tmp_path: Path) -> None:
    text = NODES + "[membership]\nprobe_interval_ms = 500\nack_timeout_ms = 100\n[following]\nany_thing = 1\n"
    environment = {"PYCLUSTER_MEMBERSHIP_PROBE_INTERVAL_MS": "700", "PYCLUSTER_CONSENSUS_LEASE_MS": "x"}
    loaded = read(tmp_path, text, environment)
    assert loaded.settings.membership == {"probe_interval_ms": "700", "ack_timeout_ms": "100"}
    assert loaded.settings.consensus == {"lease_ms": "x"}
    assert loaded.settings.following == {"any_thing": "1"}
    assert loaded.warnings == ()
    sources = loaded.sources
    assert str(sources["membership.probe_interval_ms"]) == "environment PYCLUSTER_MEMBERSHIP_PROBE_INTERVAL_MS"
    assert sources["membership.ack_timeout_ms"].where.endswith("cluster.conf:7")
    assert sources["following.any_thing"].kind == "file"
