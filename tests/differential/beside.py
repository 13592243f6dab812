"""The same history told to a real etcd and to our gateway; what they answer must be the same bytes.

Only this may differ: who answers (cluster, member, term), how many seconds of a lease are left, the order in which
leases and their keys are listed.
"""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from itertools import zip_longest
from typing import Any

import msgspec

from pycluster.web.app import App, make_app
from pycluster.web.authorise import Access
from tests.differential.etcd import Etcd, Watching
from tests.differential.histories import LAST_KEY, LAST_WATCH, Asked, History
from tests.differential.local import LocalState
from tests.unit.web.caller import Call, call
from tests.unit.web.fake import FakeCluster

_WHO = re.compile(rb'"(cluster_id|member_id|raft_term)":"[0-9]+"')
_LEFT = re.compile(rb'"TTL":"[1-9][0-9]*"')
_LAST = b64encode(LAST_KEY).decode()
#: How often our tasks get their turn before what they have said counts as all.
_TURNS = 200


class Different(AssertionError):
    """What differs, and after which history."""


class Beside:
    """Both, side by side; they begin empty and stay equal."""

    def __init__(self, etcd: Etcd) -> None:
        self.etcd = etcd
        self.state = LocalState()
        self.app: App = make_app(FakeCluster(), Access(), state=self.state)

    async def play(self, seed: int, operations: int) -> None:
        """One history; raises ``Different`` at the first answer that is not the same. Leaves no key and no lease."""
        history = History(seed, self.state.store.revision)
        body = history.live_watch()
        theirs = self.etcd.watch(body)
        # It takes a watch in when it gets to it, and says then which revision it has seen.
        lines: list[Any] = []
        while sum("created" in line["result"] for line in lines) < body.count(b'"create_request"'):
            lines.append(theirs.line())
        async with Call(self.app, "/v3/watch") as ours:
            ours.say(body)
            told = await heard(ours)
            for place in range(operations):
                asked = history.operation(self.state.store.revision, self.state.store.compact_revision)
                where = f"seed {seed}, operation {place}: {asked.path} {asked.body.decode()}"
                if asked.path == "/v3/kv/compaction":
                    # What was before an event etcd looks up when it tells the event: that must not be forgotten yet.
                    lines += await self._catch_up(theirs, where)
                await self._one(asked, where)
            where = f"seed {seed}, live watch {body.decode()}"
            lines += await self._catch_up(theirs, where)
            told += await heard(ours)
        theirs.close()
        compare_watches(told, lines, where)
        await self._clear(seed)

    async def _catch_up(self, theirs: Watching, where: str) -> list[Any]:
        """Everything that etcd has to tell."""
        await self.same("/v3/kv/put", msgspec.json.encode({"key": LAST_KEY}), where)
        newest = str(self.state.store.revision)
        lines: list[Any] = []
        while not (lines and is_last(lines[-1]) and lines[-1]["result"]["events"][-1]["kv"]["mod_revision"] == newest):
            lines.append(theirs.line())
        return lines

    async def _one(self, asked: Asked, where: str) -> None:
        if asked.path == "/v3/watch":
            async with Call(self.app, asked.path) as ours:
                ours.say(asked.body)
                told = await heard(ours)
            self._compare_past(told, self.etcd.watch(asked.body), where)
            return
        await self.same(asked.path, asked.body, where)

    def _compare_past(self, ours: list[Any], watching: Watching, where: str) -> None:
        """As many lines as it takes to hear as much as we have said."""
        words, events = told_by(ours)
        lines: list[Any] = []
        try:
            while len(told_by(lines)[0]) < len(words) or len(told_by(lines)[1]) < len(events):
                lines.append(watching.line())
        except TimeoutError:
            where += ", where etcd says no more"
        watching.close()
        compare_watches(ours, lines, where)

    async def same(self, path: str, body: bytes, where: str) -> bytes:
        """Ask both; returns what they say, with what may differ taken out."""
        status, theirs = self.etcd.ask(path, body)
        reply = await call(self.app, path, body)
        if (status, plain(path, theirs)) != (reply.status, plain(path, reply.body)):
            raise Different(f"{where}\n  etcd {status} {theirs.decode()}\n  ours {reply.status} {reply.body.decode()}")
        return plain(path, reply.body)

    async def _clear(self, seed: int) -> None:
        where = f"seed {seed}, at the end"
        listed = msgspec.json.decode(await self.same("/v3/lease/leases", b"{}", where))
        for lease in listed.get("leases", []):
            await self.same("/v3/lease/revoke", msgspec.json.encode(lease), where)
        await self.same("/v3/kv/deleterange", b'{"key":"AA==","range_end":"AA=="}', where)
        await self.same("/v3/kv/compaction", b'{"revision":%d,"physical":true}' % self.state.store.revision, where)


def compare_watches(ours: list[Any], theirs: list[Any], where: str) -> None:
    """Raises ``Different`` where two streams do not tell the same."""
    for expected, told in zip(told_by(theirs), told_by(ours), strict=True):
        for place, (one, other) in enumerate(zip_longest(expected, told)):
            if one != other:
                raise Different(f"{where}, at {place}\n  etcd {one}\n  ours {other}")


def is_last(line: Any) -> bool:
    """Whether it tells the end."""
    return line["result"].get("watch_id") == str(LAST_WATCH) and "events" in line["result"]


async def heard(ours: Call) -> list[Any]:
    """The lines of our stream so far."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)
    return await ours.lines()


def told_by(lines: list[Any]) -> tuple[list[dict[str, Any]], list[Any]]:
    """What was said about the watch, and its events but the last, however they were put into lines."""
    words, events = [], []
    for line in lines:
        result = dict(line["result"])
        result["header"] = {name: value for name, value in result["header"].items() if name == "revision"}
        told = [event for event in result.pop("events", []) if event["kv"]["key"] != _LAST]
        if is_last(line):
            continue
        events += told
        if "events" not in line["result"]:
            words.append(result)
    return words, events


def plain(path: str, body: bytes) -> bytes:
    """Without what may differ."""
    body = _WHO.sub(rb'"\1":"some"', body)
    body = _LEFT.sub(b'"TTL":"some"', body) if "timetolive" in path else body
    if path.endswith(("leases", "timetolive")) and body.startswith(b'{"header'):
        found = msgspec.json.decode(body)
        for name in ("leases", "keys"):
            if name in found:
                found[name] = sorted(found[name], key=str)
        return msgspec.json.encode(found)
    return body
