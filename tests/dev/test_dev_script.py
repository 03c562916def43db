"""The script `dev`: what it prepares once, in which order, what it says, and that it then only runs what follows.

The programs it would install with are stand-ins that write down how they were called.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
TOOLCHAIN = "site_scons/site_tools/osimage/toolchain"
RUNTIME = "scons==4.11.1 pyelftools==0.33 toml==0.10.2"
TOOLS = "pytest==9.2.0 pytest-xdist ruff==0.17.6 mypy==2.4.1 hatchling==1.33.0"

PYTHON = """\
case "$1 $2" in
'- ') echo "$STUBS/python3" ;;
'-m osimage.toolchain.needs') cat "$STUBS/needs" ;;
'-m venv')
    mkdir -p "$6/bin"
    cp "$STUBS/python3" "$6/bin/python"
    printf '#!%s/bin/python\\n' "$6" > "$6/bin/scons" ;;
'-m pip')
    [ -e "$STUBS/slow" ] && sleep 60
    if [ -e "$STUBS/offline" ]; then echo "no network" >&2; exit 1; fi
    sleep 0.2 ;;
esac
"""
APT_GET = """\
case "$*" in *install*)
    if [ -e "$STUBS/offline" ]; then echo "no network"; exit 100; fi
    cp "$STUBS/needs-then" "$STUBS/needs" ;;
