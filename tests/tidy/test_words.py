"""What no file may contain, and what the documents must."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import pycluster
from tests.tidy.tree import ROOT, files, files_with, shown, texts

#: Where packages come from is the installer's configuration, not the project's. Spelt so as not to find itself.
REGISTRIES = tuple(
    ".".join(parts)
    for parts in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"), ("debian", "org"))
)
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
HOME = re.compile(r"(?<![\w.])/(ro" r"ot|ho" r"me/\w+)/")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{shown(path)}:{number}: {line.strip()[:120]}"
        for path, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_names_a_package_registry() -> None:
    pattern = re.compile("|".join(re.escape(host) for host in REGISTRIES))
    assert lines_with(pattern) == []
    locks = sorted((ROOT / "locks").glob("*.txt"))
    assert [lock.name for lock in locks] == ["dev.txt", "fuzz.txt", "run.txt", "test.txt"]
    assert [lock.name for lock in locks if re.search(r"://|--\w*index", lock.read_text())] == []


def test_no_file_names_a_path_of_the_machine_it_was_written_on() -> None:
    here = re.compile(rf"(?<![\w.]){re.escape(str(ROOT))}/")
    assert lines_with(HOME) + lines_with(here) == []


def test_nothing_is_left_for_later() -> None:
    assert lines_with(UNFINISHED) == []


def anchors(document: str) -> set[str]:
    """The addresses of a document's headings, as the usual renderers make them."""
    headings = re.findall(r"^#+\s+(.+?)\s*$", FENCE.sub("", document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", files_with(".md"), ids=shown)
def test_every_link_between_documents_resolves(document: Path) -> None:
    broken = []
    for groups in LINK.findall(FENCE.sub("", document.read_text())):
        link = groups[0] or groups[1]
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            broken.append(link)
    assert broken == []


def test_the_changelog_tells_what_is_in_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    sections = re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]
    assert sections
    newest = sections[0]
    assert newest.startswith(("[Unreleased]", f"[{pycluster.__version__}]"))
    assert re.search(r"^- \S", newest, re.MULTILINE)


def test_decision_records_are_numbered_without_a_gap() -> None:
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert numbers == list(range(1, len(numbers) + 1))


def test_every_dependency_is_locked_with_a_hash() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {re.split(r"[^\w.-]", line)[0].lower() for line in project["dependencies"]}
    lock = (ROOT / "locks" / "run.txt").read_text()
    locked = {name.lower() for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)}
    assert wanted <= locked
    assert all(
        "--hash=sha256:" in block for block in re.split(r"\n(?=\w)", lock.partition("\n\n")[2] or lock) if "==" in block
    )


def test_nothing_large_or_generated_is_kept() -> None:
    assert [shown(path) for path in files() if path.stat().st_size > 1_000_000] == []
