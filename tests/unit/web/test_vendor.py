"""The libraries of the page: as published, listed, licensed, and the only ones that the page names."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pycluster.web

STATIC = Path(pycluster.web.__file__).parent / "static"
VENDOR = STATIC / "vendor"
MANIFEST: list[dict[str, Any]] = json.loads((VENDOR / "manifest.json").read_text())
IMPORT = re.compile(r"""\b(?:(?:import|export)\b[^"'`;()]*?\bfrom\s*|import\s*\(?\s*)["']([^"']+)["']""")


def import_map() -> dict[str, str]:
    """The bare names that the page may import, and the files they stand for."""
    found = re.search(r'<script type="importmap">(.*?)</script>', (STATIC / "index.html").read_text(), re.DOTALL)
    assert found is not None
    names: dict[str, str] = json.loads(found.group(1))["imports"]
    return names


def test_every_vendored_file_is_listed_once_and_unchanged() -> None:
    listed = {entry["file"]: entry["sha256"] for entry in MANIFEST}
    assert len(listed) == len(MANIFEST)
    there = {
        str(path.relative_to(VENDOR)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    assert listed == there


def test_every_package_comes_with_its_version_and_licence() -> None:
    assert {entry["licence"] for entry in MANIFEST} <= {"MIT", "Apache-2.0"}
    for package in {entry["package"] for entry in MANIFEST}:
        entries = [entry for entry in MANIFEST if entry["package"] == package]
        assert len({(entry["version"], entry["licence"]) for entry in entries}) == 1
        assert re.fullmatch(r"\d+\.\d+\.\d+", entries[0]["version"])
        licence = next(VENDOR / entry["file"] for entry in entries if entry["published_as"] == "LICENSE")
        words = {"MIT": "MIT License", "Apache-2.0": "Apache License"}[entries[0]["licence"]]
        assert words in licence.read_text()


def test_the_import_map_names_vendored_files_only() -> None:
    vendored = {f"/static/vendor/{entry['file']}" for entry in MANIFEST if entry["file"].endswith(".mjs")}
    assert set(import_map().values()) == vendored


def test_every_import_of_the_page_is_a_file_of_the_page() -> None:
    bare = set(import_map())
    for path in [*STATIC.rglob("*.js"), *STATIC.rglob("*.mjs")]:
        for name in IMPORT.findall(path.read_text()):
            if name.startswith("."):
                assert (path.parent / name).resolve().is_file(), f"{path.name} imports {name}"
            else:
                assert name in bare, f"{path.name} imports {name}"


def test_the_page_names_no_other_host() -> None:
    for path in STATIC.rglob("*"):
        if path.suffix in (".html", ".js", ".css", ".svg"):
            hosts = set(re.findall(r"(?:https?:)?//([\w-]+(?:\.[\w-]+)+)", path.read_text()))
            assert hosts <= {"www.w3.org"}, path.name
