"""What a test says becomes a step: faults told at once, QEMU's command line, what it reads, what is not remembered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from osimage.errors import DeclarationError, Where
from osimage.machine import selection, testing
from osimage.machine.outcome import Rule
from osimage.machine.reach import files_named, reaches_outside

WHERE = Where("SConstruct", 7, 'env.Test(name="lib")')
EXIT = "isa-debug-exit,iobase=0xf4,iosize=0x04"


def declared(**said: Any) -> testing.TestDeclaration:
    return testing.declare_test(**{"name": "lib", "image": "build/lib.img", "where": WHERE} | said)


def argv(*more: str, timeout_s: int | None = None, **said: Any) -> tuple[str, ...]:
    return testing.plan(declared(**said), "build", more, timeout_s).actions[0].argv


def test_the_step_of_a_test() -> None:
    (step,) = testing.plan(declared(), "build").actions
    assert (step.step, step.label, step.where) == ("test", "lib", WHERE)
    assert [entry.path for entry in step.inputs] == ["build/lib.img"]
    assert step.outputs == ("build/tests/lib.json", "build/tests/lib.log")
    assert step.shared
    assert step.argv == (
        "osimage.machine.boot_test", "33", "pass", "300",
        "qemu-system-x86_64", "-name", "lib.img", "-m", "128M", "-accel", "tcg",
        "-drive", "if=none,id=osimage-disk,format=raw,snapshot=on,file=./build/lib.img",
        "-device", "virtio-blk-pci,drive=osimage-disk,bootindex=1", "-display", "none",
        "-no-reboot", "-no-shutdown", "-S", "-device", EXIT,
    )  # fmt: skip


def test_what_a_person_would_type() -> None:
    typed = testing.typed(argv(), "/usr/bin/qemu")
    assert typed.startswith("/usr/bin/qemu -name lib.img ")
    assert typed.endswith(f" -no-reboot -device {EXIT} -serial stdio")
    assert testing.typed(argv(qemu_args="-serial mon:stdio"), "qemu").endswith("-serial mon:stdio")


def test_arguments_of_the_person_come_last_and_bring_their_own_exit_device() -> None:
    own = ("-device", "isa-debug-exit,iobase=0x501,iosize=0x02", "-serial", "stdio", "-display", "none")
    line = argv("-smp", "2", qemu_args=own)
    assert line[-len(own) - 2 :] == (*own, "-smp", "2")
    assert EXIT not in line
    assert line.count("-display") == 1


def test_settings_and_choices_are_in_the_step() -> None:
    assert argv(success=(33, 65), timeout=5)[1:4] == ("33,65", "pass", "5")
    assert argv(timeout=5, timeout_s=9)[3] == "9"
    assert argv(expect=35)[1:3] == ("35", "pass")
    assert argv(expect="fault")[2] == "fault"
    assert "-no-reboot" not in argv(reboot=True)
    assert testing.parts(argv(success=[0])) == (Rule((0,)), argv()[4:])


def test_what_runs_on_the_hosts_own_processor_stays_here() -> None:
    (step,) = testing.plan(declared(qemu_args="-enable-kvm"), "build").actions
    assert not step.shared
    assert "tcg" not in step.argv


@pytest.mark.parametrize(("said", "faults"), [
    ({"success": 16}, ["success=16 never comes: a kernel that writes N to isa-debug-exit ends QEMU with 2 * N + 1. "
                       "Did you mean 33?"]),
    ({"success": 256}, ["success= wants an exit code of QEMU's from 0 to 255, or a list of them, not 256."]),
    ({"success": "33"}, ["success= wants an exit code of QEMU's from 0 to 255, or a list of them, not '33'."]),
    ({"success": True}, ["success= wants an exit code of QEMU's from 0 to 255, or a list of them, not True."]),
    ({"success": ()}, ["success= has no exit code, so nothing could pass."]),
    ({"timeout": 0}, ["timeout= wants a number of seconds from 1 to 86400, not 0."]),
    ({"timeout": "5"}, ["timeout= wants a number of seconds from 1 to 86400, not '5'."]),
    ({"expect": "panics"}, ['expect= wants "pass", "panic", "fault" or an exit code of QEMU\'s, not \'panics\'. '
                            "Did you mean 'panic'?"]),
    ({"expect": None}, ['expect= wants "pass", "panic", "fault" or an exit code of QEMU\'s, not None.']),
    ({"expect": 34}, ["expect=34 never comes: a kernel that writes N to isa-debug-exit ends QEMU with 2 * N + 1. "
                      "Did you mean 69?"]),
    ({"expect": 35, "success": 37}, ["expect=35 and success=37 say one thing twice. Leave one out."]),
    ({"reboot": "no"}, ["reboot= wants True or False, not 'no'."]),
    ({"name": "a b", "memory": "1", "timeout": -1}, [
        "name= wants a word that can be typed after 'scons', not 'a b'.",
        'memory="1" wants a number with the unit K, M, G or T. Did you mean "1M"?',
        "timeout= wants a number of seconds from 1 to 86400, not -1."]),
])  # fmt: skip
def test_all_faults_are_told_at_once(said: dict[str, Any], faults: list[str]) -> None:
    with pytest.raises(DeclarationError) as told:
        declared(**said)
    assert list(told.value.faults) == faults


def test_files_that_qemu_is_given_are_read_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("initrd", "second.img", "int.log", "lib.img"):
        (tmp_path / name).touch()
    command = ("qemu", "-drive", "format=raw,file=./lib.img", "-initrd", "initrd", "-D", "int.log", "-name", "initrd",
               "-drive", f"file={tmp_path}/second.img,if=ide", "-serial", "file:int.log", "-kernel", "nowhere")  # fmt: skip
    assert files_named(command) == ("lib.img", "initrd", f"{tmp_path}/second.img")


@pytest.mark.parametrize(("arguments", "outside"), [
    ("-smp 2 -device isa-debug-exit,iobase=0xf4,iosize=0x04 -serial stdio -display none", False),
    ("-nic none -serial file:x.log -drive file=/dev/zero,format=raw", False),
    ("-nic user", True),
    ("-netdev tap,id=net0", True),
    ("-drive file=fat:rw:folder", True),
    ("-drive format=raw,file=/dev/sda", True),
    ("-serial tcp:localhost:4444", True),
    ("-chardev socket,id=a,path=b", True),
    ("-device vfio-pci,host=01:00.0", True),
    ("-L firmware", True),
])  # fmt: skip
def test_what_no_digest_covers(arguments: str, outside: bool) -> None:
    assert reaches_outside(("qemu", *arguments.split())) is outside


def test_an_image_on_top_of_another_leads_to_that(tmp_path: Path) -> None:
    disk = tmp_path / "disk.qcow2"
    for backing, outside in ((0, False), (104, True)):
        disk.write_bytes(b"QFI\xfb\0\0\0\x03" + backing.to_bytes(8, "big"))
        assert reaches_outside(("qemu", "-drive", f"file={disk}")) is outside


@pytest.mark.parametrize(("pattern", "names", "match"), [
    ("bas", ("basic_boot",), True),
    ("boot", ("basic_boot",), True),
    ("Boot", ("basic_boot",), False),
    ("basic*", ("basic_boot",), True),
    ("*basic", ("basic_boot",), False),
    ("b?sic_boot", ("basic_boot",), True),
    ("heap::", ("lib", "heap::simple"), True),
])  # fmt: skip
def test_what_a_pattern_means(pattern: str, names: tuple[str, ...], match: bool) -> None:
    assert selection.matches(pattern, names) is match


def test_a_pattern_without_a_match_is_answered_with_all_names() -> None:
    known = {"lib": ("heap::simple", "heap::large"), "basic_boot": ()}
    assert selection.no_match("heap:simple", known) == (
        "TEST=heap:simple matches no test. There are: lib, basic_boot. In them: heap::simple, heap::large. "
        "Did you mean 'heap::simple'?"
    )
    many = {f"test{number:02}": () for number in range(50)}
    assert selection.no_match("x", many).endswith("test38, test39 and 10 more.")
