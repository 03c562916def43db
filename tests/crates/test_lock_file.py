"""Cargo.lock where it is missing or does not fit: what cargo writes, whole or not at all, and what is said of it."""

from __future__ import annotations

import errno
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cargo_cases import CARGO, environment, write
from osimage.action import Plan
from osimage.crates import lock_file
from osimage.crates.fault import FaultError
from osimage.crates.kernel import Kernel
from osimage.crates.query import advice
from osimage.errors import DeclarationError

PlanIt = Callable[..., tuple[Plan, Kernel]]
MANIFEST = '[package]\nname = "{}"\nversion = "0.1.0"\nedition = "2024"\n'
OUTDATED = 'version = 4\n[[package]]\nname = "k"\nversion = "0.1.0"\n'
FILES = {
    "kernel/Cargo.toml": MANIFEST.format("k") + '[dependencies]\nm = { path = "m" }\n',
    "kernel/src/main.rs": "#![no_std]\n",
    "kernel/m/Cargo.toml": MANIFEST.format("m"),
    "kernel/m/src/lib.rs": "",
}
CHANGED = "kernel/Cargo.lock did not fit the manifests any more: cargo changed it."
WROTE = "there was no kernel/Cargo.lock: cargo wrote it. Keep it with the sources."


@pytest.mark.parametrize(("before", "note"), [(OUTDATED, CHANGED), (None, WROTE)], ids=["outdated", "missing"])
def test_cargo_writes_the_lock_file_and_a_note_says_so(
    before: str | None, note: str, planned: PlanIt, tmp_path: Path
) -> None:
    root = write(tmp_path / "ours", FILES | ({"kernel/Cargo.lock": before} if before else {}))
    theirs = write(tmp_path / "cargos", FILES)
    subprocess.run([CARGO, "generate-lockfile", "--quiet"], cwd=theirs / "kernel", env=environment(tmp_path, {}),
                   check=True)  # fmt: skip
    assert planned(root)[0].notes == (note,)
    assert sorted(path.name for path in (root / "kernel").iterdir()) == ["Cargo.lock", "Cargo.toml", "m", "src"]
    assert (root / "kernel/Cargo.lock").read_text() == (theirs / "kernel/Cargo.lock").read_text()
    assert planned(root)[0].notes == ()


def test_what_a_killed_process_left_beside_it_goes(planned: PlanIt, tmp_path: Path) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    alive, theirs = f"kernel/Cargo.lock.new.{os.getppid()}", "kernel/Cargo.lock.new.txt"
    root = write(tmp_path / "p", FILES | {f"kernel/Cargo.lock.new.{dead.pid}": "half", alive: "", theirs: ""})
    planned(root)
    assert {*root.glob("*/*.new.*")} == {root / alive, root / theirs}


def test_what_is_wrong_beside_it_is_told_with_the_note(planned: PlanIt, tmp_path: Path) -> None:
    artifact = FILES["kernel/Cargo.toml"].replace('"m"', '"m", artifact = "bin"')
    root = write(tmp_path / "p", FILES | {
        "kernel/Cargo.toml": artifact, "kernel/m/src/main.rs": "", "kernel/Cargo.lock": OUTDATED,
        ".cargo/config.toml": "[unstable]\nbindeps = true\n",
    })  # fmt: skip
    with pytest.raises(DeclarationError) as told:
        planned(root)
    artifact = "kernel/Cargo.toml: the artifact dependency 'm' is not supported: build it on its own."
    assert told.value.faults == (artifact, CHANGED)


def test_a_refusal_of_cargos_leaves_the_lock_file_as_it_was(planned: PlanIt, tmp_path: Path) -> None:
    needy = FILES["kernel/Cargo.toml"] + '[features]\nz = []\n[[bin]]\nname = "k"\nrequired-features = ["z"]\n'
    root = write(tmp_path / "p", FILES | {"kernel/Cargo.toml": needy, "kernel/Cargo.lock": OUTDATED})
    with pytest.raises(DeclarationError, match="requires the features"):
        planned(root)
    assert (root / "kernel/Cargo.lock").read_text() == OUTDATED


def answer(text: str) -> Callable[[str], str]:
    """A cargo that writes TEXT."""

    def ask(copy: str) -> str:
        Path(copy).write_text(text)
        return "said"

    return ask


def test_the_lock_file_changes_in_one_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, lock = tmp_path / "kept", tmp_path / "Cargo.lock"
    kept.write_text("old")
    kept.chmod(0o640)
    lock.symlink_to(kept)

    def ask(copy: str) -> str:
        assert (Path(copy).read_text(), lock.read_text()) == ("old", "old")
        lock_file.writing(str(lock), "Cargo.lock", answer("another's"))  # at the same time
        return answer("new")(copy)

    assert lock_file.writing(str(lock), "Cargo.lock", ask) == "said"
    assert (kept.read_text(), kept.stat().st_mode & 0o777, lock.is_symlink()) == ("new", 0o640, True)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(FaultError) as told:
        lock_file.writing(str(lock), "Cargo.lock", answer("newer"))
    assert str(told.value) == (
        "Cargo.lock cannot be written: No space left on device. Make room, or make its folder writable for you: it is "
        "as it was."
    )
    assert (kept.read_text(), sorted(os.listdir(tmp_path))) == ("new", ["Cargo.lock", "kept"])


def test_a_full_disk_where_cargo_writes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/mine")
    refusal = "failed to write Cargo.lock\n  Caused by:\n    No space left on device (os error 28)"
    assert advice(refusal, "Cargo.toml") == "\n  Make room: cargo writes to /mine and to its own folder, CARGO_HOME."
    assert advice("failed to parse lock file", "Cargo.toml") == ""
