"""Real machines: small boot sectors in QEMU, without a display."""

from __future__ import annotations

import io
import os
import re
import struct
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from boot_sectors import SECTORS
from osimage.errors import StepError, Where
from osimage.machine import qemu
from osimage.machine.declaration import MachineDeclaration
from osimage.machine.run import run
from osimage.machine.session import MachineEnded, Session

Boot = Callable[..., Any]
WHERE = Where("", 0, "")
DEBUG_EXIT = ("-device", "isa-debug-exit,iobase=0xf4,iosize=4")


@pytest.mark.parametrize("name", ["hello", "hello, idle", "hello, spinning"])
def test_the_screen_is_printed_when_the_kernel_has_settled(boot: Boot, name: str) -> None:
    ran = boot(name)
    assert ran.status == 0
    assert ran.lines == ["Hello World!"]


def test_the_headline_tells_what_runs(boot: Boot) -> None:
    first = boot("hello", memory="64M", disk="ide").text.splitlines()[0]
    assert first.startswith("a disk, really.img on QEMU ")
    assert first.endswith(" (tcg, 64M, ide)")


def test_a_terminal_gets_colours(boot: Boot) -> None:
    environ = dict(os.environ, TERM="xterm", NO_COLOR="")
    assert boot("hello", colour=True, environ=environ).lines == ["\x1b[96mHello World!\x1b[0m"]
    assert boot("hello", colour=True, environ=environ | {"NO_COLOR": "1"}).lines == ["Hello World!"]


def test_the_smallest_memory_that_a_declaration_may_have_boots(boot: Boot) -> None:
    assert boot("hello", memory="2M").lines == ["Hello World!"]


def test_text_over_the_firmwares(boot: Boot) -> None:
    assert boot("hello, not cleared").lines[0].startswith("Hello World!sion ")
    assert boot("long mode, star, not cleared").lines[0].startswith("*eaBIOS (version ")


def test_a_kernel_that_computes_on_has_settled_when_its_screen_has(boot: Boot) -> None:
    assert boot("long mode, computing").lines == ["*"]


def test_a_kernel_that_keeps_changing_the_screen_is_told_at_the_limit(boot: Boot) -> None:
    ran = boot("counting", limit_s=0.5)
    assert ran.status == 0
    assert re.fullmatch(r"\(the kernel is still busy after \d+ s; this is the screen as it was then\)", ran.lines[-1])
    assert len(ran.lines) == 2


@pytest.mark.parametrize("name", ["empty, dead", "empty, idle"])
def test_a_kernel_that_shows_nothing(boot: Boot, name: str) -> None:
    assert boot(name).lines == ["(the text screen is empty)"]


def test_the_firmwares_text_is_not_taken_for_the_kernels(boot: Boot) -> None:
    ran = boot("long mode, silent")
    assert ran.lines[0].startswith("SeaBIOS")
    assert re.fullmatch(r"\(no sign of the kernel after \d+ s; this is the screen as it was then\)", ran.lines[-1])


def test_serial_output_is_passed_on(boot: Boot) -> None:
    assert boot("serial").lines == ["Hello serial!", "(the text screen is empty)"]


@pytest.mark.parametrize("args", ["-nographic", "-serial stdio"])
def test_serial_output_is_passed_on_however_it_is_asked_for(boot: Boot, args: str) -> None:
    assert "Hello serial!" in boot("serial", qemu_args=args).text


def test_serial_output_can_go_to_a_file(boot: Boot, tmp_path: Path) -> None:
    log = tmp_path / "the log, really"
    assert "Hello serial!" not in boot("serial", serial=str(log)).text
    assert log.read_bytes() == b"Hello serial!\r\n"


def test_a_kernel_that_ends_qemu_is_told_with_its_code(boot: Boot) -> None:
    ran = boot("exit", *DEBUG_EXIT)
    assert ran.status == 0
    assert ran.lines[-1] == "(the machine ended by itself with exit code 33)"


def test_a_kernel_that_switches_the_machine_off(boot: Boot) -> None:
    ran = boot("hello, then power off")
    assert (ran.status, ran.lines) == (0, ["Hello World!", "(the kernel switched the machine off)"])


def test_graphics_are_told(boot: Boot) -> None:
    assert boot("graphics").lines == ["(the screen shows graphics, 640 x 400; SCREENSHOT=screen.png saves it)"]