esac
"""


class Desk:
    """A clone, a home and a PATH of stand-ins in FOLDER."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home, self.stubs, self.log = folder / "home", folder / "stubs", folder / "log"
        self.cache = self.home / ".cache/osimage"
        self.home.mkdir()
        self.stubs.mkdir()
        self.relied = folder / "rustc"
        self.relied.touch()
        self.needs(f"rely {self.relied}")
        self.stub("python3", PYTHON)
        self.stub("apt-get", APT_GET)
        self.stub("id", "echo 0")
        self.stub("hello", 'echo "$SCONSFLAGS|$*"')
        self.stub("pytest", "echo tests")
        self.clone("clone")

    def stub(self, name: str, script: str) -> None:
        path = self.stubs / name
        called = f'echo "${{0##*/}}${{*:+ $*}}" >> {self.log}'
        path.write_text(f"#!/bin/bash\nSTUBS={self.stubs}\n{called}\n{script}\n")
        path.chmod(0o755)

    def needs(self, *lines: str, then: bool = False) -> None:
        """What the machine is found to have; or what it has THEN, after apt-get."""
        (self.stubs / ("needs-then" if then else "needs")).write_text("".join(f"{line}\n" for line in lines))

    def clone(self, name: str) -> None:
        clone = self.folder / name
        (clone / TOOLCHAIN).mkdir(parents=True)
        for file in ("dev", "pyproject.toml", *(f"{TOOLCHAIN}/{part}.py" for part in ("advice", "needs", "probe"))):
            shutil.copy(REPOSITORY / file, clone / file)

    def start(self, *command: str, clone: str = "clone", **environ: str) -> subprocess.Popen[str]:
        base = {"HOME": str(self.home), "PATH": f"{self.stubs}:/usr/bin:/bin"}
        return subprocess.Popen([self.folder / clone / "dev", *command], env=base | environ, cwd=self.folder, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                start_new_session=True)  # fmt: skip

    def dev(self, *command: str, clone: str = "clone", **environ: str) -> tuple[int, str, str]:
        process = self.start(*command, clone=clone, **environ)
        output, errors = process.communicate(timeout=60)
        return process.returncode, output, errors.replace(f"{self.folder}/", "")

    def called(self) -> list[str]:
        """The calls of stand-ins since the last time."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.write_text("")
        return [line.replace(f"{self.folder}/", "") for line in lines]

    def venvs(self) -> list[Path]:
        return sorted(path for path in self.cache.glob("venv-*") if path.is_dir())


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_the_first_use_prepares_and_the_second_only_runs(desk: Desk) -> None:
    status, output, errors = desk.dev("hello", "a b", "c")
    assert (status, output) == (0, "-Q|a b c\n")
    assert errors == f"dev: making a virtual environment with {RUNTIME}\ndev: ready\n"
    (venv,) = desk.venvs()
    name = f"home/.cache/osimage/{venv.name}.new"
    assert desk.called() == [
        "python3 -",
        "id -u",
        "python3 -m osimage.toolchain.needs clone",
        f"python3 -m venv --prompt osimage -- {name}",
        f"python -m pip install --quiet --disable-pip-version-check --no-input {RUNTIME}",
        "hello a b c",
    ]
    assert desk.dev("hello") == (0, "-Q|\n", "")
    assert desk.called() == ["hello"]


def test_scripts_of_the_environment_say_where_it_is(desk: Desk) -> None:
    desk.dev("hello")
    (venv,) = desk.venvs()
    assert (venv / "bin/scons").read_text() == f"#!{venv}/bin/python\n"


def test_afterwards_one_small_program_is_started(desk: Desk) -> None:
    desk.dev("hello")
    desk.called()
    for name in ("sha256sum", "mkdir", "flock", "id", "cat", "grep", "sed", "readlink", "dirname"):
        desk.stub(name, f'exec /usr/bin/{name} "$@"')
    assert desk.dev("hello") == (0, "-Q|\n", "")
    assert [line.split()[0] for line in desk.called()] == ["sha256sum", "hello"]


def test_the_tools_come_when_they_are_asked_for(desk: Desk) -> None:
    assert desk.dev("hello")[0] == 0
    status, output, errors = desk.dev("pytest")
    assert (status, output) == (0, "tests\n")
    assert errors == f"dev: making a virtual environment with {RUNTIME} {TOOLS}\ndev: ready\n"
    runtime, tools = desk.venvs()
    assert tools.name == f"{runtime.name}-tools"
    desk.called()
    for command in ("pytest", "hello"):
        assert desk.dev(command)[2] == ""
    assert desk.called() == ["pytest", "hello"]


def test_where_the_tools_are_nothing_more_is_needed(desk: Desk) -> None:
    desk.dev("pytest")
    assert desk.dev("hello")[2] == ""
    assert len(desk.venvs()) == 1


def test_clones_share_what_was_prepared(desk: Desk) -> None:
    desk.dev("hello")
    desk.clone("another")
    assert desk.dev("hello", clone="another") == (0, "-Q|\n", "")


def test_other_pins_are_another_environment(desk: Desk) -> None:
    desk.dev("hello")
    project = desk.folder / "clone/pyproject.toml"
    project.write_text(project.read_text().replace("toml==0.10.2", "toml==0.10.3"))
    assert "toml==0.10.3\n" in desk.dev("hello")[2]
    assert len(desk.venvs()) == 2


def test_pins_over_several_lines_are_read(desk: Desk) -> None:
    project = desk.folder / "clone/pyproject.toml"
    project.write_text(project.read_text().replace('["scons==4.11.1", ', '[\n    "scons==4.11.1",\n    '))
    assert desk.dev("hello")[2].startswith(f"dev: making a virtual environment with {RUNTIME}\n")


def test_an_environment_without_its_python_is_made_again(desk: Desk) -> None:
    desk.dev("hello")
    (desk.venvs()[0] / "bin/python").unlink()
    assert "making a virtual environment" in desk.dev("hello")[2]
    assert desk.dev("hello")[2] == ""


def test_a_machine_that_changed_is_looked_at_again(desk: Desk) -> None:
    desk.dev("hello")
    desk.relied.unlink()
    desk.needs("lack compiler: none", "way Install one.")
    desk.stub("id", "echo 1000")
    assert desk.dev("hello") == (
        2,
        "",
        "dev: this machine lacks:\n  compiler: none\ndev: what to do, then run this again:\n  Install one.\n",
    )


LACKS = ("lack compiler: none", "over /usr/bin/rustc 1.63.0: too old", "lack QEMU", "apt rustc-web qemu-system-x86",
         "also libmimalloc2.0")  # fmt: skip


def test_without_rights_it_says_the_command(desk: Desk) -> None:
    desk.stub("id", "echo 1000")
    desk.needs(*LACKS)
    assert desk.dev("hello") == (
        2,
        "",
        "dev: this machine lacks:\n"
        "  compiler: none\n"
        "  QEMU\n"
        "dev: passed over:\n"
        "  /usr/bin/rustc 1.63.0: too old\n"
        "dev: what to do, then run this again:\n"
        "  sudo apt-get update && sudo apt-get install --no-install-recommends rustc-web qemu-system-x86 "
        "libmimalloc2.0\n",
    )
    assert not [line for line in desk.called() if line.startswith("apt-get")]
    assert desk.venvs() == []


def test_without_rights_what_is_only_better_does_not_stop(desk: Desk) -> None:
    desk.stub("id", "echo 1000")
    desk.needs(f"rely {desk.relied}", "also libmimalloc2.0")
    status, _, errors = desk.dev("hello")
    assert status == 0
    assert errors.startswith(
        "dev: everything needed is here; faster or nicer with: sudo apt-get install libmimalloc2.0\n"
    )
    assert desk.dev("hello")[2] == ""


def test_with_rights_it_installs(desk: Desk) -> None:
    desk.needs(*LACKS)
    desk.needs(f"rely {desk.relied}", then=True)
    status, output, errors = desk.dev("hello")
    assert (status, output) == (0, "-Q|\n")
    assert errors == (
        "dev: updating apt's lists (apt-get update)\n"
        "dev: installing rustc-web qemu-system-x86 libmimalloc2.0 (this takes a few minutes)\n"
        f"dev: making a virtual environment with {RUNTIME}\n"
        "dev: ready\n"
    )
    options = "-o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0"
    assert [line for line in desk.called() if line.startswith("apt-get")] == [
        f"apt-get {options} update",
        f"apt-get {options} install --yes --no-remove --no-install-recommends rustc-web qemu-system-x86 libmimalloc2.0",
    ]


def test_what_apt_has_not_is_told_before_anything_is_installed(desk: Desk) -> None:
    desk.needs("lack compiler: none", "lack QEMU", "way Install rustup.", "apt qemu-system-x86")
    status, _, errors = desk.dev("hello")
    assert status == 2
    assert errors.endswith(
        "  sudo apt-get update && sudo apt-get install --no-install-recommends qemu-system-x86\n  Install rustup.\n"
    )
    assert not [line for line in desk.called() if "install" in line]


def test_apt_that_fails_is_shown_with_its_log(desk: Desk) -> None:
    desk.needs(*LACKS)
    (desk.stubs / "offline").touch()
    status, _, errors = desk.dev("hello")
    assert status == 2
    assert "\nno network\ndev: failed: apt-get " in errors
    assert errors.endswith("dev: everything it said is in home/.cache/osimage/dev.log\n")
    assert "no network" in (desk.cache / "dev.log").read_text()


def test_pip_that_fails_leaves_nothing_that_looks_whole(desk: Desk) -> None:
    (desk.stubs / "offline").touch()
    status, _, errors = desk.dev("hello")
    assert status == 2
    assert "\nno network\ndev: failed: " in errors
    (desk.stubs / "offline").unlink()
    assert desk.dev("hello")[1] == "-Q|\n"
    assert [path.suffix for path in desk.venvs()] == [""]


def test_a_killed_dev_is_made_good_by_the_next(desk: Desk) -> None:
    (desk.stubs / "slow").touch()
    killed = desk.start("hello")
    while not desk.log.exists() or "-m pip" not in desk.log.read_text():
        assert killed.poll() is None
        time.sleep(0.01)
    os.killpg(killed.pid, 9)
    killed.communicate()
    (desk.stubs / "slow").unlink()
    assert desk.dev("hello")[:2] == (0, "-Q|\n")


def test_two_at_once_prepare_once(desk: Desk) -> None:
    both = [desk.start("hello"), desk.start("hello")]
    results = [process.communicate(timeout=60) for process in both]
    assert [output for output, _ in results] == ["-Q|\n"] * 2
    assert [process.returncode for process in both] == [0, 0]
    assert len([line for line in desk.called() if "-m pip" in line]) == 1


@pytest.mark.parametrize(
    ("flags", "then"), [("", "-Q"), ("-j3", "-Q -j3"), ("-j3 -Q", "-j3 -Q"), ("-Q", "-Q"), ("--Quiet", "-Q --Quiet")]
)
def test_scons_is_quiet_once(flags: str, then: str, desk: Desk) -> None:
    assert desk.dev("hello", SCONSFLAGS=flags)[1] == f"{then}|\n"


def test_the_exit_status_is_that_of_the_command(desk: Desk) -> None:
    assert desk.dev("sh", "-c", "exit 7")[0] == 7


def test_the_cache_directory_may_lie_elsewhere(desk: Desk) -> None:
    assert desk.dev("hello", XDG_CACHE_HOME=str(desk.folder / "x & y"))[0] == 0
    assert not desk.cache.exists()
    venv = next((desk.folder / "x & y/osimage").glob("venv-*"))
    assert (venv / "bin/scons").read_text() == f"#!{venv}/bin/python\n"


def test_how_it_is_used(desk: Desk) -> None:
    for command in ((), ("-h",), ("--help",)):
        status, output, errors = desk.dev(*command)
        assert (status, errors) == (0, "")
        assert output.startswith("usage: ./dev COMMAND [ARGUMENT...]\n")
        assert "./dev scons run" in output
    assert desk.called() == []


@pytest.mark.parametrize(
    ("command", "environ", "says"),
    [
        ("nix", {}, "dev: there is no command 'nix'. ./dev alone says what there is.\n"),
        ("hello", {"HOME": ""}, "dev: HOME is not set, so there is no place for the Python packages. Set it.\n"),
        ("hello", {"HOME": "/proc/1/x"}, "dev: /proc/1/x/.cache/osimage is where the Python packages go; "
                                         "it cannot be made.\n"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_told(command: str, environ: dict[str, str], says: str, desk: Desk) -> None:
    status, _, errors = desk.dev(command, **environ)
    assert status == 2
    assert errors.endswith(says)


def test_an_old_python_is_told(desk: Desk) -> None:
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        desk.stub(name, '[ "$1" = --version ] && echo Python 3.9.2; exit 1')
    script = desk.folder / "clone/dev"
    script.write_text(script.read_text().replace("/usr/bin/python3", "python3"))
    assert desk.dev("hello") == (2, "", "dev: Python 3.11 or newer is needed; python3 is Python 3.9.2 here.\n")


def test_ci_runs_the_tests_and_fails_with_them(desk: Desk) -> None:
    (desk.folder / "clone/.ci").mkdir()
    script = shutil.copy(REPOSITORY / ".ci/run", desk.folder / "clone/.ci/run")
    environ = {"HOME": str(desk.home), "PATH": f"{desk.stubs}:/usr/bin:/bin"}
    for tests, status in ((0, 0), (1, 1)):
        desk.stub("pytest", f'echo "CI=$CI $*"; exit {tests}')
        done = subprocess.run([script], env=environ, cwd="/", capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (status, "CI=true -n 2 --dist worksteal\n")
