"""Every single-valued setting: how people name it on the command line, in the environment and in the file.

``docs/reference/settings.md`` is held against these tables. Lists of things (``[nodes]``, ``[tags]``, hooks, the cores'
parameters) have files of their own.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from pycluster.settings import values

#: ``[nodes]`` entries, ``-join`` hosts and the agent itself use this port where nothing else is said.
DEFAULT_PORT = 7946
DEFAULT_CLUSTER = "pycluster"
#: Hosts in ``join``, as in the HTTP interface's request.
JOIN_MAX = 64
#: Members of etcd; it has seven at most, and each may have a few URLs.
ENDPOINTS_MAX = 32
#: Names in ``[http] names``.
HTTP_NAMES_MAX = 64


def _at_most(most: int, parse: Callable[[str], tuple[object, ...]]) -> Callable[[str], object]:
    def checked(text: str) -> object:
        found = parse(text)
        if len(found) > most:
            raise ValueError(f"has {len(found)} entries, {most} are allowed")
        return found

    return checked


class Option(msgspec.Struct, frozen=True):
    """One setting. ``name`` is what ``Loaded.sources`` calls it and what the flag and the variable are made of.

    ``field``: the field of ``Settings`` that takes ``parse``'s result. ``keys``: (section, key) in the file, the first
    given one wins. ``parse`` raises ``ValueError``. ``flag``: whether there is a flag.
    """

    name: str
    field: str
    keys: tuple[tuple[str, str], ...]
    parse: Callable[[str], object]
    default: object
    flag: bool = True

    @property
    def flag_text(self) -> str:
        """``-bind-address``."""
        return "-" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """``PYCLUSTER_BIND_ADDRESS``."""
        return PREFIX + self.name.upper()


#: What all our environment variables begin with.
PREFIX = "PYCLUSTER_"

OPTIONS = (
    Option("cluster", "cluster", (("cluster", "name"),), values.name, DEFAULT_CLUSTER, flag=False),
    Option("name", "name", (("node", "name"),), values.name, None),
    Option("bind_address", "bind_host", (("node", "bind_address"),), values.address, "0.0.0.0"),
    Option("port", "port", (("node", "port"), ("cluster", "discovery_port")), values.port, DEFAULT_PORT),
    Option("advertise_address", "advertise", (("node", "advertise_address"),), values.advertise, None),
    Option("data_dir", "data_dir", (("node", "data_dir"),), values.plain, ""),
    Option("web", "web", (("node", "web"),), values.web, None),
    Option("http_names", "http_names", (("http", "names"),), _at_most(HTTP_NAMES_MAX, values.hosts), (), flag=False),
    Option("log_format", "log_format", (("node", "log_format"),), values.log_format, "text"),
    Option("region", "region", (("node", "region"),), values.label, ""),
    Option("zone", "zone", (("node", "zone"),), values.label, ""),
    Option("backup_directory", "backup_directory", (("backup", "directory"),), values.directory, "", flag=False),
    Option(
        "backup_interval",
        "backup_interval_s",
        (("backup", "interval"),),
        values.backup_interval_s,
        3_600.0,
        flag=False,
    ),
    Option("backup_keep", "backup_keep", (("backup", "keep"),), values.backup_count, 24, flag=False),
    Option("state_engine", "state_engine", (("state", "engine"),), values.engine, "embedded", flag=False),
    Option(
        "state_endpoints",
        "state_endpoints",
        (("state", "endpoints"),),
        _at_most(ENDPOINTS_MAX, values.urls),
        (),
        flag=False,
    ),
    Option("state_ca_file", "state_ca_file", (("state", "ca_file"),), values.file, "", flag=False),
    Option("state_cert_file", "state_cert_file", (("state", "cert_file"),), values.file, "", flag=False),
    Option("state_key_file", "state_key_file", (("state", "key_file"),), values.file, "", flag=False),
    Option("state_user", "state_user", (("state", "user"),), values.plain, "", flag=False),
    Option("state_password_file", "state_password_file", (("state", "password_file"),), values.file, "", flag=False),
    Option("join", "join", (), _at_most(JOIN_MAX, values.endpoints), ()),
)

#: Sections with a fixed set of keys. An unknown key in ``[cluster]`` is a warning: the Go project ignored it too.
KEYS = {
    "cluster": ("name", "discovery_port"),
    "node": tuple(key for option in OPTIONS for section, key in option.keys if section == "node"),
    "http": ("names",),
    "backup": ("directory", "interval", "keep"),
}
#: Sections whose text the owners of the parameters judge.
RAW = ("membership", "consensus", "following", "state", "config")
#: What stands among them and is no parameter.
NO_PARAMETERS = frozenset((section, key) for option in OPTIONS for section, key in option.keys if section in RAW)
#: Sections of which there may be many, each with a name: ``[hook NAME]``.
NAMED = {
    "hook": ("on", "command", "timeout"),
    "template": (
        "source",
        "entry",
        "destination",
        "keys",
        "mode",
        "owner",
        "check",
        "reload",
        "probe",
        "nodes",
        "timeout",
    ),
}
#: Sections that stand once, in the form that people write.
SECTIONS = ("cluster", "nodes", "node", "tags", "http", "backup", *RAW)

#: ``-tag key=value``, any number of times, and ``PYCLUSTER_TAGS=key=value,key=value``.
TAG_FLAG = "tag"
TAGS_VARIABLE = "TAGS"
FLAGS = (*(option.name for option in OPTIONS if option.flag), TAG_FLAG)
#: Variables of ours that are no settings: the command line's, the tests' and measurements', and what a hook or the
#: command of a template is given.
ELSEWHERE = frozenset(
    (
        "CONFIG",
        "ADDR",
        "TIMEOUT",
        "NO_SKIP",
        "BENCH_NAMESPACE",
        "EVENT",
        "EVENT_ID",
        "EVENT_TEXT",
        "EVENT_NODE",
        "TERM",
        "TEMPLATE",
        "FILE",
    )
)
