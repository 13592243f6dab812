"""How much the HTTP interface gives to its clients. Sizes in bytes, times in seconds."""

from __future__ import annotations

import msgspec


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """Every bound of the HTTP interface; reaching one has an answer of its own."""

    #: A request's body: the longest we take is a list of hosts or 32 tags. Above it: 413.
    body_max_bytes: int = 64 * 1024
    #: A request's line and headers together: browsers stay below 8 KiB, a proxy adds little. Above it: 431.
    head_max_bytes: int = 16 * 1024
    #: Requests sent ahead on one connection without waiting for answers. Above it: 400.
    pipeline_max: int = 8
    #: Connections over TCP. Above it: 503. The Unix socket has as many of its own, so that no crowd of
    #: browsers can keep the operator's own command line out.
    connections_max: int = 256
    #: Answers that slow readers have not taken yet, over TCP together, and as many over the Unix socket. Above it:
    #: 503 for every answer longer than ``long_bytes``, and no further snapshots on event streams.
    unsent_max_bytes: int = 8 * 1024 * 1024
    long_bytes: int = 64 * 1024
    #: Event streams over TCP at once, and as many on the Unix socket. Above it: 503 with ``Retry-After``.
    streams_max: int = 64
    #: Watches of keys over TCP at once, and as many on the Unix socket. Above it: 503 with ``Retry-After``.
    watches_max: int = 128
    #: A request to the replicated state: its largest one (1.5 MiB) in base64, with its names. Above it: 413.
    state_body_max_bytes: int = 3 * 1024 * 1024
    #: How long the replicated state is given to answer, unless the request says otherwise (``timeout_ms``) ...
    state_timeout_s: float = 5.0
    #: ... and the longest that a request may say.
    state_timeout_max_s: float = 60.0
    #: Snapshots of the state on their way over TCP at once, and as many over the Unix socket: each keeps what is
    #: compacted meanwhile in memory. Above it: 503 with ``Retry-After``. One that takes longer is cut off.
    snapshots_max: int = 2
    snapshot_timeout_s: float = 3_600.0
    #: Events taken from the node ahead of a reader; what lies further back waits in the node's own bounded queue.
    stream_ahead: int = 16
    #: From a request's first byte (or the connection's first moment) to its last byte. Then the connection ends.
    request_timeout_s: float = 10.0
    #: An idle connection is kept this long for the next request.
    idle_timeout_s: int = 5
    #: A reader that takes nothing for this long is cut off, by us on a stream, by the kernel on any TCP connection.
    reader_timeout_s: float = 20.0
    #: A silent stream carries a comment this often, so that both ends notice a dead connection.
    keep_alive_s: float = 10.0
    #: A stream with snapshots sends the status again at most this often when something changed ...
    snapshot_gap_s: float = 0.5
    #: ... and at least this often when nothing did, so that a page's figures never grow old.
    snapshot_age_s: float = 5.0
    #: A request's body under ``/v3/``, as etcd takes it. Above it, and above all such bodies on their way: 429.
    gateway_body_max_bytes: int = 2 * 1024 * 1024
    bodies_max_bytes: int = 32 * 1024 * 1024
    #: Watch streams over TCP at once, and as many on the Unix socket; watches on one stream. Above it: 429, or refused.
    watch_streams_max: int = 128
    stream_watches_max: int = 256
    #: A watch's events of more characters are told in pieces, where the client can put them together.
    fragment_bytes: int = 3 * 1024 * 1024 // 2
    #: A watch that nothing happens to says how far it has come this often, where the client wants it.
    progress_s: float = 600.0
    #: Requests still running when the agent stops get this long to end.
    shutdown_s: int = 2
