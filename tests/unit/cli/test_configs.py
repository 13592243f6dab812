"""``config``: what it prints in every form, and its exit codes."""

from __future__ import annotations

import os
import re
import resource
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pycluster.configs import ChangeRequest, Configs, Wanted
from pycluster.judging import Case, Verdict
from tests.unit.cli.console import run
from tests.unit.cli.test_completion import completed
from tests.unit.web.fake import Agent

TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


def put(name: str, content: str, *more: str) -> None:
    done = run("config", "put", name, "-author", "ada", *more, piped=content.encode())
    assert done.code == 0, done.err


def test_put_get_list_history_del_rollback(agent: Agent) -> None:
    done = run("config", "put", "app.yaml", "-m", "first", "-author", "ada", piped=b"a: 1\n")
    assert (done.code, done.out, done.err) == (0, "app.yaml: created as version 1\n", "")
    put("app.yaml", "a: 2\n", "-reason", "second")
    assert run("config", "put", "app.yaml", piped=b"a: 2\n").out == "app.yaml: unchanged, version 2\n"
    assert run("config", "get", "app.yaml").raw == b"a: 2\n"
    assert run("config", "get", "app.yaml", "-version", "1").raw == b"a: 1\n"
    assert run("config", "get", "app.yaml", "-o", "json").json["author"] == "ada"
    listed = TIME.sub("WHEN", run("config", "list").out).splitlines()
    assert [line.split() for line in listed] == [
        ["NAME", "VERSION", "FORMAT", "BYTES", "CHANGED", "AUTHOR"],
        ["app.yaml", "2", "yaml", "5", "WHEN", "ada"],
    ]
    assert "second" in run("config", "list", "-o", "wide").out
    assert run("config", "list", "app", "-o", "name").out == "app.yaml\n"
    assert run("config", "list", "b", "-q").out == ""
    assert run("config", "rollback", "app.yaml").out == "app.yaml: version 3 (it was 2)\n"
    assert run("config", "del", "app.yaml", "-y").out == "app.yaml: deleted, which is version 4\n"
    history = run("config", "history", "app.yaml").out.splitlines()
    assert [line.split()[0] for line in history] == ["VERSION", "4", "3", "2", "1"]
    assert "(deleted)" in history[1] and "rollback to version 1" in history[2]
    assert run("config", "history", "app.yaml", "-o", "name").out == "4\n3\n2\n1\n"
    assert run("config", "rollback", "app.yaml", "-to", "2", "-q").out == ""
    assert run("config", "get", "app.yaml").raw == b"a: 2\n"


@pytest.mark.parametrize(
    "words",
    [
        ("get", "app"),
        ("get", "app", "-version", "3"),
        ("history", "app"),
        ("diff", "app"),
        ("rollback", "app"),
        ("rollback", "app", "-to", "3"),
        ("del", "app", "-y"),
        ("effective", "node009"),
        ("effective", "node001", "app"),
    ],
)
def test_what_is_not_there_ends_with_3(agent: Agent, words: tuple[str, ...]) -> None:
    done = run("config", *words)
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("there is no") or "is not kept" in done.err or "gets no entry app" in done.err


def test_a_deletion_that_is_asked_for_by_version_says_so(agent: Agent) -> None:
    put("app", "x")
    run("config", "del", "app", "-y")
    done = run("config", "get", "app", "-version", "2")
    assert (done.code, done.err) == (3, "version 2 of app is its deletion\n")


def test_every_mistake_is_told_on_a_line_of_its_own_and_ends_with_2(agent: Agent) -> None:
    put("app.json@schema", '{"properties": {"a": {"type": "integer"}, "b": {"type": "string"}}}')
    for verb in ("put", "validate"):
        done = run("config", verb, "app.json", piped=b'{"a": "x", "b": 1}')
        assert (done.code, done.out) == (2, "")
        assert done.err.splitlines() == [
            "the configuration is not accepted; nothing was changed:",
            "app.json: /a: 'x' is not of type 'integer' (app.json@schema)",
            "app.json: /b: 1 is not of type 'string' (app.json@schema)",
        ]
    assert run("config", "validate", "app.json", piped=b'{"a": 1}').out == "app.json: no mistakes\n"
    assert run("config", "get", "app.json").code == 3, "validate writes nothing"
    assert run("config", "put", "bad name", piped=b"x").code == 2
    assert run("config", "put", "app", piped=b"\xff").err.startswith("standard input is no text")
    assert run("config", "put", "app", "nowhere").err.startswith("nowhere cannot be read: No such file")
    assert run("config", "put", "app", keys="").err.startswith("the content is missing")


