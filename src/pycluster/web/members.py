"""The cluster's voters as etcd's members."""

from __future__ import annotations

from pycluster.node.ports import ClusterReads
from pycluster.web.gateway import Peer

#: The tag under which an agent tells others where its HTTP interface is: ``host:port``, or ``:port`` on its own host.
WEB_TAG = "web"


def peers(cluster: ClusterReads) -> tuple[Peer, ...]:
    """In the voters' order; their numbers are the upper 64 bits of their nodes' UUIDs."""
    known = {member.uuid: member for member in cluster.members() if member.uuid}
    found = []
    for voter in cluster.status().quorum.voters:
        member = known.get(voter.uuid)
        address, web = (member.address, member.tags.get(WEB_TAG, "")) if member else ("", "")
        if web.startswith(":"):
            web = address.rpartition(":")[0] + web
        found.append(
            Peer(
                int(voter.uuid[:16] or "0", 16),
                voter.name,
                (f"http://{address}",) if address else (),
                (f"http://{web}",) if web else (),
                voter.learner,
            )
        )
    return tuple(found)
