"""Every mistake at once, each with its place and, where one is near, the right word."""

from __future__ import annotations

from pathlib import Path

import pytest

from pycluster.kernel.errors import LocalMisuse
from pycluster.settings import SettingsError
from pycluster.settings.findings import TOLD_MAX
from tests.unit.settings.written import NODES, problems, read


def test_all_mistakes_of_all_sources_come_at_once_in_the_order_of_reading(tmp_path: Path) -> None:
    text = "[node]\nprt = 1\nport = 0\n[cluster]\nname = a b\n" + NODES
    said = problems(tmp_path, text, {"PYCLUSTER_PORT": "x"}, {"port": "70000", "log_format": "jsn"})
    assert [line.partition(": ")[0] for line in said] == [
        "cluster.conf:2",
        "cluster.conf:3",
        "cluster.conf:5",
        "PYCLUSTER_PORT",
        "-port",
        "-log-format",
    ]
    assert said[0].startswith("cluster.conf:2: [node] prt: unknown key")
    assert said[0].endswith("; did you mean port?")
    assert said[1] == "cluster.conf:3: [node] port: '0' is no port: a number from 1 to 65535 is"
    assert said[5] == "-log-format: 'jsn' is neither text nor json; did you mean json?"


def test_the_error_is_a_local_misuse_that_reads_line_by_line(tmp_path: Path) -> None:
    with pytest.raises(LocalMisuse) as caught:
        read(tmp_path, "odd\n" + NODES, {}, {"port": "a", "web": "b"})
    error = caught.value
    assert isinstance(error, SettingsError)
    assert str(error).splitlines() == ["the settings cannot be used:", *error.problems]
    assert len(error.warnings) == 1
    assert "settings check" in error.remedy


@pytest.mark.parametrize("value", ["0", "65536", "-1", "7e3", "7946.0", "٣", "²", "9" * 5000, "", "x"])
def test_a_port_is_a_number_from_1_to_65535(tmp_path: Path, value: str) -> None:
    (said,) = problems(tmp_path, flags={"port": value})
    assert said.startswith("-port: ")
    assert len(said) < 200


@pytest.mark.parametrize("value", ["localhost", "300.1.1.1", "fe80::1%eth0", "1.2.3", "", "[1.2.3.4", "0x7f.1"])
def test_a_bind_address_is_numeric(tmp_path: Path, value: str) -> None:
    assert problems(tmp_path, environment={}, flags={"bind_address": value})[0].startswith("-bind-address: ")


@pytest.mark.parametrize("value", ["0.0.0.0", "::", "224.0.0.1", "host:7946", "1.2.3.4:", "1.2.3.4:0", "[::1]x", "%"])
def test_an_advertised_address_is_one_machine_s(tmp_path: Path, value: str) -> None:
    assert problems(tmp_path, flags={"advertise_address": value})[0].startswith("-advertise-address: ")


@pytest.mark.parametrize(
    "value", ["8080", "0.0.0.0", "http://0.0.0.0:8080", "::1", "a b:80", "1.2.3:80", ":0", "[a]:1"]
)
def test_a_web_address_has_a_port(tmp_path: Path, value: str) -> None:
    assert problems(tmp_path, flags={"web": value})[0].startswith("-web: ")


@pytest.mark.parametrize("value", ["", "a b", "a/b", "-a", "a-", "ä", "x" * 64])
@pytest.mark.parametrize("variable", ["-name", "[cluster] name"])
def test_names_follow_one_rule(tmp_path: Path, variable: str, value: str) -> None:
    if variable == "-name":
        (said,) = problems(tmp_path, flags={"name": value})
    else:
        (said,) = problems(tmp_path, f"[cluster]\nname = {value}\n{NODES}")
    assert "letters, digits, dots, dashes or underscores" in said


def test_a_value_that_a_flag_hides_is_judged_all_the_same(tmp_path: Path) -> None:
    said = problems(tmp_path, NODES + "[node]\nport = x\n", {}, {"port": 8000})
    assert said == ["cluster.conf:6: [node] port: 'x' is no port: a number from 1 to 65535 is"]


def test_our_own_sections_are_strict(tmp_path: Path) -> None:
    text = NODES + "[node]\nodd\nbogus = 1\n[http]\nname = a\n[hook h]\nons = 1\non = member-up\ncommand = x\n"
    said = problems(tmp_path, text)
    assert said[0] == "cluster.conf:6: [node]: 'odd' is not key = value"
    assert said[1].startswith("cluster.conf:7: [node] bogus: unknown key; [node] has name, ")
    assert said[2] == "cluster.conf:9: [http] name: unknown key; [http] has names; did you mean names?"
    assert said[3] == "cluster.conf:11: [hook h] ons: unknown key; [hook h] has on, command, timeout; did you mean on?"


def test_an_unknown_flag_is_a_mistake(tmp_path: Path) -> None:
    assert problems(tmp_path, flags={"bind_adress": "::"}) == [
        "-bind-adress: no such flag; did you mean -bind-address?"
    ]


def test_every_wrong_entry_of_a_list_is_named(tmp_path: Path) -> None:
    (said,) = problems(tmp_path, flags={"join": ("a:x", "ok", "b c")})
    assert said == "-join: 'x' is no port: a number from 1 to 65535 is; 'b c' is neither an address nor a DNS name"
    (said,) = problems(tmp_path, NODES + "[http]\nnames = a:1 b/c d\n")
    assert "'a:1'" in said and "'b/c'" in said


@pytest.mark.parametrize("flags", [{"join": tuple(f"h{n}" for n in range(65))}, {}])
def test_lists_are_bounded(tmp_path: Path, flags: dict[str, object]) -> None:
    text = NODES if flags else NODES + f"[http]\nnames = {' '.join(f'h{n}' for n in range(65))}\n"
    (said,) = problems(tmp_path, text, {}, flags)
    assert said.endswith("has 65 entries, 64 are allowed")


@pytest.mark.parametrize("value", ["a\x1bb", "a\x00b", "a\x7fb"])
def test_control_characters_are_no_text_and_are_never_repeated(tmp_path: Path, value: str) -> None:
    for text in (f"[node]\ndata_dir = {value}\n", f"[tags]\nt = {value}\n", f"[membership]\nlease_ms = {value}\n"):
        (said,) = problems(tmp_path, NODES + text)
        assert "control character" in said
        assert said.isprintable()
    (said,) = problems(tmp_path, NODES + f"[node]\n{value} = 1\n")
    assert said.isprintable()


def test_a_flag_that_is_no_text_is_a_mistake(tmp_path: Path) -> None:
    assert problems(tmp_path, flags={"data_dir": "/\udcff"}) == ["-data-dir: is not valid UTF-8"]


@pytest.mark.parametrize("key", ["region", "zone"])
def test_regions_and_zones_are_short(tmp_path: Path, key: str) -> None:
    assert problems(tmp_path, flags={key: "ü" * 32}) == [f"-{key}: has 64 bytes, 63 are allowed"]


def test_a_file_of_rubbish_is_told_up_to_a_bound(tmp_path: Path) -> None:
    text = NODES + "[node]\n" + "".join(f"rubbish{n} = 1\n" for n in range(TOLD_MAX + 50))
    said = problems(tmp_path, text)
    assert len(said) == TOLD_MAX + 1
    assert said[-1] == "and 50 more mistakes"
