"""``[template NAME]`` sections."""

from __future__ import annotations

from pathlib import Path

import pytest

from pycluster.settings import Selector, Template, effective
from pycluster.settings.templates import TEMPLATES_MAX
from tests.unit.settings.written import NODES, problems, read

WEB = NODES + "[template web]\n"
GOOD = WEB + "source = /t.j2\ndestination = /etc/web.conf\n"


def test_a_template_has_all_that_is_done_for_it(tmp_path: Path) -> None:
    text = WEB + (
        "entry = web/conf.j2\ndestination = /etc/web.conf\nkeys = web/, port\nmode = 0640\nowner = www:adm\n"
        "check = /bin/check '{file}' # it\nreload = /bin/reload\n"
        "probe = /bin/probe -x\nnodes = node:a zone:b tag:role=web tag:x=\n"
        "timeout = 2s\n"
    )
    loaded = read(tmp_path, text + "[template other]\nsource = /t.j2\ndestination = /etc/other\n")
    first, second = loaded.settings.templates
    assert first == Template(
        name="web",
        destination="/etc/web.conf",
        entry="web/conf.j2",
        keys=("web/", "port"),
        mode=0o640,
        owner="www:adm",
        check=("/bin/check", "{file}"),
        reload=("/bin/reload",),
        probe=("/bin/probe", "-x"),
        nodes=(Selector("node", "a"), Selector("zone", "b"), Selector("tag", "web", "role"), Selector("tag", "", "x")),
        timeout_s=2.0,
    )
    assert second == Template(name="other", destination="/etc/other", source="/t.j2")
    assert loaded.sources["template.web"].where.endswith("cluster.conf:5")
    shown = effective(loaded)["template.web"]
    assert isinstance(shown, dict)
    assert shown["value"]["check"] == "/bin/check", "arguments may hold secrets"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (WEB + "source = /t.j2\n", "destination is missing"),
        (WEB + "destination = /etc/x\n", "one of source"),
        (GOOD + "entry = x\n", "one of source"),
        (WEB + "source = t.j2\ndestination = /etc/x\n", "no absolute path"),
        (WEB + "source = /t.j2\ndestination = /etc/../x\n", "no absolute path"),
        (WEB + "source = /t.j2\ndestination = /etc/x/\n", "no absolute path"),
        (WEB + "source = /t.j2\ndestination = //x\n", "no absolute path"),
        (WEB + "entry = a@node:b\ndestination = /x\n", "no entry of the configuration"),
        (GOOD + "keys =\n", "names 0 keys"),
        (GOOD + "mode = 4755\n", "no mode"),
        (GOOD + "mode = 0888\n", "no mode"),
        (GOOD + "owner = a:b:c\n", "neither USER nor USER:GROUP"),
        (GOOD + "check = 'open\n", "check"),
        (GOOD + "reload = ''\n", "names no program"),
        (GOOD + "probe = ''\n", "names no program"),
        (GOOD + "probe = http://web1/health\n", "is no http://HOST:PORT/PATH"),
        (GOOD + "probe = http://web1:80/a b\n", "is no http://HOST:PORT/PATH"),
        (GOOD + "probe = http://[:::]:80/\n", "is no http://HOST:PORT/PATH"),
        (GOOD + "probe = http://[1.2.3.4]:80/\n", "is no http://HOST:PORT/PATH"),
        (GOOD + "probe = http://web1:0/\n", "is no http://HOST:PORT/PATH"),
        (GOOD + "probe = http://web1:65536/\n", "is no http://HOST:PORT/PATH"),
        (GOOD + "nodes = web1\n", "none of node:NAME"),
        (GOOD + "nodes = tag:role\n", "none of node:NAME"),
        (GOOD + "timeout = 2h\n", "out of bounds"),
        (GOOD + "command = x\n", "unknown key; [template web] has source"),
        (GOOD + "[template other]\nsource = /u\ndestination = /etc/web.conf\n", "same destination as [template web]"),
        (
            GOOD + "[template other]\nsource = /u\ndestination = /etc/.web.conf.pycluster\n",
            "its destination is where [template web] writes its file first",
        ),
        (
            WEB + "source = /t\ndestination = /etc/.x.pycluster\n[template x]\nsource = /u\ndestination = /etc/x\n",
            "it writes its file first to '/etc/.x.pycluster', the destination of [template web]",
        ),
        (GOOD + "[template web]\n", "there is a template of this name already"),
        (NODES + "[template]\n", "a template needs a name: [template NAME]"),
    ],
)
def test_a_mistake_is_told_where_it_stands(tmp_path: Path, text: str, problem: str) -> None:
    assert any(problem in line for line in problems(tmp_path, text)), problems(tmp_path, text)


def test_a_probe_may_be_a_url(tmp_path: Path) -> None:
    for url in ("http://127.0.0.1:8080/health?deep=1", "http://[::1]:80/", "http://[::]:1", "http://web1:80"):
        assert read(tmp_path, GOOD + f"probe = {url}\n").settings.templates[0].probe == (url,)


def test_there_is_a_most(tmp_path: Path) -> None:
    def text(count: int) -> str:
        each = (f"[template t{n}]\nsource = /t\ndestination = /etc/{n}\n" for n in range(count))
        return NODES + "".join(each)

    assert len(read(tmp_path, text(TEMPLATES_MAX)).settings.templates) == TEMPLATES_MAX
    assert any("too many templates" in line for line in problems(tmp_path, text(TEMPLATES_MAX + 1)))
