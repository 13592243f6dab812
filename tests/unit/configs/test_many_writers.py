"""Many who change the same entries at once, by chance: no version is lost or given twice, none breaks a schema."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random

import pytest

from pycluster import store
from pycluster.configs import ChangeRequest, Configs, Contended, NoEntry, Params, RollbackRequest, Unfit, Wanted
from pycluster.configs.names import of_history
from pycluster.judging import Case, Verdict
from pycluster.judging.judge import judge
from tests.unit.web.fakestate import FakeState

NAMES = ("a.json", "a.json@node:x", "b", "a.json@schema")
CONTENTS = {
    "a.json": ("{}", '{"k": 1}', '{"k": 2}', '{"k": 1, "l": 1}'),
    "a.json@node:x": ("{}", '{"m": 1}', '{"k": null}'),
    "b": ("x", "y"),
    "a.json@schema": ('{"maxProperties": 1}', '{"minProperties": 1}', "{}"),
}


class Late(FakeState):
    """Every request arrives some turns of the loop later, so that those of others come in between."""

    def __init__(self, rng: Random) -> None:
        super().__init__()
        self._rng = rng

    async def ask(self, request: store.Request, *, timeout_s: float = 5.0, request_id: bytes = b"") -> store.Result:
        for _ in range(self._rng.randrange(4)):
            await asyncio.sleep(0)
        return await super().ask(request, timeout_s=timeout_s, request_id=request_id)


async def judged(cases: tuple[Case, ...]) -> tuple[Verdict, ...]:
    await asyncio.sleep(0)
    return judge(cases)


async def write(configs: Configs, rng: Random, made: list[tuple[str, int, str | None]]) -> Counter[str]:
    """Some changes; ``made`` gets each version with its content."""
    seen: Counter[str] = Counter()
    for _ in range(30):
        name = rng.choice(NAMES)
        content = rng.choice((*CONTENTS[name], None))
        try:
            if rng.random() < 0.2:
                done = await configs.rollback(RollbackRequest(name=name, to=rng.randrange(1, 5)))
                content = None
            else:
                done = await configs.change(ChangeRequest(entries=(Wanted(name=name, content=content),)))
        except (Unfit, Contended, NoEntry) as error:
            seen[type(error).__name__] += 1
            continue
        change = done.changes[0]
        seen[change.action] += 1
        if change.action != "unchanged":
            made.append((name, change.version, content if change.action != "deleted" else None))
    return seen


@pytest.mark.parametrize("seed", range(8))
def test_versions_are_whole_and_schemas_hold_whoever_writes(seed: int) -> None:
    async def play() -> None:
        rng = Random(seed)
        state, made = Late(rng), list[tuple[str, int, str | None]]()
        writers = [Configs(state, judged, lambda: 1_000, Params(history_versions=1_000)) for _ in range(4)]
        seen: Counter[str] = Counter()
        for told in await asyncio.gather(*(write(one, Random(rng.getrandbits(32)), made) for one in writers)):
            seen += told
        assert seen["created"] and seen["changed"] and seen["deleted"] and seen["Unfit"], seen
        given = Counter((name, version) for name, version, _ in made)
        assert given.most_common(1)[0][1] == 1, "no version is given twice"
        now: dict[str, str] = {}
        for name in NAMES:
            versions = [one.version for one in (await writers[0].history(name)).versions]
            assert versions == list(range(len(versions), 0, -1)), "none is missing"
            assert {version for other, version in given if other == name} == set(versions)
            for other, version, content in made:
                if other == name and content is not None:
                    assert (await writers[0].get(name, version)).content == content
            try:
                now[name] = (await writers[0].get(name)).content
            except NoEntry:
                continue
        schema = (("s", "yaml", now["a.json@schema"]),) if "a.json@schema" in now else ()
        layers = [now[name] for name in ("a.json", "a.json@node:x") if name in now]
        cases = [Case("c", "json", tuple(layers[: depth + 1]), schema) for depth in range(len(layers))]  # type: ignore[arg-type]
        assert all(not verdict.problems for verdict in judge(tuple(cases))), (now, "what is in force fits")
        found = state.store.range(store.Range(b"/pycluster/config/history/", b"/pycluster/config/history0"))
        assert isinstance(found, store.RangeResult)
        assert len({of_history(kv.key)[:2] for kv in found.kvs}) == found.count, "one record a version"

    asyncio.run(play())
