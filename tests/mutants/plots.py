"""Plots about members: who is believed, what is remembered."""

from __future__ import annotations

from pycluster import membership
from pycluster.kernel.ids import Seed
from pycluster.kernel.units import MILLISECOND, SECOND
from pycluster.membership import Packet
from pycluster.membership.messages import Suspect
from pycluster.membership.suspicion import REFUSED
from pycluster.node import events
from pycluster.node.view import MemberView
from pycluster.simulator.checkers import Violation
from pycluster.simulator.cluster import PORT, Blueprint, Cluster
from pycluster.simulator.host import Host
from pycluster.wire import Codec, Gossip
from tests.mutants.stage import Stage, isolate, unblamed


def seen(cluster: Cluster, by: str, name: str) -> MemberView | None:
    """What one node says of another."""
    host = cluster.world.hosts[by]
    assert host.process is not None
    views = host.process.members(host.clock.local(cluster.world.now_us))
    return next((view for view in views if view.name == name), None)


def everywhere(cluster: Cluster, name: str, state: str, rule: str) -> None:
    """All others that run hold ``name`` in that state, or it is a violation."""
    for host in cluster.world.hosts.values():
        if host.running and host.name != name:
            view = seen(cluster, host.label, name)
            if view is None or view.state != state:
                told = view.state if view is not None else "unheard of"
                raise Violation(rule, f"{host.label} says {name} is {told}, not {state}")


def leave(cluster: Cluster, host: Host) -> None:
    """An operator tells that node to leave for good."""
    cluster.world.tell(host, events.Leave(command=1))


def somebody_leaves(stage: Stage) -> None:
    """A node says goodbye: it is known to have left, and nobody accuses it."""
    cluster = stage.formed(5, listed=3)
    leave(cluster, cluster.world.hosts["node005"])
    cluster.world.run(5 * SECOND)
    everywhere(cluster, "node005", "left", "a goodbye is believed")
    cluster.world.run(20 * SECOND)
    everywhere(cluster, "node005", "left", "a goodbye is believed")


def goodbye_missed(stage: Stage) -> None:
    """A node was cut off while others said goodbye, and holds them for dead: the tables come together all the same.

    It is of the previous version, and asks nobody.
    """
    cluster = stage.formed(9, listed=3)
    unblamed(cluster)
    world = cluster.world
    world.kill(world.hosts["node004"])
    world.hosts["node004"].older = True
    world.start(world.hosts["node004"])
    world.run(10 * SECOND)
    others = [label for label in world.hosts if label != "node004"]
    for name in ("node005", "node006", "node007", "node008"):
        number = world.network.cut(frozenset(pair for b in others for pair in (("node004", b), (b, "node004"))))
        leave(cluster, world.hosts[name])
        world.run(2_500 * MILLISECOND)
        world.network.heal(number)
        world.streams.moved()
        world.run(20 * SECOND)
    world.run(150 * SECOND)
    for name in ("node005", "node006", "node007", "node008"):
        everywhere(cluster, name, "left", "tables come together")


def dead_for_a_minute(stage: Stage) -> None:
    """A node died: whoever asks a minute later is still told."""
    cluster = stage.formed(4)
    unblamed(cluster)
    cluster.world.kill(cluster.world.hosts["node004"], power=True)
    cluster.world.run(60 * SECOND)
    everywhere(cluster, "node004", "down", "the dead are remembered")


def slept_through_a_death(stage: Stage) -> None:
    """A node that was cut off believes in one that the others have convicted: its old word brings nobody back."""
    cluster = stage.formed(5, listed=3)
    unblamed(cluster)
    world = cluster.world
    for _ in range(4):
        world.freeze(world.hosts["node004"])
        world.kill(world.hosts["node005"], power=True)
        world.run(25 * SECOND)
        world.thaw(world.hosts["node004"])
        world.run(40 * SECOND)
        everywhere(cluster, "node005", "down", "the dead stay dead")
        world.start(world.hosts["node005"])
        world.run(10 * SECOND)


