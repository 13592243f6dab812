"""Voter messages forged in true names make a leader stop and follow without end; the console stays readable."""

from __future__ import annotations

from collections import Counter

from pycluster.agent.quota import PEER_LINES_BURST, Quota
from pycluster.consensus import Heartbeat
from pycluster.kernel.ids import Address
from pycluster.node import events
from pycluster.node.view import ClusterEvent
from pycluster.wire import Codec, VoterMessage
from tests.unit.node.village import FIVE, Village

FORGERIES = 600
ATTACKER = Address("192.0.2.66", 4_444)


def besieged() -> tuple[Village, list[ClusterEvent]]:
    """A minute of heartbeats that node002 never sent, in ever higher terms; and what node003 told of it."""
    village = Village(FIVE[:3])
    village.run(20)
    codec = Codec(village.node("node003").config.cluster)
    header = village.status("node003")
    impostor = village.status("node002").uuid
    begun = len(village.heard.events)
    for number in range(FORGERIES):
        said = Heartbeat(
            term=header.leader.term + 10 + number,
            from_uuid=impostor,
            to_uuid=header.uuid,
            cluster_uuid=header.quorum.cluster_uuid,
            sent_us=1,
        )
        village.tell("node003", events.Datagram(ATTACKER, codec.encode(VoterMessage("node002", said))))
        village.run(60 / FORGERIES)
    village.run(60)
    return village, [event for name, event in village.heard.events[begun:] if name == "node003"]


def test_forged_terms_without_end_are_a_burst_and_a_line_a_minute_a_peer() -> None:
    village, told = besieged()
    flood = Counter(event.kind for event in told)
    assert flood["leader-changed"] > 100, "this is what the quota is for"
    quota = Quota()
    printed = [event for event in told if quota.allows(event)]
    for (_, kind), count in Counter((event.node, event.kind) for event in printed).items():
        assert count <= PEER_LINES_BURST + 2, kind
    last = [event.text for event in told if event.kind == "leader-changed"][-1]
    assert any(last in line for line in (*quota.surplus(None), *(event.text for event in printed))), (
        "nothing ends unsaid"
    )
    assert village.leader("node003").leader == "node001"
