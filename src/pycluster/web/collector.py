"""The metrics themselves: names, units and helps as ``docs/reference/metrics.md`` lists them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from pycluster.node.ports import ClusterReads, StateHead, StateReads
from pycluster.node.view import EngineView, StatusView

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_NOT_A_NAME = re.compile(r"[^a-z0-9]+")
_MILLI, _MICRO = 1e-3, 1e-6


class StatusCollector(Collector):
    """One reading of the status a scrape."""

    def __init__(
        self, cluster: ClusterReads, streams: Callable[[], int], state: StateReads | None, watches: Callable[[], int]
    ) -> None:
        self._cluster = cluster
        self._streams = streams
        self._state = state
        self._watches = watches

    def collect(self) -> Iterator[Metric]:
        """Every metric of the node, freshly read."""
        status = self._cluster.status()
        yield from _node(status)
        yield from _members(status)
        yield from _election(status)
        yield _gauge("event_streams", "Readers connected to this agent's event stream.", self._streams())
        if self._state is not None:
            yield from _engine(status.engine)
            yield from _state(self._state.head(), status.engine.kind)
            yield _gauge(
                "key_watches", "Readers of watches of keys at this agent, those of /v3/ not counted.", self._watches()
            )
        yield from _controllers(status)
        for name in sorted(status.counters):
            plain = _NOT_A_NAME.sub("_", name.lower()).strip("_").removesuffix("_total")
            if plain:
                yield CounterMetricFamily(
                    f"pycluster_{plain}", f"The node's counter {name!r} since it started.", status.counters[name]
                )


def exposition(
    cluster: ClusterReads, streams: Callable[[], int], state: StateReads | None, watches: Callable[[], int]
) -> Callable[[], bytes]:
    """A function that gives the metrics as text."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(StatusCollector(cluster, streams, state, watches))
    ProcessCollector(registry=registry)
    return lambda: generate_latest(registry)


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(f"pycluster_{name}", about, value)


def _node(status: StatusView) -> Iterator[Metric]:
    about = {"version": status.version, "cluster": status.cluster, "node": status.name, "uuid": status.uuid}
    yield InfoMetricFamily("pycluster", "The agent: its version, its cluster, its node's name and identity.", about)
    uptime = (status.now_us - status.started_us) * _MICRO
    yield _gauge("uptime_seconds", "Since the node started, the time asleep included.", uptime)
    score = "How far the node distrusts itself: 0 is fit, each step stretches its accusations' time-outs."
    yield _gauge("local_health_score", score, status.health.score)
    yield _gauge("warnings", "Warnings about the settings that the agent gave at start.", len(status.warnings))


def _members(status: StatusView) -> Iterator[Metric]:
    counts = GaugeMetricFamily("pycluster_members", "Members by state, the local one included.", labels=("state",))
    for state in ("alive", "suspect", "down", "left", "unknown"):
        counts.add_metric((state,), getattr(status.counts, state))
    yield counts
    rtt = GaugeMetricFamily(
        "pycluster_member_rtt_seconds", "Round-trip time to a member, smoothed.", labels=("member",)
    )
    seen = GaugeMetricFamily(
        "pycluster_member_last_seen_seconds", "Age of the newest direct proof of a member's life.", labels=("member",)
    )
    for member in status.members:
        if member.rtt_ms is not None:
            rtt.add_metric((member.name,), member.rtt_ms * _MILLI)
        if member.last_seen_ms is not None and not member.local:
            seen.add_metric((member.name,), member.last_seen_ms * _MILLI)
    yield rtt
    yield seen


def _election(status: StatusView) -> Iterator[Metric]:
    leader, quorum = status.leader, status.quorum
    yield _gauge("leader_known", "1 while this node knows a leader that it may believe in.", bool(leader.leader))
    yield _gauge("leader_is_local", "1 while this node is that leader.", leader.leader == status.name)
    yield _gauge("acting", "1 while this node holds the lease to act as leader.", leader.acting)
    yield _gauge(
        "lease_remaining_seconds", "What is left of that lease; 0 without one.", (leader.lease_ms or 0) * _MILLI
    )
    yield _gauge("term", "The election term, which is the fencing token too.", leader.term)
    yield _gauge("voters", "Voting seats, learners not counted.", sum(not voter.learner for voter in quorum.voters))
    yield _gauge("voters_needed", "Voters that make a quorum.", quorum.needed)
    yield _gauge("voters_reachable", "Voters that this node reaches, itself included.", quorum.reachable)
    yield _gauge(
        "commit_index",
        "The newest log entry known to be committed; 0 on a node that does not vote.",
        quorum.commit_index,
    )
    yield _gauge("last_log_index", "The newest entry in this node's log.", quorum.last_index)


def _controllers(status: StatusView) -> Iterator[Metric]:
    labels = ("controller",)
    problem = GaugeMetricFamily(
        "pycluster_controller_problem", "1 while a controller's newest plan failed.", labels=labels
    )
    plans = CounterMetricFamily("pycluster_controller_plans", "Plans that a controller made.", labels=labels)
    steps = CounterMetricFamily("pycluster_controller_steps", "Steps of plans that were performed.", labels=labels)
    conflicts = CounterMetricFamily(
        "pycluster_controller_conflicts", "Steps that found the state changed since they were planned.", labels=labels
    )
    failures = CounterMetricFamily("pycluster_controller_failures", "Plans that failed.", labels=labels)
    for one in status.controllers:
        problem.add_metric((one.name,), bool(one.problem))
        plans.add_metric((one.name,), one.plans)
        steps.add_metric((one.name,), one.steps)
        conflicts.add_metric((one.name,), one.conflicts)
        failures.add_metric((one.name,), one.failures)
    if status.controllers:
        yield from (problem, plans, steps, conflicts, failures)


def _engine(engine: EngineView) -> Iterator[Metric]:
    about = {"engine": engine.kind, "version": engine.version}
    yield InfoMetricFamily("pycluster_state_engine", "What holds the replicated state.", about)
    if engine.kind == "embedded":
        return
    yield _gauge("state_engine_problem", "1 while that engine is not as it should be.", bool(engine.problem))
    up = GaugeMetricFamily(
        "pycluster_state_endpoint_up", "1 where a member of that engine answered when last asked.", labels=("endpoint",)
    )
    for endpoint in engine.endpoints:
        up.add_metric((endpoint.url,), not endpoint.problem)
    yield up


def _state(head: StateHead, engine: str) -> Iterator[Metric]:
    yield _gauge("state_replica", "1 where this node holds a copy of the replicated state.", head.replica)
    if not head.replica and engine == "embedded":
        return
    yield _gauge("state_revision", "The newest revision in this node's copy.", head.revision)
    yield _gauge(
        "state_compact_revision", "The oldest revision that can still be read; 0 for all.", head.compact_revision
    )
    yield _gauge("state_applied_index", "The last log entry in this node's copy.", head.index)
    yield _gauge(
        "state_size_bytes", "Keys, values and what a version costs besides, history included.", head.size_bytes
    )
