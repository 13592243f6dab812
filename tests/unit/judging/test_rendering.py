"""Templates rendered in a sandbox: what they see, what is noted of it, and what they cannot do."""

from __future__ import annotations

import pytest

from pycluster.judging import Batch, Place, Reads, Rendered, Source
from pycluster.judging.rendering import CONTENT_MAX, render

ONE = Place("web1", "10.0.0.1:7946", "alive", "eu", "a", {"role": "web"})
TWO = Place("web2", "10.0.0.2:7946", "down", "eu", "b", {})
KEYS = ((b"port", b"80"), (b"secret", b"x"), (b"up/a", b"10.1.0.1"), (b"up/b", b"10.1.0.2"))
MAY = ((b"port", b""), (b"up/", b"up0"))


def rendered(text: str, *, cpu_s: float = 5.0) -> Rendered:
    (one,) = render(Batch((Source("web", text, MAY),), KEYS, ONE, (ONE, TWO), "web2"), cpu_s)
    return one


def test_a_template_sees_keys_members_itself_and_the_leader() -> None:
    text = (
        "listen {{ key('port') }} {{ key('up/none', 'nothing') }}\n"
        "{% for name, value in keys('up/').items() %}\n{{ name }} {{ value }}\n{% endfor %}\n"
        "{{ node.name }} {{ node.tags.role }} {{ leader }}\n"
        "{% for one in members if one.state == 'alive' %}\n{{ one.address }}\n{% endfor %}\n"
    )
    assert rendered(text).content == ("listen 80 nothing\nup/a 10.1.0.1\nup/b 10.1.0.2\nweb1 web web2\n10.0.0.1:7946\n")


def test_what_it_reads_is_noted_and_nothing_else() -> None:
    assert rendered("{{ node.name }}").reads == Reads()
    assert rendered("{{ key('port') }}").reads == Reads((b"port",))
    assert rendered("{{ key('up/c', '') }}{{ keys('up/') | length }}").reads == Reads((b"up/c",), (b"up/",))
    assert rendered("{{ members | length }}").reads == Reads(members=True)
    assert rendered("{{ leader }}").reads == Reads(leader=True)
    failed = rendered("{{ key('port') }}{{ key('up/none') }}")
    assert failed.problem == "line 1: there is no key 'up/none'"
    assert failed.reads == Reads((b"port", b"up/none")), "when it comes, the template is rendered anew"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{{ key('secret') }}", "line 1: 'secret' is not among this template's keys"),
        ("{{ keys('') }}", "line 1: '' is not among this template's keys"),
        ("{{ keys('port') }}", "line 1: 'port' is not among this template's keys"),
        ("\n{% for %}", "line 2: Expected an expression, got 'end of statement block'"),
        ("{{ nothing }}", "line 1: 'nothing' is undefined"),
        ("{{ ''.__class__ }}", "line 1: access to attribute '__class__' of 'str' object is unsafe."),
        ("{{ key.__globals__ }}", "line 1: access to attribute '__globals__' of 'method' object is unsafe."),
        ("{% include '/etc/passwd' %}", "line 1: no loader for this environment specified"),
        ("{{ node.pop('name') }}", "line 1: access to attribute 'pop' of 'dict' object is unsafe."),
        ("{% for n in range(99999999) %}{% endfor %}", "line 1: Range too big."),
        ("{% for n in range(99999) %}{{ 'x' * 99 }}{% endfor %}", f"it gives more than {CONTENT_MAX} characters"),
        ("{{ [1, 2] | random }}", "line 1: No filter named 'random'."),
        (r"{{ '\ud800' }}", r"it gives '\ud800', which no file can hold"),
    ],
)
def test_what_it_may_not_is_refused_with_the_line(text: str, problem: str) -> None:
    one = rendered(text)
    assert one.problem.startswith(problem) or problem in one.problem
    assert one.content == ""


def test_one_that_never_ends_ends() -> None:
    endless = "{% for a in range(9999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    assert "it takes more processor time than there is for it" in rendered(endless, cpu_s=0.05).problem


def test_json_in_a_value_can_be_read() -> None:
    batch = Batch((Source("web", "{{ (key('port') | from_json) + 1 }}", MAY),), KEYS, ONE, (), "")
    assert next(render(batch)).content == "81"
