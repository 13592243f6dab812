"""Tags from the file, the environment and flags."""

from __future__ import annotations

from pathlib import Path

import pytest

from pycluster.membership.members import tags_bytes
from pycluster.settings import tags_of
from tests.unit.settings.written import NODES, problems, read


def test_each_tag_comes_from_its_strongest_source(tmp_path: Path) -> None:
    text = NODES + '[tags]\nrack = r1\nmotto = "a = b # c"\nempty =\nrole = x\n'
    loaded = read(tmp_path, text, {"PYCLUSTER_TAGS": "rack=r2, role=y"}, {"tag": ("rack=r3", "new=a=b")})
    assert loaded.settings.tags == {"rack": "r3", "motto": "a = b # c", "empty": "", "role": "y", "new": "a=b"}
    assert {key: str(loaded.sources[f"tags.{key}"]).split(":")[0].split()[0] for key in loaded.settings.tags} == {
        "rack": "flag",
        "motto": "file",
        "empty": "file",
        "role": "environment",
        "new": "flag",
    }
    assert loaded.sources["tags.rack"].where == "-tag"
    assert loaded.sources["tags.role"].where == "PYCLUSTER_TAGS"


def test_wrong_tags_are_named_each(tmp_path: Path) -> None:
    said = problems(tmp_path, NODES + "[tags]\na b = c\n", {"PYCLUSTER_TAGS": "x,=y"}, {"tag": ("z",)})
    assert said[0].startswith("cluster.conf:6: [tags] a b: 'a b' is no name")
    assert said[1] == "PYCLUSTER_TAGS: 'x' is not key=value"
    assert said[2].startswith("PYCLUSTER_TAGS: '' is no name")
    assert said[3] == "-tag: 'z' is not key=value"


def test_tags_are_bounded_in_number(tmp_path: Path) -> None:
    assert len(read(tmp_path, flags={"tag": tuple(f"t{n}=" for n in range(32))}).settings.tags) == 32
    assert problems(tmp_path, flags={"tag": tuple(f"t{n}=" for n in range(33))}) == [
        "tags: there are 33, 32 are allowed"
    ]


@pytest.mark.parametrize("sign", ["x", "ü"])
def test_tags_are_bounded_in_bytes_as_gossip_counts_them(tmp_path: Path, sign: str) -> None:
    fits = sign * ((512 - 5) // len(sign.encode()))
    assert 510 <= tags_bytes({"t": fits}) <= 512
    assert read(tmp_path, flags={"tag": (f"t={fits}",)}).settings.tags == {"t": fits}
    (said,) = problems(tmp_path, flags={"tag": (f"t={fits}{sign * 2}",)})
    assert said == f"tags: they take {tags_bytes({'t': fits + sign * 2})} bytes in gossip, 512 are allowed"


@pytest.mark.parametrize(
    ("more", "own"),
    [
        ("[node]\nweb = :8080\n", "web"),
        ("[state]\nengine = etcd\nendpoints = https://a:2379\n", "state-engine"),
    ],
)
def test_the_agents_own_tags_count(tmp_path: Path, more: str, own: str) -> None:
    full = tuple(f"t{n}=" for n in range(32))
    said = problems(tmp_path, NODES + more, flags={"tag": full})
    assert said == [f"tags: there are 33 with this agent's own ({own}), 32 are allowed"]
    settings = read(tmp_path, NODES + more, flags={"tag": full[1:]}).settings
    assert len(tags_of(settings)) == 32


def test_a_tag_that_was_given_instead_of_the_agents_own_counts_once(tmp_path: Path) -> None:
    given = (*(f"t{n}=" for n in range(31)), "web=elsewhere")
    settings = read(tmp_path, NODES + "[node]\nweb = :8080\n", flags={"tag": given}).settings
    assert tags_of(settings) == settings.tags
