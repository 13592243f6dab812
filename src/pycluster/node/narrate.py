"""The words for what happens to members and leaders: the origin's lines first, word for word, where it has them."""

from __future__ import annotations

from pycluster.membership import MemberChanged


def member_kind(change: MemberChanged) -> str:
    """The kind of a member's change; of most lines about newcomers to a large table no more is wanted."""
    match change.cause:
        case "discovered":
            return "member-up"
        case "alive":
            return "member-up" if returned(change) else "member-refuted"
        case "suspect":
            return "member-suspect"
        case "down":
            return "member-down"
        case "left":
            return "member-left"
        case "updated":
            return "member-updated"
        case "forgotten":
            return "member-forgotten"


def member_text(change: MemberChanged) -> str:
    """The line."""
    name = change.member.name
    match change.cause:
        case "discovered":
            return f"New node discovered: {name}"
        case "alive":
            if returned(change):
                return f"New node discovered: {name} (came back)"
            return f"Node {name} is alive: it refuted the suspicion"
        case "suspect":
            return f"Node suspected: {name}{_why(change)}"
        case "down":
            return f"Node timeout: {name}{_why(change)}"
        case "left":
            return f"Node left: {name}{_why(change)}"
        case "updated":
            return f"Node {name} changed{_why(change)}"
        case "forgotten":
            return f"Node forgotten: {name}{_why(change)}"


def returned(change: MemberChanged) -> bool:
    """Whether a member that was down or had left is back."""
    return change.cause == "alive" and "returned" in change.detail


def kept_back(lines: int) -> str:
    """Lines about members of whom this node only heard from others."""
    return f"{lines} more lines about members that this node never met were kept back"


def leader_timed_out(leader: str) -> str:
    """A non-voter's line when the leader it followed is gone; a voter's comes from the election itself."""
    return f"Leader {leader} timed out, initiating new election (among the voters)"


def following(leader: str, term: int) -> str:
    """Another node leads."""
    return f"Following new leader: {leader} (term {term})"


def became_leader(name: str, term: int) -> str:
    """This node leads."""
    return f"Became new leader: {name} (term {term})"


def elected(name: str, term: int) -> str:
    """This node leads, and does not act yet."""
    return f"Became new leader: {name} (term {term}); it acts when the former leader's lease is over"


def acts(name: str, term: int) -> str:
    """This node, which leads already, acts from now on."""
    return f"Acts as leader: {name} (term {term})"


def stopped_leading(name: str, term: int, reason: str) -> str:
    """This node led until now."""
    return f"Stopped leading: {name} (term {term}): {reason}"


def no_leader(reason: str) -> str:
    """Nobody leads as far as this node may believe."""
    return f"No leader: {reason}"


def role_changed(name: str, role: str) -> str:
    """Another node's role in the origin's sense."""
    return f"Updated node {name} state to {role}"


def _why(change: MemberChanged) -> str:
    return f" ({change.detail})" if change.detail else ""
