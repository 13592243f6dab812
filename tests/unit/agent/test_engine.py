"""Which engine an agent is given, and what it says of it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pycluster.agent.engine import differing, other_engine
from pycluster.kernel.errors import LocalMisuse
from pycluster.kernel.url import Url
from pycluster.node.ports import StateHead
from pycluster.node.view import MemberView
from pycluster.settings import Settings, tags_of
from tests.cluster.agents import environment
from tests.unit.agent.test_banner import said

URLS = (Url("a", 2379), Url("b", 2379, secure=True))
ETCD = Settings(cluster="proxy", name="node001", state_engine="etcd", state_endpoints=URLS)
OWN = Settings(cluster="proxy", name="node001")


def head() -> StateHead:
    return StateHead(1, 2, 3, 4, 5, 0, 6, 7, True)


def member(name: str, engine: str = "", state: str = "alive") -> MemberView:
    tags = {"state-engine": engine} if engine else {}
    return MemberView(name, "u", "h", "h:1", state, "follower", True, False, tags=tags)  # type: ignore[arg-type]


def test_only_where_it_is_named_there_is_another_engine_with_all_its_members() -> None:
    assert other_engine(OWN, head) is None
    made = other_engine(ETCD, head)
    assert made is not None
    view = made.view()
    assert (view.kind, sorted(one.url for one in view.endpoints)) == ("etcd", ["http://a:2379", "https://b:2379"])
    assert view.problem, "it was not asked yet"
    assert (made.head().cluster_id, made.head().leader_id, made.head().replica) == (1, 0, False)


def test_files_that_cannot_be_used_are_told_at_start() -> None:
    broken = Settings(cluster="proxy", name="n", state_engine="etcd", state_endpoints=URLS, state_ca_file="/none")
    with pytest.raises(LocalMisuse, match=r"the certificates for etcd cannot be used \(/none\): No such file"):
        other_engine(broken, head)


def test_it_is_said_at_start_and_to_the_others() -> None:
    assert "State: in etcd at http://a:2379, https://b:2379\n" in said(ETCD)
    assert "State:" not in said(OWN)
    assert tags_of(ETCD) == {"state-engine": "etcd"}
    assert tags_of(OWN) == {}


def test_living_members_with_another_engine_are_noticed() -> None:
    members = [member("a"), member("b", "etcd"), member("c", "etcd", "down")]
    assert differing(members, "embedded") == {"b": "etcd"}
    assert differing(members, "etcd") == {"a": "embedded"}


def test_an_agent_that_keeps_the_state_itself_loads_nothing_of_it() -> None:
    loaded = "import sys, pycluster.agent; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", loaded], env=environment(), capture_output=True, check=True).stdout
    engines = {name for name in told.decode().split() if name.startswith("pycluster.engines")}
    assert engines == {"pycluster.engines", "pycluster.engines.embedded", "pycluster.engines.room"}