@pytest.mark.parametrize("words", [("get", "a\udcff"), ("list", "\udcff"), ("put", "a", "-m", "\udcff")])
def test_a_word_that_is_no_text_is_a_mistake_like_any_other(agent: Agent, words: tuple[str, ...]) -> None:
    done = run("config", *words, piped=b"x")
    assert (done.code, done.out) == (2, "")
    assert done.err == f"{os.fsencode(words[-1])!r} is no UTF-8\n"


def test_a_condition_that_does_not_hold_ends_with_3(agent: Agent) -> None:
    put("app", "x")
    for words in (("put", "app"), ("rollback", "app", "-to", "1"), ("del", "app", "-y")):
        done = run("config", *words, "-if-version", "7", piped=b"y")
        assert (done.code, done.err) == (3, "app does not have version 7: its version is 1 (read it again)\n")


def test_differences_between_versions_and_to_a_file(agent: Agent, tmp_path: Path) -> None:
    for content in ("a\nb\n", "a\nc\n", "a\nd\n"):
        put("app", content)
    expected = ["--- app version 2", "+++ app version 3", "@@ -1,2 +1,2 @@", " a", "-c", "+d"]
    assert run("config", "diff", "app").out.splitlines() == expected
    assert run("config", "diff", "app", "-from", "1", "-to", "2").out.splitlines()[-2:] == ["-b", "+c"]
    assert run("config", "diff", "app", "-to", "1").out.splitlines()[0] == "--- nothing that is kept"
    file = tmp_path / "new"
    file.write_text("a\ne\n")
    assert run("config", "diff", "app", "-file", str(file)).out.splitlines()[-2:] == ["-d", "+e"]
    assert run("config", "diff", "app", "-file", str(file), "-o", "json").json["name"] == "app"
    assert run("config", "diff", "app", "-file", str(file), "-to", "1").code == 2
    told = run("config", "history", "app", "-diff").out
    assert told.count("@@ ") == 3 and "version 3, " in told and "by ada: no reason given" in told


def test_a_dry_run_shows_what_would_change_and_writes_nothing(agent: Agent) -> None:
    put("app", "a\n")
    put("app", "b\n")
    revision = agent.state.store.revision
    done = run("config", "put", "app", "-dry-run", piped=b"c\n").out.splitlines()
    assert done == ["app: version 3 (it was 2)", "--- app version 2", "+++ as it would be", "@@ -1 +1 @@", "-b", "+c"]
    assert run("config", "rollback", "app", "-dry-run").out.splitlines()[-2:] == ["-b", "+a"]
    assert agent.state.store.revision == revision


def test_an_editor_changes_an_entry_and_loses_nothing_that_was_written(
    agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("app.json", "{}")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("EDITOR", "sed -i s/{}/[1]/")
    assert run("config", "edit", "app.json", "-m", "why").out == "app.json: version 2 (it was 1)\n"
    monkeypatch.setenv("VISUAL", "sed -i s/1/,/")
    done = run("config", "edit", "app.json")
    assert done.code == 2
    kept = re.search(r"what you wrote is kept in (\S+\.json)", done.err)
    assert kept is not None and Path(kept[1]).read_text() == "[,]"
    Path(kept[1]).unlink()
    monkeypatch.setenv("VISUAL", "false")
    assert run("config", "edit", "app.json").err == "nothing was changed: false ended with 1\n"
    monkeypatch.setenv("VISUAL", "/nowhere/editor")
    assert run("config", "edit", "app.json").err.startswith("/nowhere/editor cannot be run")
    monkeypatch.setenv("VISUAL", "true")
    assert run("config", "edit", "app.json").out == "app.json: unchanged, version 2\n"


def test_an_editor_that_gets_no_file_changes_nothing(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    put("a.never-edited", "12345678" * 2)
    monkeypatch.setenv("EDITOR", "true")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8, before[1]))
    try:
        done = run("config", "edit", "a.never-edited")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (done.code, done.out) == (1, "")
    assert done.err == "nothing was changed: there is no file to edit: File too large (set TMPDIR)\n"
    assert not list(Path(tempfile.gettempdir()).glob("pycluster-*.never-edited"))


