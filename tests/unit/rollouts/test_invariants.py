"""Whatever happens in whatever order, what rollouts promise holds: at every step, and at the end."""

from __future__ import annotations

import contextlib
import string

from hypothesis import given
from hypothesis import strategies as st

from pycluster.controllers import Plan
from pycluster.rollouts import NotPossible, Params
from pycluster.rollouts.model import OVER, STOPPED
from tests.unit.rollouts.stage import NAME, Stage

NODES = 6
SUBJECT = st.integers(1, NODES + 2).map(lambda number: f"n{number:02}")
STEP = st.one_of(
    st.tuples(st.just("lead"), st.integers(0, 3)),
    st.tuples(st.just("look"), st.none()),
    st.tuples(st.just("stale"), st.integers(0, 3)),
    st.tuples(st.just("obey"), SUBJECT),
    st.tuples(st.sampled_from(["down", "suspect", "alive", "join", "left"]), SUBJECT),
    st.tuples(st.sampled_from(["pause", "resume", "abort"]), st.none()),
    st.tuples(st.just("pass"), st.integers(1, 40_000)),
    st.tuples(st.just("term"), st.none()),
)
STRATEGY = st.fixed_dictionaries(
    {},
    optional={
        "canary": st.integers(0, 3),
        "batch": st.integers(0, 3),
        "percent": st.integers(0, 100),
        "soak_s": st.sampled_from([0.0, 5.0]),
        "failures": st.integers(0, 2),
        "on_failure": st.sampled_from(["rollback", "pause"]),
    },
)


class Watched(Stage):
    """A stage on which every change is looked at."""

    def __init__(self, strategy: dict[str, object], content: str, together: int) -> None:
        super().__init__(NODES, Params(together=together))
        self.view_kept = self.view()
        self.begin(content, timeout_s=30, **strategy)
        self.first: dict[str, int] = {}
        self.sizes: dict[int, int] = {}

    def step(self, what: str, subject: object) -> None:
        match what:
            case "lead":
                assert isinstance(subject, int)
                self.lead(subject)
            case "look":
                self.view_kept = self.view()
            case "stale":
                # Planned from what was seen long ago; performed now, as by a leader that stood still.
                assert isinstance(subject, int)
                plan: Plan = self.rolling.plan(self.view_kept, self.now_ms)
                self.perform(plan, subject)
            case "obey":
                if self.states.get(str(subject)) == "alive":
                    self.obey(str(subject))
            case "down" | "suspect" | "alive" | "left":
                if str(subject) in self.states:
                    self.states[str(subject)] = what
            case "join":
                self.join(str(subject))
            case "pass":
                assert isinstance(subject, int)
                self.now_ms += subject
            case "term":
                self.term += 1
            case _:
                with contextlib.suppress(NotPossible):
                    self.steer(what)  # type: ignore[arg-type]
        self.check()

    def check(self) -> None:
        run, entry = self.newest(), self.entry()
        released = self.released()
        if not run.over:
            assert len(released) == run.released <= run.quota
        # Who is not released has the old version; nobody has anything but the two.
        for node in self.states:
            version, content = self.sees(node)
            if run.state in ("running", "paused"):
                assert (version == 2) == (node in released), node
            if node not in released and run.state != "done":
                assert content == "one"
        assert (entry.rolling != 0) == (run.state in ("running", "paused"))
        assert entry.version == {"done": 2}.get(run.state, 3 if run.state in STOPPED else 1)
        # Nobody is released twice, and nobody into a batch that was begun too early or is full.
        for node, release in released.items():
            assert self.first.setdefault(node, release.batch) == release.batch
        lanes = self.show().lanes
        open_batches = {one.batch for one in lanes if one.state == "changing"}
        assert len(open_batches) <= 1 and open_batches <= {run.batch}
        strategy = run.strategy
        for batch in set(self.first.values()):
            canary = strategy.canary if batch == 1 else 0
            most = canary or strategy.size(run.total) or len(string.ascii_letters)
            assert sum(one == batch for one in self.first.values()) <= most


@given(STRATEGY, st.sampled_from(["two", "bad"]), st.integers(1, 3), st.lists(STEP, max_size=50))
def test_at_every_step_and_at_the_end(
    strategy: dict[str, object], content: str, together: int, steps: list[tuple[str, object]]
) -> None:
    stage = Watched(strategy, content, together)
    for what, subject in steps:
        stage.step(what, subject)
    # All is well from now on: it ends, and everybody has what is in force.
    for node, state in stage.states.items():
        stage.states[node] = "alive" if state != "left" else "left"
    for _ in range(200):
        if stage.newest().state == "paused" and not stage.newest().wish:
            stage.steer("resume")
        stage.lead()
        stage.obey()
        stage.check()
        stage.now_ms += 1_000
        if stage.newest().over:
            break
    run, entry = stage.newest(), stage.entry()
    assert run.state in OVER
    assert run.result == entry.version
    assert entry.content == (content if run.state == "done" else "one")
    if run.state == "done":
        seen = {one.node for one in run.lanes}
        assert {node for node, state in stage.states.items() if state == "alive"} <= seen | {"n07", "n08"}
        there = [one for one in run.lanes if stage.states[one.node] == "alive"]
        assert all(one.state in ("good", "failed") for one in there)
        assert all(one.state in ("good", "failed", "absent") for one in run.lanes)
    stage.obey()
    assert {stage.sees(node) for node in stage.states} == {(entry.version, entry.content)}
    assert [one.version for one in stage.history()] == list(range(entry.version, 0, -1))
    assert stage.history()[0].name == NAME