def test_a_triple_fault_is_an_error_that_tells_where(boot: Boot) -> None:
    with pytest.raises(StepError) as caught:
        boot("long mode, fault")
    assert str(caught.value) == (
        "the machine was reset at RIP 0x7d16, with CR2 0xdead0000. Most likely the kernel faulted without a handler "
        "(a triple fault); CR2 is the last page fault's address. "
        'QEMU_ARGS="-d int -D int.log" writes every interrupt and fault to int.log.'
    )


def test_a_reset_in_real_mode_still_shows_the_screen(disk: Callable[[str], Path], qemu_path: str) -> None:
    out = io.StringIO()
    machine = MachineDeclaration("run", str(disk("hello, then reset")), WHERE)
    with pytest.raises(StepError) as caught:
        run(machine, qemu_path=qemu_path, display=False, terminal=False, out=out, environ=dict(os.environ))
    assert out.getvalue().splitlines()[1:] == ["Hello World!"]
    assert str(caught.value) == (
        "the machine was reset at RIP 0x7c29, with CR2 0x0. The processor was not in long mode: it was the loader or "
        "the firmware, or the kernel asked for it. "
        'QEMU_ARGS="-d int -D int.log" writes every interrupt and fault to int.log.'
    )


def test_an_image_without_a_boot_sector(tmp_path: Path, qemu_path: str) -> None:
    image = tmp_path / "x.img"
    image.write_bytes(SECTORS["hello"].image(signature=b"\0\0"))
    machine = MachineDeclaration("run", str(image), WHERE, qemu_args=("-nic", "none"))
    with pytest.raises(StepError) as caught:
        run(machine, qemu_path=qemu_path, display=False, terminal=False, out=io.StringIO(), environ=dict(os.environ))
    assert str(caught.value) == f"the firmware found nothing to boot in {image}: its first sector must end with 55 aa."


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ("-foo", "QEMU did not start: -foo: invalid option"),
        ("-m 128MB", "QEMU did not start: -m 128MB: Parameter 'size' expects a non-negative number below 2^64\n"
         "Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-\n"
         "and exabytes, respectively."),
        ("-drive file=/no/such.img", "QEMU did not start: -drive file=/no/such.img: Could not open '/no/such.img':"
         " No such file or directory"),
        ("'x", "QEMU_ARGS='x has a quotation mark without its partner."),
    ],
)  # fmt: skip
def test_wrong_arguments_are_told_in_qemus_words(boot: Boot, args: str, told: str) -> None:
    with pytest.raises(StepError) as caught:
        boot("hello", qemu_args=args)
    assert str(caught.value) == told


def test_a_missing_image_is_told(tmp_path: Path, qemu_path: str) -> None:
    image = tmp_path / "none.img"
    with pytest.raises(StepError) as caught:
        run(MachineDeclaration("run", str(image), WHERE), qemu_path=qemu_path, display=False, terminal=False,
            out=io.StringIO(), environ=dict(os.environ))  # fmt: skip
    assert str(caught.value).startswith("QEMU did not start: -drive if=none,")
    assert str(caught.value).endswith(f"Could not open '{image}': No such file or directory")


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: None, "No such file or directory"),
        (lambda path: path.write_text("no program"), "Permission denied"),
    ],
)
def test_a_missing_qemu_is_told(tmp_path: Path, make: Callable[[Path], object], why: str) -> None:
    program = tmp_path / "qemu-system-x86_64"
    make(program)
    with pytest.raises(StepError) as caught:
        run(MachineDeclaration("run", "x.img", WHERE), qemu_path=str(program), display=False, terminal=False,
            out=io.StringIO(), environ={})  # fmt: skip
    assert str(caught.value) == (
        f"cannot start QEMU, {program}: {why}. Install it (Debian: apt install qemu-system-x86)."
    )


def test_a_qemu_that_dies_while_starting_is_told(tmp_path: Path) -> None:
    program = tmp_path / "qemu-system-x86_64"
    program.write_text("#!/bin/sh\necho qemu-system-x86_64: out of order >&2\nexit 4\n")
    program.chmod(0o755)
    with pytest.raises(StepError) as caught:
        run(MachineDeclaration("run", "x.img", WHERE), qemu_path=str(program), display=False, terminal=False,
            out=io.StringIO(), environ=dict(os.environ))  # fmt: skip
    assert str(caught.value) == "QEMU did not start: out of order"