def test_an_editor_that_removes_its_file_is_told_so(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    put("a", "b")
    monkeypatch.setenv("EDITOR", "rm")
    done = run("config", "edit", "a")
    assert done.code == 2 and "cannot be read: No such file or directory" in done.err


def test_a_directory_comes_in_once_is_shown_first_and_goes_out_again(agent: Agent, tmp_path: Path) -> None:
    folder = tmp_path / "conf"
    (folder / "sites").mkdir(parents=True)
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("x")
    (folder / "sites" / "a.json").write_text('{"port": 1}')
    (folder / "sites" / "@schema").write_text("required: [port]\n")
    (folder / "sites" / "a.json@node:node001").write_text('{"port": 2}')
    (folder / "motd").write_text("hello\n")
    shown = run("config", "import", str(folder), "-dry-run")
    assert shown.err == "4 entries: 4 created, 0 changed, 0 unchanged, 0 deleted (dry run: nothing was written)\n"
    assert "+hello" in shown.out.splitlines()
    assert agent.state.store.revision == 1
    done = run("config", "import", str(folder), "-m", "from git")
    assert sorted(done.out.splitlines()) == [
        "motd: created as version 1",
        "sites/@schema: created as version 1",
        "sites/a.json: created as version 1",
        "sites/a.json@node:node001: created as version 1",
    ]
    assert run("config", "import", str(folder)).err == "4 entries: 0 created, 0 changed, 4 unchanged, 0 deleted\n"
    (folder / "motd").unlink()
    (folder / "sites" / "a.json").write_text('{"port": 3}')
    assert run("config", "import", str(folder)).out == "sites/a.json: version 2 (it was 1)\n"
    assert run("config", "import", str(folder), "-prune", "-y").out == "motd: deleted, which is version 2\n"
    out = tmp_path / "out"
    assert run("config", "export", str(out), "sites/").err == "3 entries, 3 files written\n"
    assert (out / "a.json").read_text() == '{"port": 3}'
    assert run("config", "export", str(out), "sites/").err == "3 entries, 0 files written\n"
    again = run("config", "import", str(out), "sites/", "-prune")
    assert again.err == "3 entries: 0 created, 0 changed, 3 unchanged, 0 deleted\n", "export and import agree"


def test_nothing_is_exported_to_elsewhere_nor_where_import_would_not_look(agent: Agent, tmp_path: Path) -> None:
    out = tmp_path / "a" / "out"
    put("first", "x")
    for name in ("app@tag:k=/../../../evil", "app@tag:k=//x", "sites/.hidden", ".git/hooks"):
        put(name, "x")
        done = run("config", "export", str(out))
        assert (done.code, done.out, out.parent.exists()) == (2, "", False), "all are looked at before the first"
        assert name in done.err and "nothing was written" in done.err
        run("config", "del", name, "-y")
    put(str(tmp_path / "evil")[1:], "x")
    done = run("config", "export", str(out), str(tmp_path)[1:])
    assert (done.code, (tmp_path / "evil").exists()) == (2, False), "what is left of the name is no absolute path"
    assert f"say '{str(tmp_path)[1:]}/'" in done.err
    assert run("config", "export", str(out), str(tmp_path)[1:] + "/").code == 0
    assert (out / "evil").read_text() == "x"


def test_what_cannot_be_looked_into_is_not_taken_for_empty(agent: Agent, tmp_path: Path) -> None:
    folder = tmp_path / "conf"
    (folder / "sites").mkdir(parents=True)
    (folder / "sites" / "a").write_text("x")
    assert run("config", "import", str(folder)).code == 0
    revision = agent.state.store.revision
    (folder / "sites").rename(tmp_path / "elsewhere")
    (folder / "sites").symlink_to(tmp_path / "elsewhere")
    done = run("config", "import", str(folder), "-prune", "-y")
    assert (done.code, f"{folder}/sites is a symbolic link" in done.err) == (2, True)
    (folder / "sites").unlink()
    (folder / "passwd").symlink_to("/etc/passwd")
    assert "passwd cannot be read: it is a symbolic link" in run("config", "import", str(folder)).err
    (folder / "passwd").unlink()
    os.mkfifo(folder / "pipe")
    assert "pipe cannot be read: it is no regular file" in run("config", "import", str(folder)).err
    (folder / "pipe").unlink()
    place = os.open(folder, os.O_RDONLY)
    for _ in range(21):
        os.mkdir("d" * 200, dir_fd=place)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = below
    os.close(place)
    done = run("config", "import", str(folder), "-prune", "-y")
    assert (done.code, "cannot be read: File name too long" in done.err) == (2, True)
    assert agent.state.store.revision == revision, "nothing was deleted"


def test_an_override_that_needs_its_entry_is_judged_with_it_however_many_files_there_are(
    agent: Agent, tmp_path: Path
) -> None:
    folder = tmp_path / "conf"
    folder.mkdir()
    (folder / "@schema").write_text("required: [port]\n")
    assert run("config", "import", str(folder)).code == 0
    for number in range(40):
        (folder / f"{number:02}.yaml").write_text(f"port: {number}\n")
    (folder / "00.yaml@node:node001").write_text("workers: 1\n")
    (folder / "31.yaml@node:node001").write_text("workers: 2\n")
    done = run("config", "import", str(folder))
    assert done.err == "43 entries: 42 created, 0 changed, 1 unchanged, 0 deleted\n"
    (folder / "99.yaml").write_text("port: 1\n")
    (folder / "99.yaml@node:node001").write_text("workers: 1\n")
    assert run("config", "import", str(folder)).err == "45 entries: 2 created, 0 changed, 43 unchanged, 0 deleted\n"


def test_a_directory_with_a_mistake_changes_nothing_and_names_each(agent: Agent, tmp_path: Path) -> None:
    folder = tmp_path / "conf"
    folder.mkdir()
    (folder / "good").write_text("x")
    (folder / "bad name").write_text("x")
    (folder / "bytes").write_bytes(b"\xff")
    done = run("config", "import", str(folder))
    assert (done.code, len(done.err.splitlines())) == (2, 3)
    assert "bad name" in done.err and "bytes is no text" in done.err
    (folder / "bad name").unlink()
    (folder / "bytes").unlink()
    (folder / "a.json").write_text("{")
    done = run("config", "import", str(folder))
    assert (done.code, agent.state.store.revision) == (2, 1)
    assert "a.json: no JSON" in done.err


def test_many_files_go_in_several_steps(agent: Agent, tmp_path: Path) -> None:
    folder = tmp_path / "conf"
    folder.mkdir()
    for number in range(70):
        (folder / f"f{number:02d}").write_text(str(number))
    done = run("config", "import", str(folder), "p/")
    assert done.err == "70 entries: 70 created, 0 changed, 0 unchanged, 0 deleted\n"
    assert agent.state.store.revision == 1 + 3, "three transactions"
    done = run("config", "list", "p/f", "-o", "name")
    assert len(done.out.splitlines()) == 70


def test_what_a_node_gets(agent: Agent) -> None:
    put("app.json", '{"a": 1}')
    put("app.json@node:node001", '{"b": 2}')
    assert run("config", "effective", "node001", "app.json").raw == b'{\n  "a": 1,\n  "b": 2\n}\n'
    table = run("config", "effective", "node001").out.splitlines()
    assert table[1].split("  ")[0] == "app.json" and "base (1) < node:node001 (1)" in table[1]
    put("@schema", '{"maxProperties": 2}')
    put("app.json@tag:rack=r1", '{"c": 3}')
    put("app.json@node:node002", '{"d": 3}')
    done = run("config", "effective", "node002", "app.json")
    assert done.code == 1
    assert "does not have" in done.err or "too many properties" in done.err
    assert "does not fit" in done.out


def test_watching(agent: Agent) -> None:
    put("app", "1")
    told: list[str] = []

    def follow() -> None:
        told.append(run("config", "watch", "app", "-count", "3").out)

    thread = threading.Thread(target=follow)
    thread.start()
    until(lambda: len(agent.state.feeds) > 0)
    wanted = (Wanted(name="app", content="2"), Wanted(name="other", content="x"))
    configs = Configs(agent.state, judged, lambda: 0)
    for entries in (wanted, (Wanted(name="app"),), (Wanted(name="apple", content="3"),)):
        agent.run(configs.change(ChangeRequest(entries=entries, author="ada", reason="why")))
    thread.join(30)
    assert told == ["app version 2 by ada: why\napp deleted\napple version 1 by ada: why\n"]


async def judged(cases: tuple[Case, ...]) -> tuple[Verdict, ...]:
    """Nothing of it is anything but text."""
    raise AssertionError(cases)


def until(condition: Callable[[], bool]) -> None:
    """Wait for it, generously."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_cluster_s_own_keys_are_not_written_by_accident(agent: Agent) -> None:
    key = "/pycluster/config/entry/app"
    assert run("kv", "del", "", "-prefix", "-y").code == 0, "where there are none, everything may go"
    put("app", "x")
    for words in (("put", key, "y"), ("del", key), ("del", "", "-prefix", "-y"), ("del", "/", "-prefix")):
        done = run("kv", *words)
        assert (done.code, done.out) == (7, ""), words
        assert "is the cluster's own" in done.err and "-force" in done.err
    assert run("kv", "get", key).code == 0, "reading them is nobody's mistake"
    assert run("kv", "del", "/pyclusters", "-prefix").code == 0
    assert run("kv", "del", key, "-force").code == 0
    assert run("kv", "put", key, "rubbish", "-force").code == 0
    done = run("config", "get", "app")
    assert done.code == 1 and "holds no configuration entry" in done.err


def test_every_short_description_fits_on_its_line() -> None:
    assert "..." not in run("config", "--help").out.partition("Commands:")[2]


def test_entries_complete(agent: Agent) -> None:
    put("app.yaml", "x: 1")
    put("other", "x")
    assert completed("pycluster config get a") == ["app.yaml"]
