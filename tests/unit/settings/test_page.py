"""The reference page and the code name the same settings."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from pycluster import configs, consensus, membership, node, store
from pycluster.kernel.limits import MEMBERS_MAX, NAME_MAX_LENGTH, TAGS_GOSSIP_MAX_BYTES, TAGS_MAX, VOTERS_MAX
from pycluster.settings import load
from pycluster.settings.hooks import DEFAULT_TIMEOUT_S, EVENTS, HOOKS_MAX, TIMEOUT_MAX_S, TIMEOUT_MIN_S
from pycluster.settings.options import HTTP_NAMES_MAX, JOIN_MAX, NAMED, OPTIONS, RAW, SECTIONS, Option
from pycluster.settings.templates import KEYS_MAX, TEMPLATES_MAX
from tests.unit.settings.written import read

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "settings.md").read_text()
#: Defaults that the page describes, because they are no text of their own.
IN_WORDS = {
    "name": "the host name up to its first dot",
    "advertise_address": "worked out",
    "data_dir": "by user and name",
    "web": "off",
    "http_names": "none",
    "region": "none",
    "zone": "none",
    "backup_directory": "off",
    "backup_interval": "one hour",
    "state_endpoints": "none",
    "state_ca_file": "the machine's",
    "state_cert_file": "none",
    "state_key_file": "none",
    "state_user": "none",
    "state_password_file": "none",
    "join": "none",
}
PARAMS: dict[str, type[msgspec.Struct]] = {
    "membership": membership.Params,
    "consensus": consensus.Params,
    "following": node.Params,
    "state": node.StateParams,
    "config": configs.Params,
}


def chapter(title: str) -> str:
    """The text from a heading that begins so to the next of its kind."""
    return re.split(r"^#+ ", PAGE.partition(title)[2], maxsplit=1, flags=re.MULTILINE)[0]


def rows(title: str) -> dict[str, list[str]]:
    """The tables of a chapter: the further columns by the first one's word."""
    found = re.findall(r"^\| `([\w-]+)` \|(.*)\|$", chapter(title), re.MULTILINE)
    assert len(found) == len({name for name, _ in found})
    return {name: [cell.strip() for cell in rest.split(" |")] for name, rest in found}


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_the_page_has_every_setting_and_no_other() -> None:
    assert list(rows("## One value each")) == [option.name for option in OPTIONS]


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_each_setting_is_told_as_it_is(option: Option) -> None:
    flag, variable, file, default, meaning = rows("## One value each")[option.name]
    assert code(flag) == ([option.flag_text] if option.flag else [])
    assert code(variable) == [option.variable]
    assert code(file) == [f"[{section}] {key}" for section, key in option.keys]
    assert default == IN_WORDS.get(option.name, f"`{option.default}`")
    assert meaning


@pytest.mark.parametrize("section", RAW)
def test_each_parameter_is_told_with_its_default(section: str) -> None:
    defaults = PARAMS[section]()
    told = {name: cells[0] for name, cells in rows(f"### `[{section}]`").items()}
    assert told == {name: str(getattr(defaults, name)) for name in defaults.__struct_fields__}


def test_the_bounds_that_no_setting_changes_are_told_as_they_are() -> None:
    fixed = store.Params()
    told = {name: cells[0] for name, cells in rows("### What no setting changes").items()}
    assert {*told, "state_max_bytes"} == set(fixed.__struct_fields__)
    for name, text in told.items():
        number, _, unit = text.partition(" ")
        assert float(number.replace(",", "")) * (2**20 if unit == "MiB" else 1) == getattr(fixed, name), name


def test_hooks_are_told_as_they_are() -> None:
    told = rows("## `[hook NAME]`")
    assert tuple(told) == NAMED["hook"]
    assert tuple(code(told["on"][1])) == EVENTS
    assert told["timeout"][0] == f"`{DEFAULT_TIMEOUT_S:g}s`"
    assert f"{TIMEOUT_MIN_S:g} s to {TIMEOUT_MAX_S / 3600:g} h" in told["timeout"][1]
    assert f"at most {HOOKS_MAX} of them" in chapter("## `[hook NAME]`")


def test_templates_are_told_as_they_are() -> None:
    told = rows("## `[template NAME]`")
    assert tuple(told) == NAMED["template"]
    assert told["timeout"][0] == f"`{DEFAULT_TIMEOUT_S:g}s`"
    assert f"at most {TEMPLATES_MAX:,} of them" in chapter("## `[template NAME]`")
    assert f"1 to {KEYS_MAX} words" in told["keys"][1]


def test_every_section_has_its_place_on_the_page() -> None:
    assert [section for section in SECTIONS if f"[{section}]" not in PAGE] == []


def test_the_bounds_are_told_as_they_are() -> None:
    single, nodes, tags = chapter("## One value each"), chapter("## `[nodes]`"), chapter("## `[tags]`")
    assert f"1 to {NAME_MAX_LENGTH} letters" in single
    assert f"at most {NAME_MAX_LENGTH} bytes" in single
    assert f"at most {JOIN_MAX}." in single and f"at most {HTTP_NAMES_MAX} |" in single
    assert f"{MEMBERS_MAX:,} entries" in nodes
    assert VOTERS_MAX == 7 and "more than seven nodes" in nodes
    assert f"{TAGS_MAX} tags and {TAGS_GOSSIP_MAX_BYTES} bytes" in " ".join(tags.split())


def test_the_page_s_examples_load(tmp_path: Path) -> None:
    loaded = read(tmp_path, "".join(re.findall(r"^```ini\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)))
    assert [one.name for one in loaded.settings.templates] == ["proxy"]
    assert loaded.warnings == ()
    assert [str(seed.port) for seed in loaded.settings.seeds] == ["7946"] * 3
    assert loaded.settings.hooks[0].command == ("/usr/local/sbin/move-vip", "--interface", "eth0")
    assert load(str(tmp_path / "cluster.conf"), {}, {}, "node002").warnings == ()
