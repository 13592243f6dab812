"""What an agent says once when it starts."""

from __future__ import annotations

from pycluster.agent.banner import banner
from pycluster.kernel.ids import Address, Identity, Seed
from pycluster.settings import Hook, Settings, Template

IDENTITY = Identity("node001", "a" * 32)
SEEDS = tuple(Seed(f"node{number:03d}", f"node{number:03d}.example.org", 7946) for number in range(1, 12))
HERE = Address("192.0.2.1", 7946)


def said(settings: Settings, advertised: Address = HERE, web: tuple[Address, ...] = ()) -> str:
    return "\n".join(banner(settings, IDENTITY, advertised, "/var/lib/pycluster/proxy/node001", web))


def test_it_says_what_it_is_where_its_data_is_and_that_security_is_off() -> None:
    text = said(Settings(cluster="proxy", name="node001", bind_host="192.0.2.1"))
    assert "node node001 of cluster proxy, on 192.0.2.1:7946 (UDP and TCP)\n" in text
    assert f"/var/lib/pycluster/proxy/node001 (node identity {IDENTITY.uuid})" in text
    assert "Security is off" in text


def test_it_says_where_the_others_reach_it_when_that_is_elsewhere() -> None:
    text = said(Settings(cluster="proxy", name="node001", bind_host="0.0.0.0"))
    assert "on 0.0.0.0:7946 (UDP and TCP), reached by the others at 192.0.2.1:7946" in text


def test_it_names_whom_it_will_contact_but_not_itself_and_counts_a_long_list() -> None:
    text = said(Settings(cluster="proxy", name="node001", seeds=SEEDS, join=(("192.0.2.99", 7946),)))
    assert "node001.example.org" not in text
    assert "Will contact: node002 at node002.example.org:7946, node003" in text
    assert "and 4 more, and whoever they know" in text


def test_an_ipv6_address_stands_in_brackets() -> None:
    text = said(Settings(cluster="proxy", name="node001", seeds=(Seed("node002", "::1", 7942),), join=(("::2", 7),)))
    assert "Will contact: node002 at [::1]:7942, [::2]:7, and whoever they know" in text


def test_one_that_knows_nobody_says_so() -> None:
    assert "Will contact: nobody until somebody contacts this node" in said(Settings(cluster="proxy", name="node001"))


def test_page_and_hooks_are_named_when_there_are_any() -> None:
    hook = Hook("proxy", ("leader-gained", "leader-lost"), ("/bin/true",))
    text = said(Settings(cluster="proxy", name="node001", hooks=(hook,)), web=(Address("127.0.0.1", 8080),))
    assert "Page and API: http://127.0.0.1:8080" in text
    assert "Hooks: proxy on leader-gained leader-lost" in text
    assert "Page" not in said(Settings(cluster="proxy", name="node001"))


def test_files_that_are_rendered_are_named_and_many_counted() -> None:
    templates = tuple(Template(name=f"t{number}", source="/t", destination=f"/etc/{number}") for number in range(12))
    text = said(Settings(cluster="proxy", name="node001", templates=templates))
    assert "Renders: t0, t1, t2" in text
    assert "more\n" in text
    assert "Renders" not in said(Settings(cluster="proxy", name="node001"))
