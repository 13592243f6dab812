"""Whatever is written, ``load`` gives settings or a ``SettingsError`` whose lines a terminal can show."""

from __future__ import annotations

import tempfile

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from pycluster.kernel.ids import check_name
from pycluster.settings import Loaded, SettingsError, effective, load
from pycluster.settings.findings import TOLD_MAX
from pycluster.settings.options import FLAGS, KEYS, NAMED, OPTIONS, SECTIONS

anything = st.text(st.characters(), max_size=40)
KEY_WORDS = sorted(
    {key for keys in KEYS.values() for key in keys}
    | {key for keys in NAMED.values() for key in keys}
    | {"node001", "lease_ms"}
)
VALUE_WORDS = (
    "node001", "0.0.0.0", "::1", "[::1]:7946", "host:7946", ":8080", "7946", "0", "json", "leader-gained", "10s", "a=b",
    '"quoted"', "'open", "a # b", "a, b", "", "%", "\x00", "\udcff", "ä", "é" * 300,
)  # fmt: skip
words = st.sampled_from(VALUE_WORDS) | anything
headers = st.sampled_from([*SECTIONS, "hook a", "hook b", "hook", ""]).map(lambda name: f"[{name}]") | anything
pairs = st.builds(lambda key, value: f"{key} = {value}", st.sampled_from(KEY_WORDS) | anything, words)
files = st.lists(headers | pairs | anything, max_size=30).map("\n".join)
variables = st.dictionaries(
    st.sampled_from([option.variable for option in OPTIONS] + ["PYCLUSTER_TAGS", "PYCLUSTER_CONSENSUS_X"])
    | anything.map(lambda text: f"PYCLUSTER_{text}"),
    words,
    max_size=4,
)
flags = st.dictionaries(
    st.sampled_from(FLAGS) | anything,
    words | st.integers() | st.lists(words, max_size=3).map(tuple) | st.none(),
    max_size=4,
)


def outcome(text: bytes, environment: dict[str, str], given_flags: dict[str, object], hostname: str) -> Loaded | None:
    """The settings, or ``None`` after a ``SettingsError``, whose form is checked."""
    with tempfile.NamedTemporaryFile(suffix=".conf") as file:
        file.write(text)
        file.flush()
        try:
            return load(file.name, environment, given_flags, hostname)
        except SettingsError as error:
            problems, warnings = error.problems, error.warnings
    assert 0 < len(problems) <= TOLD_MAX + 1
    assert all(line.isprintable() and len(line) < 1_000 for line in (*problems, *warnings))
    return None


@given(files, variables, flags, st.just("node001") | anything)
@example("[nodes]\nnode001 = a", {}, {}, "node001")
@example("[hook a]\non = member-up\ncommand = x\ntimeout = 1h", {}, {}, "node001")
def test_any_text_gives_settings_or_a_settings_error(
    text: str, environment: dict[str, str], given_flags: dict[str, object], hostname: str
) -> None:
    loaded = outcome(text.encode("utf-8", "surrogatepass"), environment, given_flags, hostname)
    if loaded is None:
        return
    settings = loaded.settings
    assert msgspec.json.decode(msgspec.json.encode(settings), type=type(settings)) == settings
    assert msgspec.json.decode(msgspec.json.encode(effective(loaded))) == effective(loaded)
    assert check_name(settings.name) and check_name(settings.cluster)
    assert 1 <= settings.port <= 65_535
    assert all(line.isprintable() for line in loaded.warnings)
    assert set(loaded.sources) == set(effective(loaded))


@given(st.binary(max_size=300))
def test_any_bytes_give_settings_or_a_settings_error(raw: bytes) -> None:
    outcome(raw, {}, {}, "node001")


def test_much_rubbish_is_judged_without_searching_a_near_word_for_each() -> None:
    for line in ("x\n", "[hook a]\n", "[node]\nprat = 1\n", "k = ' \" "):
        outcome((line * (100_000 // len(line))).encode(), {}, {}, "node001")
    words = ",".join(["leader-gaind"] * 20_000)
    assert outcome(f"[hook a]\non = {words}\n".encode(), {}, {}, "node001") is None