def partitioned(stage: Stage) -> None:
    """Two sides hold each other for dead and meet again: no side takes the other's word for it."""
    cluster = stage.formed(7, listed=5)
    for _ in range(4):
        isolate(cluster, ("node005", "node006", "node007"), 40 * SECOND)
        cluster.world.run(40 * SECOND)
        for host in cluster.world.hosts.values():
            everywhere(cluster, host.name, "alive", "membership converges")


def lone_accuser(stage: Stage) -> None:
    """One link is cut: who loses it accuses, the others reach the accused, and nobody is convicted."""
    cluster = stage.formed(5, listed=3)
    world = cluster.world
    world.network.cut(frozenset({("node004", "node005"), ("node005", "node004")}))
    world.run(60 * SECOND)
    for other in ("node001", "node002", "node003"):
        world.kill(world.hosts[other], power=True)
        world.hosts[other].disturbed_until_us = 10**15
    world.run(60 * SECOND)


def name_claimed_from_the_other_side(stage: Stage) -> None:
    """While a node was cut off, another came up beside it under a name that it held for dead; then all meet again."""
    cluster = stage.formed(4, listed=3)
    unblamed(cluster)
    world = cluster.world
    holder = world.hosts["node002"]
    second = cluster.host("node002*", 99, name="node002")
    second.stranger = True
    side = {"node004", "node002*"}
    cut = world.network.cut(frozenset(pair for a in side for b in set(world.hosts) - side for pair in ((a, b), (b, a))))
    world.run(40 * SECOND)
    address = world.hosts["node004"].address
    cluster.plan("demo", Blueprint((Seed("node004", address.host, PORT),)))
    world.start(second)
    world.run(20 * SECOND)
    world.network.heal(cut)
    world.streams.moved()
    for _ in range(30):
        world.run(SECOND)
        for by in ("node001", "node003"):
            view = seen(cluster, by, "node002")
            if view is None or view.uuid != holder.disk.uuid:
                raise Violation("a living holder keeps its name", f"{by} takes node002 for {view}")


def killed_in_a_crowd_of_the_sick(stage: Stage) -> None:
    """A process dies while all but one cannot look: the one that finds its port closed waits as a lone accuser does."""
    cluster = stage.formed(6, listed=3)
    unblamed(cluster)
    world = cluster.world
    for name in ("node001", "node002", "node003", "node004"):
        world.freeze(world.hosts[name])
    world.kill(world.hosts["node006"])
    world.run(6 * SECOND)


def one_word_goes_round(stage: Stage) -> None:
    """The same, and its word comes back to it by gossip, again and again: it is one accuser's all the same."""
    cluster = stage.formed(6, listed=3)
    unblamed(cluster)
    world = cluster.world
    accuser, subject, sender = (world.hosts[name] for name in ("node005", "node006", "node004"))
    for name in ("node001", "node002", "node003", "node004"):
        world.freeze(world.hosts[name])
    world.kill(subject)
    word = Suspect(subject.name, subject.disk.uuid, subject.disk.incarnation, accuser.name, REFUSED)
    packet = Packet(sender.name, sender.disk.uuid, sender.disk.incarnation, None, (word,))
    frame = Codec("demo").encode(Gossip(packet))
    since_us = world.now_us
    params = membership.Params()
    alone_us = int(params.suspicion_alpha * params.suspicion_beta * params.probe_interval_ms) * MILLISECOND
    while world.now_us < since_us + alone_us * 9 // 10:
        world.run(100 * MILLISECOND)
        view = seen(cluster, accuser.label, subject.name)
        if view is not None and view.state == "down":
            waited_ms = (world.now_us - since_us) // MILLISECOND
            raise Violation("one accuser waits", f"nobody but node005 looked, and it convicts after {waited_ms} ms")
        if view is not None and view.state == "suspect":
            world.network.inject(sender.address, accuser.address, frame)


def freezes_shortly(stage: Stage) -> None:
    """A process freezes until it is suspected and verified, and wakes: others vouch for it, and it refutes."""
    cluster = stage.formed(7, listed=3)
    unblamed(cluster)
    world = cluster.world
    for attempt in range(20):
        world.freeze(world.hosts["node007"])
        world.run((1_200 + 90 * attempt) * MILLISECOND)
        world.thaw(world.hosts["node007"])
        world.run(10 * SECOND)
