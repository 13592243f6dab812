"""Single bodies beside etcd: how they are taken, and how what is malformed is refused."""

from __future__ import annotations

import asyncio

from tests.differential.beside import Beside, Different
from tests.differential.bodies import cases
from tests.differential.etcd import Etcd


def test_every_body_is_answered_as_etcd_does(etcd: Etcd) -> None:
    async def ask() -> list[str]:
        beside, wrong = Beside(etcd), []
        for path, body in cases():
            try:
                await beside.same(path, body, f"{path} {body.decode()}")
            except Different as difference:
                wrong.append(str(difference))
        return wrong

    wrong = asyncio.run(ask())
    assert not wrong, "\n".join(wrong)
