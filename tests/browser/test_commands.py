"""The commands that stand beside what the page does, as a shell takes them."""

from __future__ import annotations

import subprocess

from playwright.sync_api import Page

from tests.browser import cast
from tests.browser.conftest import Serve

COMMANDS = """async (keys) => {
  const { KV, voters } = await import("/static/commands.js");
  const bytes = (text) => new TextEncoder().encode(text);
  return keys.flatMap((key) => [
    KV.get(bytes(key), 7), KV.put(bytes(key), bytes(key), 7, "0a"), KV.remove(bytes(key), 7), KV.watch(bytes(key)),
    voters("remove", key),
  ]);
}"""
CONFIGS = """async (words) => {
  const { CONFIG } = await import("/static/commands.js");
  return words.flatMap((word) => [
    CONFIG.rollback("web/app.yaml@tag:a=b", 2, { at: 3, author: word, reason: word }),
    CONFIG.put("a", { at: 0, format: "json", author: "", reason: word }),
    CONFIG.effective(word, "a"),
  ]);
}"""


def test_commands_mean_the_same_to_a_shell_whatever_the_key(page: Page, serve: Serve) -> None:
    stage = serve(cast.five())
    page.goto(stage.url)
    keys = ["a/b", "-x", "it's", "a b", "$(id)`id`", '"\\$HOME"', "*", "ünï", "!1", "a;b", "--"]
    said = iter(page.evaluate(COMMANDS, keys))
    for key in keys:
        assert arguments(next(said)) == ["kv", "get", "-rev", "7", *plain(key)]
        assert arguments(next(said)) == ["kv", "put", "-if-rev", "7", "-lease", "0a", *plain(key, key)]
        assert arguments(next(said)) == ["kv", "del", "-if-rev", "7", *plain(key)]
        assert arguments(next(said)) == ["kv", "watch", "-prefix", *plain(key)]
        assert arguments(next(said)) == ["raft", "remove", *plain(key)]
    odd = page.evaluate(COMMANDS, ["a\nb", "a\u202eb"])
    assert odd[:4] == [""] * 4 and odd[5:9] == [""] * 4


def test_who_and_why_mean_the_same_to_a_shell(page: Page, serve: Serve) -> None:
    page.goto(serve(cast.five()).url)
    words = ["ada", "-x", "it's", "a b", "$(id)`id`", "--", "*"]
    said = iter(page.evaluate(CONFIGS, words))
    for word in words:
        author, reason = (
            ([f"--author={word}"], [f"--reason={word}"])
            if word.startswith("-")
            else (["--author", word], ["--reason", word])
        )
        back = ["config", "rollback", "-to", "2", "-if-version", "3", *author, *reason, "web/app.yaml@tag:a=b"]
        assert arguments(next(said)) == back
        put = next(said)
        assert put.endswith(" < FILE")
        assert arguments(put.removesuffix(" < FILE")) == [
            *("config", "put", "-if-version", "0", "-format", "json"),
            *reason,
            "a",
        ]
        assert arguments(next(said)) == ["config", "effective", *plain(word, "a")]
    two_lines = page.evaluate(CONFIGS, ["a\nb"])
    assert two_lines[0] == "pycluster config rollback -to 2 -if-version 3 web/app.yaml@tag:a=b"


def plain(*words: str) -> list[str]:
    return ["--", *words] if any(word.startswith("-") for word in words) else [*words]


def arguments(command: str) -> list[str]:
    """What a shell hands to the program."""
    shell = ["sh", "-c", 'pycluster() { printf "%s\\0" "$@"; }; ' + command]
    told = subprocess.run(shell, capture_output=True, check=True).stdout.decode()
    return told.split("\0")[:-1]
