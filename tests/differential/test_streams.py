"""Watch streams beside etcd: how watches are created, refused, cancelled, and asked how far they are."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.differential.beside import Beside, heard
from tests.differential.etcd import Etcd
from tests.unit.web.caller import Call

#: What happened before: ``a`` at revisions 2 to 4, deleted at 5, compacted at 3.
PAST = (
    ("/v3/kv/put", b'{"key":"YQ==","value":"MQ=="}'),
    ("/v3/kv/put", b'{"key":"YQ==","value":"Mg=="}'),
    ("/v3/kv/put", b'{"key":"YQ==","value":"Mw=="}'),
    ("/v3/kv/deleterange", b'{"key":"YQ=="}'),
    ("/v3/kv/compaction", b'{"revision":3,"physical":true}'),
)
STREAMS = (
    b'{"create_request":{"key":"YQ=="}}',
    b'{"create_request":{"key":"YQ==","watch_id":"-5"}}',
    b'{"create_request":{}}',
    b'{"create_request":{"range_end":"AA=="}}{"create_request":{"key":"Yg=="}}',
    b'{"create_request":{"key":"Yg==","range_end":"YQ=="}}{"create_request":{"key":"Yg==","range_end":"Yg=="}}',
    b'{"create_request":{"key":"YQ==","watch_id":1}}{"create_request":{"key":"YQ=="}}{"create_request":{"key":"YQ=="}}',
    b'{"create_request":{"key":"YQ==","watch_id":5}}{"create_request":{"key":"YQ==","watch_id":5}}{"cancel_request":'
    b'{"watch_id":"55"}}{"cancel_request":{"watch_id":"5"}}{"create_request":{"key":"YQ==","watch_id":5}}',
    b'{"progress_request":{}}',
    b'{"create_request":{"key":"YQ=="}}{"progress_request":{}}{"cancel_request":{}}',
    b'{"create_request":{"key":"YQ=="}} x {"create_request":{"key":"YQ=="}}',
    b'{}null{"createRequest":{"key":"YQ=="}}',
    b'{"create_request":{"key":"YQ==","start_revision":1}}',
    b'{"create_request":{"key":"YQ==","startRevision":"-1"}}',
    b'{"create_request":{"key":"YQ==","start_revision":"1000"}}',
    b'{"create_request":{"key":"YQ==","start_revision":4,"filters":["NOPUT","NODELETE"]}}',
    b'{"create_request":{"key":"YQ==","start_revision":4,"filters":[0],"prev_kv":true}}',
    b'{"create_request":{"key":"YQ==","start_revision":4,"filters":[1],"prev_kv":true,"fragment":true}}',
)
#: Refused before anything else was understood.
REFUSED = (
    b"x",
    b"[]",
    b'{"create_request":[]}',
    b'{"create_request":{"key":"Y"}}',
    b'{"create_request":{"key":"YQ==","filters":["X"]}}',
)


def plain(line: Any) -> Any:
    """Without who says it."""
    result = dict(line["result"])
    result["header"] = result["header"].get("revision")
    return result


def test_watch_streams_say_what_etcds_say(etcd: Etcd) -> None:
    async def compare() -> list[str]:
        beside = Beside(etcd)
        for path, body in PAST:
            await beside.same(path, body, path)
        for body in REFUSED:
            await beside.same("/v3/watch", body, f"watch {body.decode()}")
        wrong = []
        for body in STREAMS:
            async with Call(beside.app, "/v3/watch") as call:
                call.say(body)
                ours = [plain(line) for line in await heard(call)]
            theirs = etcd.watch(body)
            told = [plain(theirs.line()) for _ in ours]
            theirs.close()
            if ours != told:
                wrong.append(f"{body.decode()}\n  etcd {told}\n  ours {ours}")
        return wrong

    wrong = asyncio.run(compare())
    assert not wrong, "\n".join(wrong)
