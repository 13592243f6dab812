"""Bodies of single requests: spellings, numbers, base64, and what is malformed."""

from __future__ import annotations

from collections.abc import Iterator

#: One after the other, to one and the same state. ``=`` begins another path.
BODIES = r"""
= /v3/kv/put
{"key":"Zm9v="}
{"key":"Zm9v=="}
{"key":"Zm9v===="}
{"key":"Zm8=="}
{"key":"Zg==="}
{"key":"Zm9v\n="}
{"key":"Zg=\n=="}
{"key":["a"]}
{"key":[1,2]}
{"key":[256]}
{"key":"YQ==","lease":NaN}
{"key":"YQ==","lease":-Infinity}
{"key":"YQ==","lease":"1é"}
{é}
{"key":"YQ==","value":"Yg=="}
{"key":"YQ==","value":"Yg==","prevKv":true}
{"key":"YQ==","value":null,"prev_kv":true,"prevKv":false}
{"key":"YQ==","value":"Yg==","prev_kv":true,"prevKv":null}
{"key":"YQ==","ignore_value":true,"value":"YQ=="}
{"key":"YQ==","ignore_lease":true,"lease":"7"}
{"key":"bm9uZQ==","ignore_lease":true}
{"key":"bm9uZQ==","ignore_value":true}
{"key":"bm9uZQ==","lease":"9"}
{"key":"bm9uZQ==","lease":"9","ignore_value":true}
{"key":"bm9uZQ==","lease":-9}
{}

null
= /v3/kv/range
{"key":"YQ=="}
{"key":"YQ==","range_end":"AA=="}
{"key":"YQ==","rangeEnd":"AA==","countOnly":true}
{"key":"","rangeEnd":"AA=="}
{"key":null}
{"KEY":"YQ=="}
{"key":"YQ==","foo":[{"bar":1e3}]}
{"key":"YQ==","key":"Yg=="}
{"key":"YQ=="} x
{"key":"YQ=="}{"key":1}
{"key":"YQ=="
{"key":"Y\nQ\r=="}
{"key":"\u0059Q=="}
{"key":"Y"}
{"key":"YQ"}
{"key":"YQ="}
{"key":"YQ=a"}
{"key":"YQ\n=\na"}
{"key":"YQ=\n"}
{"key":"YQ==\n="}
{"key":"YQ==YQ=="}
{"key":"YQ==a"}
{"key":"="}
{"key":"Y==="}
{"key":"YR=="}
{"key":"YWE="}
{"key":"YWE"}
{"key":"YWE=="}
{"key":"YWFhY"}
{"key":"Y Q="}
{"key":"Y-_Q"}
{"key":"é"}
{"key":1}
{"key":true}
{"key":{}}
{"key":"YQ==","limit":1}
{"key":"YQ==","limit":"1"}
{"key":"YQ==","limit":" 1 "}
{"key":"YQ==","limit":"null"}
{"key":"YQ==","limit":null}
{"key":"YQ==","limit":-1}
{"key":"YQ==","limit":"-0"}
{"key":"YQ==","limit":""}
{"key":"YQ==","limit":"01"}
{"key":"YQ==","limit":"abc"}
{"key":"YQ==","limit":"true"}
{"key":"YQ==","limit":"[]"}
{"key":"YQ==","limit":1.5}
{"key":"YQ==","limit":1.0}
{"key":"YQ==","limit":1e1}
{"key":"YQ==","limit":true}
{"key":"YQ==","limit":[]}
{"key":"YQ==","limit":9223372036854775807}
{"key":"YQ==","limit":"9223372036854775808"}
{"key":"YQ==","limit":99999999999999999999}
{"key":"YQ==","revision":-1}
{"key":"YQ==","revision":"1"}
{"key":"YQ==","revision":1000}
{"key":"YQ==","min_mod_revision":-1}
{"key":"YQ==","max_mod_revision":"-1"}
{"key":"YQ==","sort_order":"ASCEND"}
{"key":"YQ==","sortOrder":2,"sortTarget":"VALUE"}
{"key":"YQ==","sort_order":null}
{"key":"YQ==","sort_order":"ascend"}
{"key":"YQ==","sort_order":"1"}
{"key":"YQ==","sort_order":1.5}
{"key":"YQ==","sort_order":true}
{"key":"YQ==","sort_order":[]}
{"key":"YQ==","sort_order":9999999999}
{"key":"YQ==","serializable":"true"}
{"key":"YQ==","serializable":1}
{"key":"YQ==","serializable":null}
[]
"x"
1
true
x
{x
{"a"x
{"a":x
{"a":1x
[1x
{"a":[1x
{"a":[{"b":1}x
{"a":"
{'a':1}
[1,]
nul
{"a":"\q"}
= /v3/kv/deleterange
{"key":"YQ==","range_end":"YQ==","prev_kv":true}
{}
= /v3/kv/txn
{}
null
{"compare":null,"success":null}
{"success":{}}
{"success":[{}]}
{"success":[{"request_txn":{}}]}
{"success":[{"request_range":{}}]}
{"success":[{"requestRange":{"key":"YQ=="}},{"request_put":{"key":"Yg=="}}]}
{"success":[{"request_put":{"key":"YQ=="}},{"request_put":{"key":"YQ=="}}]}
{"success":[{"request_txn":{"failure":[{"request_put":{"key":"YQ=="}}]}},{"request_put":{"key":"YQ=="}}]}
{"success":[{"request_put":{"key":"YQ=="}},{"request_delete_range":{"key":"YQ==","range_end":"AA=="}}]}
{"success":[{"request_put":{"key":"YQ==","lease":"12345"}}]}
{"success":[{"request_put":{"key":"bm9uZQ==","lease":"9","ignore_value":true}}]}
{"success":[{"request_put":{"key":"eg=="}},{"request_range":{"key":"eg==","revision":"1000"}}]}
{"success":[{"request_range":{"key":"YQ==","revision":-1}}]}
{"success":[{"request_range":{"key":"YQ==","revision":"-2"}}]}
{"compare":[{}]}
{"compare":[{"key":"YQ=="}]}
{"compare":[{"key":"YQ==","target":"VALUE","value":""}]}
{"compare":[{"key":"YQ==","target":"VALUE","version":"3"}]}
{"compare":[{"key":"YQ==","target":"LEASE"}]}
{"compare":[{"key":"YQ==","target":"LEASE","result":"NOT_EQUAL","lease":"1"}]}
{"compare":[{"key":"YQ==","target":2,"result":3,"modRevision":"1"}]}
{"compare":[{"key":"YQ==","target":"X"}]}
{"compare":[{"key":"YQ==","result":"greater"}]}
{"compare":[{"key":"YQ==","range_end":"AA==","target":"CREATE","result":"GREATER","create_revision":1}]}
= /v3/kv/compaction
{"revision":"4"}
{"revision":"4"}
{"revision":"300"}
{"physical":true}
{"revision":"-1"}
{"physical":"true","revision":5}
= /v3/kv/range
{"key":"YQ==","revision":"2"}
{"key":"YQ==","revision":-2}
= /v3/kv/txn
{"success":[{"request_range":{"key":"YQ==","revision":"-1"}}]}
{"success":[{"request_txn":{"success":[{"request_range":{"key":"YQ==","revision":-1}}]}}]}
{"failure":[{"request_range":{"key":"YQ==","revision":-1}}]}
= /v3/lease/grant
{"TTL":"500","ID":"7"}
{"TTL":"500","ID":"7"}
{"TTL":1,"ID":8}
{"TTL":-3,"ID":9}
{"TTL":9000000001}
{"TTL":9000000000,"ID":"11"}
{"TTL":1.5}
= /v3/lease/timetolive
{"ID":"7"}
{"ID":"77","keys":true}
{}
= /v3/kv/lease/timetolive
{"ID":7,"keys":false}
= /v3/kv/put
{"key":"bGVhc2Vk","lease":7}
= /v3/lease/timetolive
{"ID":"7","keys":true}
= /v3/lease/keepalive
{"ID":"7"}
{"ID":"7"}{"ID":"70"} {"ID":7}

{}
{"ID":"x"}
{"ID":"7"}{"ID":"x"}
{"ID":"7"}x
= /v3/lease/leases
{}
= /v3/kv/lease/leases
{}
= /v3/lease/revoke
{"ID":"7"}
{"ID":"7"}
{}
= /v3/kv/lease/revoke
{"ID":"8"}
= /v3/auth/authenticate
{"name":"a","password":"b"}
= /v3/nothing
{}
= /v3/kv/lease/grant
{}
= /v3beta/kv/range
{"key":"Yg=="}
"""


def cases() -> Iterator[tuple[str, bytes]]:
    """Each with its path, in order."""
    path = ""
    for line in BODIES.strip("\n").split("\n"):
        if line.startswith("= "):
            path = line.removeprefix("= ")
        else:
            yield path, line.encode()
