"""A rollout as the leader and the nodes would bring it forward, written by hand."""

from __future__ import annotations

import time

from msgspec.structs import replace
from playwright.sync_api import Page

from pycluster import store
from pycluster.rollouts.model import FileReport, Release, Report, Run, packed, unpacked
from pycluster.rollouts.names import node_key, release_key, run_key
from tests.browser.stage import Stage
from tests.unit.web.entries import NOW_MS


def report(stage: Stage, node: str, wanted: int, placed: int, problem: str = "", entry: str = "web/app.j2") -> None:
    """``node`` says which version of its file it has."""
    file = FileReport("app", entry, wanted, placed, NOW_MS + 1_000, problem)
    stage.put(node_key(node), packed(Report((file,))))


def begun(page: Page, stage: Stage, name: str, content: str) -> None:
    """Somebody has it rolled out."""
    answer = page.request.post(f"{stage.url}/api/v1/config/rollout", data={"name": name, "content": content})
    assert answer.ok, answer.text()


def run_of(stage: Stage, name: str, version: int) -> Run:
    """How the rollout stands."""
    found = stage.asks(store.Range(run_key(name, version)))
    assert isinstance(found, store.RangeResult)
    return unpacked(found.kvs[0], Run)


def advance(stage: Stage, name: str, version: int, **changes: object) -> None:
    """The leader notes something."""
    stage.put(run_key(name, version), packed(replace(run_of(stage, name, version), **changes)))


def release(stage: Stage, name: str, version: int, batch: int, *nodes: str) -> None:
    """The leader lets ``nodes`` have it."""
    for node in nodes:
        stage.put(release_key(node, name, version), packed(Release(batch, time.time_ns() // 1_000_000)))
    released = run_of(stage, name, version).released + len(nodes)
    advance(stage, name, version, batch=batch, released=released, quota=released)


def unrelease(stage: Stage, name: str, version: int, node: str) -> None:
    """The leader takes it back from ``node``."""
    stage.asks(store.DeleteRange(release_key(node, name, version)))
