"""QEMU's command line, as data."""

from __future__ import annotations

import pytest
from osimage.errors import Where
from osimage.machine.declaration import MachineDeclaration
from osimage.machine.qemu import Wishes, channels, command_line, headline, wishes

HELLO = MachineDeclaration("run", "build/hello.img", Where("", 0, ""))
QMP = ("-chardev", "socket,id=osimage-qmp,fd=7", "-mon", "chardev=osimage-qmp,mode=control")
SERIAL = ("-chardev", "socket,id=osimage-serial,fd=9", "-serial", "chardev:osimage-serial")


def test_the_whole_line() -> None:
    assert command_line(HELLO, "/usr/bin/qemu-system-x86_64", ("-smp", "2")) == (
        "/usr/bin/qemu-system-x86_64", "-name", "hello.img", "-m", "128M", "-accel", "tcg",
        "-drive", "if=none,id=osimage-disk,format=raw,snapshot=on,file=./build/hello.img",
        "-device", "virtio-blk-pci,drive=osimage-disk,bootindex=1",
        "-display", "none", "-no-reboot", "-no-shutdown", "-S", "-smp", "2",
    )  # fmt: skip


def test_a_disk_is_ide_where_that_is_asked_for() -> None:
    assert "ide-hd,drive=osimage-disk,bootindex=1" in command_line(HELLO._replace(disk="ide"), "qemu", ())


@pytest.mark.parametrize(
    ("image", "file", "name"),
    [
        ("build/a, b.img", "./build/a,, b.img", "a,, b.img"),
        ("build/nbd:x.img", "./build/nbd:x.img", "nbd:x.img"),
        ("nbd:x.img", "./nbd:x.img", "nbd:x.img"),
        ("/tmp/über.img", "/tmp/über.img", "über.img"),
    ],
)
def test_names_of_files_keep_their_commas_and_colons(image: str, file: str, name: str) -> None:
    line = command_line(HELLO._replace(image=image), "qemu", ())
    assert line[line.index("-drive") + 1].endswith(f",file={file}")
    assert line[line.index("-name") + 1] == name


@pytest.mark.parametrize(
    ("own", "found"),
    [
        ((), Wishes()),
        (("-accel", "kvm"), Wishes(accelerator="kvm")),
        (("-accel", "tcg,thread=single"), Wishes(accelerator="tcg")),
        (("--enable-kvm",), Wishes(accelerator="kvm")),
        (("-M", "q35,accel=kvm,usb=on"), Wishes(accelerator="kvm")),
        (("-machine", "q35"), Wishes()),
        (("-display", "none"), Wishes(display="none")),
        (("-display", "gtk,zoom-to-fit=on"), Wishes(display="gtk")),
        (("-display", "curses"), Wishes(display="curses", terminal=True)),
        (("-vnc", ":1"), Wishes(display="vnc")),
        (("-nographic",), Wishes(display="none", nographic=True, terminal=True)),
        (("-serial", "mon:stdio"), Wishes(serial=True, terminal=True)),
        (("-serial", "file:x.log"), Wishes(serial=True)),
        (("-monitor", "stdio"), Wishes(monitor=True, terminal=True)),
        (("-chardev", "stdio,id=x"), Wishes(terminal=True)),
        (("-gdb", "stdio"), Wishes(debugger=True, terminal=True)),
        (("-s", "-S"), Wishes(debugger=True)),
        (("-m", "1G"), Wishes(memory="1G")),
        (("-m", "size=1G,slots=2"), Wishes(memory="1G")),
        (("-drive", "file=stdio.img"), Wishes()),
    ],
)
def test_what_a_persons_arguments_decide(own: tuple[str, ...], found: Wishes) -> None:
    assert wishes(own) == found


@pytest.mark.parametrize(
    ("own", "missing"),
    [
        (("-enable-kvm",), "-accel"),
        (("-machine", "pc,accel=kvm"), "-accel"),
        (("-vnc", ":1"), "-display"),
        (("-nographic",), "-display"),
    ],
)
def test_ours_gives_way_to_the_persons(own: tuple[str, ...], missing: str) -> None:
    assert missing not in command_line(HELLO, "qemu", own)


def test_a_machine_that_shall_wait_for_a_debugger_is_stopped_once() -> None:
    assert command_line(HELLO, "qemu", ("-s", "-S")).count("-S") == 1


@pytest.mark.parametrize(
    ("serial", "own", "watched", "line"),
    [
        ("stdio", (), False, (*QMP, *SERIAL)),
        ("stdio", (), True, (*QMP, "-monitor", "vc", *SERIAL)),
        ("none", (), False, (*QMP, "-serial", "none")),
        ("build/a,b.log", (), False,
         (*QMP, "-chardev", "file,id=osimage-serial,path=build/a,,b.log", "-serial", "chardev:osimage-serial")),
        ("stdio", ("-serial", "null"), False, QMP),
        ("stdio", ("-monitor", "stdio"), True, (*QMP, *SERIAL)),
        ("stdio", ("-nographic",), True, (*QMP, "-serial", "mon:stdio")),
        ("stdio", ("-nographic",), False, (*QMP, *SERIAL)),
    ],
)  # fmt: skip
def test_channels(serial: str, own: tuple[str, ...], watched: bool, line: tuple[str, ...]) -> None:
    assert channels(HELLO._replace(serial=serial), own, 7, 9, watched=watched) == line


@pytest.mark.parametrize(
    ("own", "text"),
    [
        ((), "hello.img on QEMU 7.2.22 (tcg, 128M, virtio)"),
        (("-enable-kvm", "-m", "1G"), "hello.img on QEMU 7.2.22 (kvm, 1G, virtio)"),
    ],
)
def test_headline(own: tuple[str, ...], text: str) -> None:
    assert headline(HELLO, own, "7.2.22") == text
