"""From a request over HTTP to one of the replicated state, and from its failures to refusals."""

from __future__ import annotations

from typing import TypeVar, cast
from urllib.parse import unquote_to_bytes

import msgspec
from starlette.requests import Request

from pycluster import store
from pycluster.node.keyviews import StateFault, text_of
from pycluster.node.ports import StateFailed, StateStore
from pycluster.web.faults import HttpFault, StateRefusal, unfit
from pycluster.web.operations import Site

Shape = TypeVar("Shape", bound=msgspec.Struct)

_REQUEST_ID_MAX_BYTES = 64

_STATUS: dict[store.FailureKind, int] = {
    "compacted": 410,
    "future-revision": 400,
    "empty-key": 400,
    "key-too-large": 413,
    "request-too-large": 413,
    "too-many-operations": 400,
    "duplicate-key": 400,
    "key-not-found": 404,
    "value-provided": 400,
    "lease-provided": 400,
    "lease-not-found": 404,
    "lease-exists": 409,
    "lease-ttl-too-large": 400,
    "too-many-leases": 429,
    "no-space": 507,
    "bad-request": 400,
    "no-leader": 503,
    "timed-out": 504,
    "outcome-unknown": 504,
    "overloaded": 429,
}
_WHAT: dict[store.FailureKind, str] = {
    "compacted": "that revision is compacted",
    "future-revision": "there is no such revision yet",
    "empty-key": "a key is empty",
    "key-too-large": "a key is too long",
    "request-too-large": "that is too much at once",
    "too-many-operations": "a transaction has too many operations",
    "duplicate-key": "a transaction writes a key twice",
    "key-not-found": "there is no such key",
    "value-provided": "a value was given that is to be ignored",
    "lease-provided": "a lease was given that is to be ignored",
    "lease-not-found": "there is no such lease",
    "lease-exists": "that lease exists already",
    "lease-ttl-too-large": "a lease cannot last as long",
    "too-many-leases": "there are too many leases",
    "no-space": "the replicated state is full",
    "bad-request": "the request makes no sense",
    "no-leader": "no leader could be asked",
    "timed-out": "the replicated state did not answer in time",
    "outcome-unknown": "whether it was done is not known",
    "overloaded": "the replicated state has too much to do",
}
_REMEDY: dict[store.FailureKind, str] = {
    "compacted": "read again without a revision, or watch from the one given here",
    "no-space": "delete what is not needed, then compact",
    "no-leader": "try again; /api/v1/explain?question=leader says why there is none",
    "timed-out": "try again under the same Idempotency-Key: it is done once",
    "outcome-unknown": "try again under the same Idempotency-Key: it is done once",
    "overloaded": "try again in a moment",
    "lease-not-found": "it has ended, or was revoked; grant another",
    "key-too-large": "the settings bound a key's length",
    "request-too-large": "write, or ask for, less at once",
}


def refusal(failure: store.Failure) -> StateRefusal:
    """The answer that says so."""
    return StateRefusal(_STATUS[failure.kind], fault(failure))


def fault(failure: store.Failure) -> StateFault:
    """A failure in words for people and programs."""
    return StateFault(
        _WHAT[failure.kind],
        failure.detail,
        _REMEDY.get(failure.kind, ""),
        kind=failure.kind,
        retryable=failure.kind in store.RETRYABLE,
        resume_revision=failure.compact_revision if failure.kind == "compacted" else 0,
    )


def state_of(site: Site) -> StateStore:
    """The replicated state; raises ``HttpFault`` 503 where this agent serves none."""
    if site.state is None:
        raise HttpFault(503, "this agent serves no replicated state", remedy="ask another agent of the cluster")
    return site.state


async def ask(site: Site, request: Request, wanted: store.Request) -> store.Result:
    """What the state answers within the request's ``timeout_ms``; raises ``HttpFault``."""
    state, timeout_s = state_of(site), timeout_of(site, request)
    try:
        return await state.ask(wanted, timeout_s=timeout_s, request_id=request_id(request))
    except StateFailed as failed:
        raise refusal(failed.failure) from None


def timeout_of(site: Site, request: Request) -> float:
    """The request's ``timeout_ms``, in seconds; raises ``HttpFault``."""
    given = parameters(request).get("timeout_ms")
    if given is None:
        return site.bounds.state_timeout_s
    longest_ms = int(site.bounds.state_timeout_max_s * 1_000)
    milliseconds = int(given) if given.isdigit() and len(given) < 9 else 0
    if not 1 <= milliseconds <= longest_ms:
        raise HttpFault(400, "timeout_ms is a time in milliseconds", why=f"1 to {longest_ms} are possible")
    return milliseconds / 1_000


def request_id(request: Request) -> bytes:
    """The request's ``Idempotency-Key``, empty without one; raises ``HttpFault`` where it is unfit."""
    given = request.headers.getlist("idempotency-key")
    if not given:
        return b""
    found = given[0].encode("latin-1")
    if len(given) > 1 or not 1 <= len(found) <= _REQUEST_ID_MAX_BYTES:
        raise HttpFault(400, "an Idempotency-Key has 1 to 64 bytes, and is given once")
    return found


def parameters(request: Request) -> dict[str, bytes]:
    """The query, each value as the bytes that it is; raises ``HttpFault`` for one given twice."""
    found: dict[str, bytes] = {}
    for pair in cast(bytes, request.scope["query_string"]).split(b"&"):
        name, _, value = pair.replace(b"+", b" ").partition(b"=")
        if not pair:
            continue
        key = unquote_to_bytes(name).decode(errors="replace")
        if key in found:
            raise HttpFault(400, f"{key[:80]} is given more than once")
        found[key] = unquote_to_bytes(value)
    return found


def query(request: Request, shape: type[Shape]) -> Shape:
    """The query as ``shape``. A key that is no text becomes base64; raises ``HttpFault`` 400 where it is unfit."""
    given = parameters(request)
    given.pop("timeout_ms", None)
    fields: dict[str, str] = {}
    keys = {name: given.pop(name) for name in ("key", "range_end") if name in given}
    texts, encoding = text_of(*keys.values())
    if encoding == "base64" and "key_encoding" not in given:
        fields["key_encoding"] = encoding
    fields |= dict(zip(keys, texts, strict=True))
    fields |= {name: value.decode(errors="replace") for name, value in given.items()}
    try:
        return msgspec.convert(fields, shape, strict=False)
    except msgspec.ValidationError as error:
        raise unfit("the query does not fit", error, "/api/v1/openapi.json lists what it may have") from None


def no_query(request: Request) -> None:
    """Raise ``HttpFault`` 400 where there is more in the query than ``timeout_ms``."""
    other = parameters(request).keys() - {"timeout_ms"}
    if other:
        raise HttpFault(400, "the query does not fit", why=f"{min(other)[:80]} has no meaning here")
