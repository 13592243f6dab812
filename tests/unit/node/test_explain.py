"""Each answer to "why", word for word: one sentence, the evidence, and what to do."""

from __future__ import annotations

import pytest

from pycluster.kernel.errors import LocalMisuse
from pycluster.node import events
from pycluster.wire import Codec, Whois
from tests.unit.node.village import FIVE, Village

NETWORK = "UDP and TCP must pass on the agents' port in both directions"


@pytest.fixture
def village() -> Village:
    village = Village()
    village.run(20)
    return village


def test_before_there_is_a_cluster_it_says_who_is_missing() -> None:
    village = Village()
    village.kill("node001", "node002", "node005")
    village.run(10)
    why = village.explain("node003", "leader")
    assert why.question == "Why is there no leader?"
    assert why.answer == (
        "No leader: forming: 2 of 5 listed voters answered, 3 needed; silent: node001, node002, node005."
    )
    assert why.evidence == (
        "2 of 5 voters reachable, 3 needed",
        "voter node001: NOT reachable (no answer with the same list)",
        "voter node002: NOT reachable (no answer with the same list)",
        "voter node003: reachable (this node)",
        "voter node004: reachable (answered with the same list)",
        "voter node005: NOT reachable (no answer with the same list)",
        "this voter has no log yet: it starts one only together with a majority of the listed voters",
    )
    assert why.advice == (
        "start the agents on, or mend the network to, node001, node002, node005: 1 more voter is needed",
        NETWORK,
    )


def test_the_lowest_leads(village: Village) -> None:
    why = village.explain("node003", "leader")
    assert why.question == "Why is this the leader?"
    assert why.answer == (
        "node001 leads in term 1, for 19s: it has the lowest name of all voters, and a majority elected it."
    )
    assert why.evidence[0] == "5 of 5 voters reachable, 3 needed" and why.advice == ()
    assert why.evidence[1].startswith("voter node001: reachable (heard ") and why.evidence[1].endswith(" ms ago)")
    assert why.evidence[2:4] == (
        "voter node002: reachable (as membership sees it)",
        "voter node003: reachable (this node)",
    )


def test_another_leads_while_the_lowest_is_away_and_until_it_may_come_back(village: Village) -> None:
    village.kill("node001")
    village.run(60)
    why = village.explain("node003", "leader")
    assert why.answer.endswith(": it has the lowest name that a majority can vouch for; node001 cannot be reached.")
    assert why.evidence[1] == "voter node001: NOT reachable (heard 1m0s ago)"
    village.start("node001")
    village.run(3)
    coming = (
        "a majority elected it while lower names were away; node001 takes over once it has caught up and stayed"
        " healthy for its hold-down"
    )
    assert village.explain("node002", "leader").answer.endswith(f": {coming}.")
    asked = village.explain("node003", "leader").answer
    assert asked.endswith(f": {coming}, unless an operator moved leadership there."), "only the leader knows of pins"


def test_a_minority_says_that_it_is_one(village: Village) -> None:
    village.kill("node002", "node004", "node005")
    village.run(5)
    why = village.explain("node003", "leader")
    assert why.answer == "No leader: reaches 2 of 5 voters, 3 needed; silent: node002, node004, node005."
    assert why.advice[0].startswith("start the agents on, or mend the network to, node002, node004, node005: 1 more")


def test_strangers_that_were_refused_are_evidence(village: Village) -> None:
    frame = Codec("another").encode(Whois())
    village.tell("node003", events.Datagram(village.world.hosts["node002"].address, frame))
    why = village.explain("node003", "leader")
    assert why.evidence[-1] == "10.0.0.2: wrong-cluster: the frame belongs to a cluster of another name"


def test_who_does_not_vote_says_whose_word_it_is() -> None:
    village = Village(("node001", "node002", "node003", "watcher"), listed=FIVE[:3])
    village.run(20)
    why = village.explain("watcher", "leader")
    assert why.answer.endswith(": a voter confirmed it, and voters keep vouching for it.")
    assert why.evidence[1] == "voter node001: reachable (as membership sees it)"
    village.kill("node001", "node002")
    village.run(20)
    assert village.explain("watcher", "leader").answer == "No leader: node003 follows nobody."


def test_a_node_that_was_never_heard_of() -> None:
    village = Village(seed=2)
    village.kill("node005")
    village.run(5)
    why = village.explain("node001", "node", "node005")
    assert why.question == "Why is node005 unknown?"
    assert why.answer == "node005 is configured at 10.0.0.5:7946 and has never been heard of."
    assert why.advice == ("start its agent, and check that UDP and TCP reach 10.0.0.5:7946",)


def test_a_node_that_is_up_and_this_node_itself(village: Village) -> None:
    assert village.explain("node003", "node", "node001").answer == "node001 is alive, for 20s: it answers."
    assert village.explain("node003", "node", "node003").answer.endswith("s: it is this node.")


def test_a_node_that_is_suspected_and_then_down(village: Village) -> None:
    village.kill("node005")
    assert village.world.run_until(lambda: village.node("node001").members(0)[4].state == "suspect", 20_000_000)
    why = village.explain("node001", "node", "node005")
    assert why.question == "Why is node005 suspect?"
    assert "could not reach it, and others are checking." in why.answer
    village.run(30)
    why = village.explain("node001", "node", "node005")
    assert why.answer.endswith(": it was suspected, and nobody heard it refute in time.")
    assert any("accused by node00" in line for line in why.evidence)
    assert any("convicted by node00" in line for line in why.evidence)
    assert why.advice == (
        "look at the agent on 10.0.0.5:7946, or pycluster force-leave node005 when it is gone for good",
    )


def test_a_node_that_said_goodbye(village: Village) -> None:
    village.tell("node005", events.Drain())
    village.run(3)
    assert village.explain("node001", "node", "node005").answer.endswith(
        ": it said goodbye, or an operator forced it out."
    )


@pytest.mark.parametrize(
    ("question", "about", "what"),
    [
        ("weather", "", "cannot explain 'weather'"),
        ("node", "", "cannot explain 'node'"),
        ("node", "node009", "no node named 'node009' is known here"),
    ],
)
def test_what_cannot_be_explained_is_said_to_be_so(village: Village, question: str, about: str, what: str) -> None:
    with pytest.raises(LocalMisuse, match=what) as misuse:
        village.explain("node001", question, about)
    assert misuse.value.remedy
