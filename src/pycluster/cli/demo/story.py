"""The demo's course: start the agents, pass on what they say, kill the leader when asked to, stop everything."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import time

from pycluster.cli.demo.actor import Actor, Speech
from pycluster.cli.demo.programme import programme
from pycluster.cli.demo.stage import Plan
from pycluster.cli.demo.stops import Stops
from pycluster.cli.demo.voices import Voices
from pycluster.cli.exits import Exit
from pycluster.kernel.errors import PyClusterError

#: Between SIGTERM and SIGKILL, for all agents together.
_PATIENCE_S = 5.0
#: Between two questions who leads, when it is time to kill the leader.
_ASK_EVERY_S = 0.25
_TICK_S = 0.5


class Story:
    """One demo. Times are in seconds from the moment when all agents are started; None: never."""

    def __init__(
        self, plan: Plan, voices: Voices, stops: Stops, kill_leader_after: float | None, exit_after: float | None
    ) -> None:
        self._plan = plan
        self._voices = voices
        self._kill_after = kill_leader_after
        self._exit_after = exit_after
        self._actors: dict[str, Actor] = {}
        self._selector = selectors.DefaultSelector()
        self._stops = stops
        self._selector.register(stops, selectors.EVENT_READ)

    def play(self) -> int:
        """Until it is over; gives the exit code. No agent is left, whatever happens."""
        with self._selector:
            try:
                return self._play()
            finally:
                self._kill_all()

    def _play(self) -> int:
        plan, voices = self._plan, self._voices
        for place in plan.places:
            actor = self._actors[place.name] = Actor(plan, place)
            for pipe in actor.streams:
                os.set_blocking(pipe.fileno(), False)
                self._selector.register(pipe, selectors.EVENT_READ, Speech(place.name, pipe))
        pids = {name: actor.process.pid for name, actor in self._actors.items()}
        voices.tell(*programme(plan, pids, self._kill_after, self._exit_after))
        begun = time.monotonic()
        kill_at = None if self._kill_after is None else begun + self._kill_after
        exit_at = None if self._exit_after is None else begun + self._exit_after
        while not self._stops.count:
            now = time.monotonic()
            if kill_at is not None and now >= kill_at:
                if self._kill_leader():
                    # A slow machine elects late, and then needs its time to tell the rest.
                    exit_at = None if exit_at is None else exit_at + now - kill_at
                    kill_at = None
                else:
                    self._listen(_ASK_EVERY_S)
                    continue
            if exit_at is not None and now >= exit_at and kill_at is None:
                self._last_scene()
                break
            due = min((at for at in (kill_at, exit_at) if at is not None), default=now + _TICK_S)
            self._listen(min(max(due - now, 0), _TICK_S))
            if not any(actor.alive for actor in self._actors.values()):
                self._miss_the_dead()
                voices.tell("No agent is left: the demo is over.")
                return Exit.FAILED
        self._stop_all()
        return Exit.DONE

    def _listen(self, timeout_s: float) -> None:
        """Pass on what the agents say within that time."""
        for key, _ in self._selector.select(timeout_s):
            if isinstance(key.data, Speech):
                self._hear(key.data)
            else:
                self._stops.look()
        self._miss_the_dead()

    def _hear(self, speech: Speech, silent: bool = False) -> None:
        lines = speech.read()
        if lines is None:
            self._selector.unregister(speech.pipe)
            speech.pipe.close()
            lines = speech.last_words()
        if lines and not silent:
            self._voices.speak(speech.name, lines)

    def _miss_the_dead(self) -> None:
        """Tell of agents that ended by themselves, once each."""
        for name, actor in self._actors.items():
            if not actor.expected and not actor.alive:
                actor.expected = True
                self._voices.tell(f"{name} {actor.ending()}.")

    def _leader(self) -> Actor | None:
        """The agent that leads by its own word."""
        for actor in self._actors.values():
            if actor.alive:
                with contextlib.suppress(PyClusterError):
                    leader = self._actors.get(actor.client.leader().leader)
                    if leader is not None and leader.alive:
                        return leader
        return None

    def _kill_leader(self) -> bool:
        leader = self._leader()
        if leader is None:
            return False
        self._voices.tell(f"Killing the leader, {leader.place.name}, hard (SIGKILL: no goodbye).")
        leader.send(signal.SIGKILL)
        return True

    def _last_scene(self) -> None:
        """What a survivor sees at the end."""
        from pycluster.agent.console import status_block

        for actor in self._actors.values():
            if actor.alive:
                with contextlib.suppress(PyClusterError):
                    block = status_block(actor.client.status())
                    self._voices.tell(f"At the end {actor.place.name} sees:", *block.rstrip("\n").split("\n")[1:])
                    return

    def _stop_all(self) -> None:
        """SIGTERM, and SIGKILL after a while or when asked a second time."""
        self._voices.tell("Stopping the agents.")
        for actor in self._actors.values():
            if actor.alive:
                actor.send(signal.SIGTERM)
                actor.send(signal.SIGCONT)  # one that is stopped hears nothing before
        stops, end = self._stops.count, time.monotonic() + _PATIENCE_S
        while time.monotonic() < end and self._stops.count == stops:
            if not any(actor.alive for actor in self._actors.values()):
                return
            for key, _ in self._selector.select(0.05):
                if isinstance(key.data, Speech):
                    self._hear(key.data, silent=True)
                else:
                    self._stops.look()

    def _kill_all(self) -> None:
        for actor in self._actors.values():
            if actor.alive:
                actor.process.kill()
        for actor in self._actors.values():
            actor.process.wait()
            for pipe in actor.streams:
                pipe.close()
