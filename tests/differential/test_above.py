"""The suites of what stands above the state, on each engine: the command line and the client, and all that they ask."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import pycluster
from pycluster.client.blocking import StateClient
from tests.differential.above import EngineAgent
from tests.differential.engines import ENGINES, missing
from tests.unit.cli import test_claims as lines_of_claims
from tests.unit.cli import test_configs as lines_of_configs
from tests.unit.cli import test_keys as lines_of_keys
from tests.unit.client import test_claims as claims
from tests.unit.client import test_state as state
from tests.unit.web import test_configs as configs

SUITES = {
    "config": lines_of_configs,
    "kv": lines_of_keys,
    "lock": lines_of_claims,
    "claims": claims,
    "state": state,
    "http": configs,
}
#: What is not played again: it asks no state, or what only the fake one does at a word.
ELSEWHERE = {
    "test_an_agent_without_a_configuration_says_so",
    "test_an_agent_without_templates_renders_nothing",
    "test_rendered_files_are_told_and_rendered",
    "test_who_comes_from_elsewhere_reads_and_changes_nothing",
    "test_every_short_description_fits_on_its_line",
    "test_wrong_usage_ends_with_2",
    "test_without_an_agent_it_ends_with_4",
    "test_nobody_there_is_said_at_once",
    "test_which_agent",
    "test_a_long_path_of_a_socket",
    "test_pycluster_itself_imports_no_client_until_it_is_asked",
    "test_a_lease_that_cannot_be_renewed_counts_as_lost_before_it_can_have_ended",
    # Time passes there while whoever would renew a lease stands still; test_engines.py has leases that end.
    "test_a_lease_that_was_lost_says_so",
    "test_what_the_body_raised_is_not_hidden",
    "test_who_waits_and_loses_its_lease_stops_waiting",
    "test_leases",
    "test_leases_by_hand",
    "test_when_the_lock_is_lost_the_command_is_ended_and_the_reason_told",
    # How many keys a real state looks at in one request cannot be made less there.
    "test_a_list_of_more_keys_than_one_request_looks_at_goes_on_while_others_write",
}


def played(suites: dict[str, ModuleType]) -> Iterator[tuple[str, object]]:
    """Each test of theirs, by a name of its own."""
    for suite, module in suites.items():
        for name, test in vars(module).items():
            if name.startswith("test_") and name not in ELSEWHERE:
                yield name.replace("test_", f"test_{suite}_", 1), test


globals().update(played(SUITES))


@pytest.fixture(params=list(ENGINES))
def agent(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineAgent]:
    """A server above an empty engine, that PYCLUSTER_ADDR names, and a directory of its own to be in."""
    if request.param == "etcd" and missing():
        pytest.skip(missing())
    for key in [key for key in os.environ if key.startswith(("PYCLUSTER_", "NO_COLOR"))]:
        monkeypatch.delenv(key)
    for name in ("work", "data"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "work")
    with EngineAgent(tmp_path / "data", request.param) as running:
        monkeypatch.setenv("PYCLUSTER_ADDR", f"unix:{running.path}")
        yield running


@pytest.fixture
def client(agent: EngineAgent) -> Iterator[StateClient]:
    with pycluster.connect(agent.path, timeout_s=30) as connected:
        yield connected