@pytest.mark.parametrize("attached", ["virtio", "ide"])
def test_a_kernel_can_write_to_its_disk_and_the_image_stays_the_same(boot: Boot, tmp_path: Path, attached: str) -> None:
    assert boot("hello, written", disk=attached).lines == ["Hello World!"]
    images = list(tmp_path.glob("*.img"))
    assert [image.read_bytes() for image in images] == [SECTORS["hello, written"].image()]


def test_a_screenshot_is_the_screen(boot: Boot, tmp_path: Path) -> None:
    path = tmp_path / "the screen.png"
    ran = boot("hello", screenshot=str(path))
    assert ran.lines == ["Hello World!", f"(the screen as a picture: {path})"]
    png = path.read_bytes()
    assert struct.unpack(">II", png[16:24]) == (720, 400)
    rows = zlib.decompress(png[41 : 41 + struct.unpack(">I", png[33:37])[0]])
    black, cyan = sorted({rows[y * 2161 + 1 + 3 * x :][:3] for y in range(16) for x in range(12 * 9)})
    assert black == b"\0\0\0"
    assert cyan[0] in range(0x50, 0x60)  # QEMUs differ in how 6 bits become 8
    assert cyan[1:] == b"\xff\xff"
    assert not any(rows[y * 2161 + 1 + 3 * 12 * 9 : (y + 1) * 2161] != bytes(2160 - 3 * 12 * 9) for y in range(16))


def test_a_screenshot_that_cannot_be_written_is_told(boot: Boot) -> None:
    with pytest.raises(StepError) as caught:
        boot("hello", screenshot="/no/such/folder/x.png")
    assert str(caught.value) == "cannot write /no/such/folder/x.png: No such file or directory"


def test_no_window_without_a_window_to_open(boot: Boot) -> None:
    """DISPLAY names none: QEMU cannot open one, whether it could otherwise or not."""
    environ = {"PATH": os.environ["PATH"], "DISPLAY": ":4711"}
    ran = boot("hello", display=True, terminal=True, environ=environ)
    assert ran.status == 0
    assert ran.lines[0] in (
        "(this QEMU cannot open a window (Debian: apt install qemu-system-gui), so this is the text screen)",
        "(QEMU could not open a gtk window)",
        "(QEMU could not open a sdl window)",
    )
    assert ran.lines[1:] == ["Hello World!"]


def test_whoever_waits_may_stop_it(boot: Boot) -> None:
    end = time.monotonic() + 0.5
    ran = boot("counting", limit_s=60, stop=lambda: time.monotonic() > end)
    assert (ran.status, len(ran.lines)) == (130, 0)
    assert time.monotonic() < end + 5


def test_machines_run_side_by_side_in_threads(disk: Callable[[str], Path], qemu_path: str) -> None:
    machine = MachineDeclaration("run", str(disk("hello")), WHERE)
    outs = [io.StringIO() for _ in range(4)]

    def start_one(out: io.StringIO) -> None:
        run(machine, qemu_path=qemu_path, display=False, terminal=False, out=out, environ=dict(os.environ))

    threads = [threading.Thread(target=start_one, args=(out,)) for out in outs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [out.getvalue().splitlines()[1:] for out in outs] == [["Hello World!"]] * 4


def start(machine: MachineDeclaration, qemu_path: str) -> Session:
    return Session(
        qemu.command_line(machine, qemu_path, ()),
        lambda monitor, line: qemu.channels(machine, (), monitor, line),
        serial=lambda data: None,
        environ=dict(os.environ),
    )


def test_a_session_leaves_no_process_and_no_open_file(disk: Callable[[str], Path], qemu_path: str) -> None:
    machine = MachineDeclaration("run", str(disk("hello")), WHERE)
    before = os.listdir("/proc/self/fd")
    session = start(machine, qemu_path)

    def break_off() -> None:
        with session:
            session.go()
            assert Path(f"/proc/{session.pid}").exists()
            raise KeyError

    with pytest.raises(KeyError):
        break_off()
    assert not Path(f"/proc/{session.pid}").exists()
    assert os.listdir("/proc/self/fd") == before


def test_a_session_tells_that_its_machine_has_gone(disk: Callable[[str], Path], qemu_path: str) -> None:
    with start(MachineDeclaration("run", str(disk("hello")), WHERE), qemu_path) as session:
        assert session.finish() == 0
        with pytest.raises(MachineEnded):
            session.sight()
