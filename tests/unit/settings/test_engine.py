"""What holds the replicated state: which settings go together, each mistake with its place."""

from __future__ import annotations

from pathlib import Path

from pycluster.kernel.url import Url
from pycluster.settings import effective
from tests.unit.settings.written import NODES, problems, read, warnings

ETCD = NODES + "[state]\nengine = etcd\n"
URLS = "endpoints = https://a:2379, https://[::1]:2379\n"


def test_without_a_word_the_agents_keep_it_and_parameters_stay_parameters(tmp_path: Path) -> None:
    settings = read(tmp_path, NODES + "[state]\nmax_bytes = 1048576\n").settings
    assert settings.state_engine == "embedded"
    assert settings.state == {"max_bytes": "1048576"}


def test_an_etcd_is_named_by_file_or_variable(tmp_path: Path) -> None:
    tls = "ca_file = /ca\ncert_file = /cert\nkey_file = /key\nuser = pycluster\npassword_file = /secret\n"
    loaded = read(tmp_path, ETCD + tls, {"PYCLUSTER_STATE_ENDPOINTS": "https://a:2379,https://[::1]:2379"})
    settings = loaded.settings
    assert settings.state_endpoints == (Url("a", 2379, True), Url("::1", 2379, True))
    assert (settings.state_ca_file, settings.state_user, settings.state_password_file) == (
        "/ca",
        "pycluster",
        "/secret",
    )
    assert settings.state == {}
    shown = effective(loaded)
    assert shown["state_endpoints"] == {
        "value": ["https://a:2379", "https://[::1]:2379"],
        "source": "environment PYCLUSTER_STATE_ENDPOINTS",
    }


def test_what_does_not_go_together_is_a_mistake(tmp_path: Path) -> None:
    assert problems(tmp_path, ETCD) == [
        "cluster.conf:6: [state] engine: etcd needs endpoints = https://HOST:2379, ... beside it"
    ]
    (said,) = problems(tmp_path, ETCD + URLS + "cert_file = /cert\n")
    assert said == "cluster.conf:8: [state] cert_file: needs key_file beside it"
    (said,) = problems(tmp_path, ETCD + URLS + "password_file = /secret\n")
    assert said == "cluster.conf:8: [state] password_file: needs user beside it"
    (said,) = problems(tmp_path, ETCD + URLS + "[backup]\ndirectory = /backups\n")
    assert said.startswith("cluster.conf:9: [backup] directory: etcd has backups of its own")


def test_each_value_is_judged(tmp_path: Path) -> None:
    text = NODES + "[state]\nengine = etc\nendpoints = a:2379, https://b, https://c:0\nca_file = relative\n"
    engine, endpoints, ca_file = problems(tmp_path, text)
    assert engine == "cluster.conf:6: [state] engine: 'etc' is neither embedded nor etcd; did you mean etcd?"
    assert endpoints.count("is neither http://HOST:PORT nor https://HOST:PORT") == 3
    assert ca_file == "cluster.conf:8: [state] ca_file: 'relative' is no absolute path"


def test_what_does_not_count_or_is_not_safe_is_a_warning(tmp_path: Path) -> None:
    (said,) = warnings(tmp_path, NODES + "[state]\n" + URLS)
    assert said == "cluster.conf:6: [state] endpoints: counts only with engine = etcd, ignored"
    plain = ETCD + "endpoints = http://a:2379\n"
    assert warnings(tmp_path, plain) == []
    (said,) = warnings(tmp_path, plain + "user = u\npassword_file = /secret\n")
    assert said == "cluster.conf:7: [state] endpoints: the password goes to http://a:2379 unencrypted; write https:"
    (said,) = warnings(tmp_path, plain + "ca_file = /ca\n")
    assert said == "cluster.conf:8: [state] ca_file: no endpoint is https:, ignored"
