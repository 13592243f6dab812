"""A bare Debian 12 (debootstrap) with python3, pip and make; a clean clone; an ordinary user. Needs root.

Nothing of this machine goes in but its name resolution, its certificates and pip's own configuration, so that the
packages come from where they come from here.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.evidence.notebook import FOLDER, ROOT, Notebook

_BASE = FOLDER / "debian-base"
_DEMO = "--kill-leader-after 5 --exit-after 15"
_PIP_FILES = ("/etc/pip.conf", "/etc/xdg/pip", "~/.config/pip", "~/.pip")
_PASSED_ON = re.compile(r"PIP_\w+|\w+_proxy|\w+_PROXY|SSL_CERT_FILE|REQUESTS_CA_BUNDLE")
#: Spelt so as not to find itself.
_NOTHING_LEFT = r"! grep -qszx 'pyclus[t]er\(\.agent\)\?' /proc/[0-9]*/cmdline"
_SHOWN = (
    "New node discovered: node001",
    "Leader node001 timed out, initiating new election",
    "Following new leader: node002",
    "Cluster Status:",
)


def play(notebook: Notebook, numbers: Sequence[int], options: Sequence[str]) -> None:
    """``--worktree`` takes the files as they lie here, rather than the last commit."""
    for number in numbers:
        notebook.play(number, lambda: shown(worktree="--worktree" in options))


def shown(*, worktree: bool) -> dict[str, float | int | str]:
    """Seconds of each of the two commands; raises where one does not do what the README says."""
    assert os.geteuid() == 0, "debootstrap needs root"
    assert shutil.which("debootstrap"), "needs debootstrap, Debian's package of that name"
    if not (_BASE / "etc/os-release").exists():
        include = "python3,python3-pip,make,ca-certificates"
        subprocess.run(["debootstrap", "--variant=minbase", f"--include={include}", "bookworm", _BASE], check=True)
    root = FOLDER / "debian-root"
    shutil.rmtree(root, ignore_errors=True)
    subprocess.run(["cp", "-a", _BASE, root], check=True)
    _carry_configuration(root)
    _clone(root / "srv/pycluster", worktree=worktree)
    assert _inside(root, "! command -v gcc && ! python3 -c 'import ensurepip'").returncode == 0, (
        "that Debian is not bare"
    )
    assert _inside(root, "useradd --create-home newcomer && chown -R newcomer /srv/pycluster").returncode == 0
    figures: dict[str, float | int | str] = {}
    for name, command in (("demo", f'make demo ARGS="{_DEMO}"'), ("test", "make test"), ("linux", "make linux")):
        begun = time.monotonic()
        done = _inside(root, f"cd /srv/pycluster && {command} && {_NOTHING_LEFT}", user="newcomer")
        figures[f"make {name} s"] = round(time.monotonic() - begun, 1)
        log = FOLDER / f"debian-{name}.log"
        log.write_text(done.stdout)
        assert done.returncode == 0, f"make {name} ended with {done.returncode}, see {log}"
        if name == "demo":
            missing = [line for line in _SHOWN if line not in done.stdout]
            assert not missing, f"make demo did not print {missing}, see {log}"
        if name == "test":
            figures["closing"] = done.stdout.strip().splitlines()[-1].strip("= ")
    shutil.rmtree(root)
    return figures


def _carry_configuration(root: Path) -> None:
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    shutil.copy("/etc/ssl/certs/ca-certificates.crt", root / "etc/ssl/certs/ca-certificates.crt")
    for name in _PIP_FILES:
        source = Path(name).expanduser()
        target = root / str(source).lstrip("/")
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)


def _clone(target: Path, *, worktree: bool) -> None:
    if not worktree:
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, target], check=True)
        return
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout
    target.mkdir(parents=True)
    subprocess.run(
        ["cp", "--parents", "-t", target, *(n for n in names.decode().split("\0") if n)], cwd=ROOT, check=True
    )


def _inside(root: Path, script: str, user: str = "root") -> subprocess.CompletedProcess[str]:
    """Run a script in the chroot, in process and mount namespaces of its own, so that nothing can stay behind."""
    mounts = 'mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev"'
    setup = f'{mounts} && exec chroot --userspec="$2" "$1" /bin/sh -c "$3"'
    passed_on = {key: value for key, value in os.environ.items() if _PASSED_ON.fullmatch(key)}
    home = "/" if user == "root" else f"/home/{user}"
    return subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", setup, "sh", root, user, script],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": home, "LANG": "C.UTF-8", **passed_on},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
