"""When a screen is the kernel's and at rest: the rule, on made-up sights."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from osimage.machine import cpu
from osimage.machine.settle import Patience, Rest, Sight, Watch, is_firmware, reason


def text(*rows: str) -> bytes:
    return b"".join(row.ljust(80).encode("cp437") for row in (*rows, *[""] * (25 - len(rows)))).replace(b"", b"\7")[1:]


BLANK = text()
FIRMWARE = text("SeaBIOS (version 1.16.2-debian-1.16.2-1)", "", "", "Booting from Hard Disk...")
HELLO = text("Hello World!")
LOADING = text("Loading the kernel: 3 of 64 MiB")
STOPPED = text(
    "osimage: the kernel on the disk is damaged: its SHA-256 is 00112233445566778899aabbccdde", "eff, not 00"
)
EMPTY_DISK = text("SeaBIOS (version 1.16.2)", "", "No bootable device.")

RUNNING = cpu.Processors(halted=False, dead=False, long_mode=True, in_ram=False, registers=("0",), rip=0, cr2=0)
REAL = RUNNING._replace(long_mode=False)
IDLE = RUNNING._replace(halted=True)
DEAD = IDLE._replace(dead=True)

STEP = 0.05


def watched(
    stages: Iterable[tuple[float, bytes, cpu.Processors]], load: float = 1.0, serial: int = 0
) -> tuple[Rest | None, float]:
    """How the waiting ends, and when, if the machine shows each of STAGES for some seconds.

    A processor that runs, and is not RUNNING or REAL themselves, is busy: other registers at each sight. LOAD is the
    share of processor time that QEMU gets; SERIAL bytes are sent between two sights.
    """
    watch, at, used, sent = Watch(Patience()), 0.0, 0.0, 0
    for seconds, memory, processors in stages:
        end = at + seconds
        while at < end and watch.rest is None:
            busy = processors.registers == BUSY.registers
            now = processors._replace(registers=(f"{at}",)) if busy else processors
            watch = watch.step(Sight(at, used, memory, sent, now))
            at, used, sent = at + STEP, used + (0 if processors.halted else STEP * load), sent + serial
    return watch.rest, round(at - STEP, 2)


BUSY = RUNNING._replace(registers=("busy",))
BUSY_REAL = BUSY._replace(long_mode=False)
BOOT = [(0.1, BLANK, BUSY_REAL), (0.2, FIRMWARE, BUSY_REAL)]


@pytest.mark.parametrize(
    ("stages", "rest", "after"),
    [
        pytest.param([(9, HELLO, DEAD)], Rest.SETTLED, 0.05, id="halted for ever: at once"),
        pytest.param([(9, HELLO, IDLE)], Rest.SETTLED, 0.3, id="halted"),
        pytest.param([(9, HELLO, RUNNING)], Rest.SETTLED, 0.3, id="spinning in one place"),
        pytest.param([(9, HELLO, BUSY)], Rest.SETTLED, 1.5, id="computing"),
        pytest.param([(9, HELLO, BUSY_REAL)], Rest.SETTLED, 1.5, id="computing in real mode"),
        pytest.param([(9, BLANK, DEAD)], Rest.SETTLED, 0.05, id="empty, halted for ever"),
        pytest.param([(9, BLANK, IDLE)], Rest.SETTLED, 1.0, id="empty, halted"),
        pytest.param([(9, BLANK, BUSY)], Rest.CHANGING, 5.0, id="empty, computing"),
        pytest.param([(1.2, BLANK, BUSY), (9, HELLO, IDLE)], Rest.SETTLED, 1.5, id="text after a while"),
        pytest.param([(0.2, HELLO, IDLE), (9, FIRMWARE, IDLE)], Rest.SETTLED, 0.5, id="counts from the last change"),
        pytest.param([(9, FIRMWARE, DEAD)], Rest.SETTLED, 0.05, id="stopped under the firmware's text"),
        pytest.param([(9, FIRMWARE, IDLE)], Rest.NOT_SEEN, 1.0, id="long mode, the firmware's text untouched"),
        pytest.param([(9, FIRMWARE, IDLE._replace(long_mode=False))], Rest.NOT_SEEN, 3.0, id="the firmware waits"),
        pytest.param([(40, FIRMWARE, BUSY)], Rest.NOT_SEEN, 29.7, id="loading for ever"),
        pytest.param([(20, FIRMWARE, BUSY), (9, HELLO, DEAD)], Rest.SETTLED, 20.05, id="loading for long"),
        pytest.param([(40, LOADING, BUSY)], Rest.NOT_SEEN, 30.0, id="our loader hangs"),
        pytest.param([(29, LOADING, BUSY), (29, text("Loading the kernel: 4 of 64 MiB"), BUSY), (9, HELLO, DEAD)],
                     Rest.SETTLED, 58.05, id="our loader gets on"),
        pytest.param([(9, STOPPED, DEAD)], Rest.STOPPED, 0.05, id="our loader says why it stopped"),
        pytest.param([(9, EMPTY_DISK, IDLE._replace(long_mode=False))], Rest.NOT_BOOTABLE, 0.3, id="nothing to boot"),
    ],
)  # fmt: skip
def test_after_the_firmware(stages: list[tuple[float, bytes, cpu.Processors]], rest: Rest, after: float) -> None:
    before = sum(seconds for seconds, *_ in BOOT)
    ended, at = watched([*BOOT, *stages])
    assert (ended, at - before) == (rest, pytest.approx(after, abs=STEP * 2.1))


def test_a_kernel_that_keeps_changing_the_screen_is_cut_off_at_the_limit() -> None:
    frames = [(STEP, text(f"frame {n}"), BUSY) for n in range(400)]
    ended, at = watched([*BOOT, *frames])
    assert (ended, at) == (Rest.CHANGING, pytest.approx(5.3, abs=0.11))


def test_a_kernel_that_keeps_sending_is_cut_off_at_the_limit() -> None:
    ended, at = watched([*BOOT, (40, HELLO, RUNNING)], serial=10)
    assert (ended, at) == (Rest.CHANGING, pytest.approx(5.3, abs=0.11))


def test_a_host_that_gives_qemu_little_time_makes_the_wait_longer() -> None:
    _, quick = watched([*BOOT, (40, HELLO, RUNNING)])
    _, slow = watched([*BOOT, (40, HELLO, RUNNING)], load=0.1)
    assert (quick, slow) == (pytest.approx(0.6, abs=0.06), pytest.approx(1.8, abs=0.06))


def test_a_kernel_may_write_and_halt_between_a_look_at_the_screen_and_one_at_the_processor() -> None:
    assert watched([*BOOT, (STEP / 2, FIRMWARE, DEAD)])[0] is None
    assert watched([*BOOT, (STEP * 1.5, FIRMWARE, DEAD)])[0] is Rest.SETTLED


@pytest.mark.parametrize("seen", [BLANK, text("SeaBIOS (version 1.16.2-debian-1.16.2-1)", "", "", "Booti")])
def test_the_processor_may_reach_long_mode_between_a_look_at_the_screen_and_one_at_it(seen: bytes) -> None:
    assert watched([(STEP / 2, seen, RUNNING), (9, FIRMWARE, RUNNING)])[0] is Rest.NOT_SEEN


def test_a_boot_sector_may_clear_the_screen_before_the_firmwares_text_was_seen() -> None:
    waiting = IDLE._replace(long_mode=False)
    assert watched([(9, BLANK, waiting)])[0] is Rest.NOT_SEEN
    assert watched([(9, BLANK, waiting._replace(in_ram=True))])[0] is Rest.SETTLED
    assert watched([(STEP / 2, BLANK, waiting._replace(in_ram=True)), (9, FIRMWARE, waiting)])[0] is Rest.NOT_SEEN


def test_text_over_the_firmwares_is_the_kernels_in_long_mode() -> None:
    mixed = text("Hello World!sion 1.16.2-debian-1.16.2-1)", "", "", "Booting from Hard Disk...")
    assert watched([*BOOT, (9, mixed, RUNNING)])[0] is Rest.SETTLED
    assert watched([*BOOT, (9, mixed, BUSY_REAL)])[0] is None


@pytest.mark.parametrize(
    ("memory", "expected"),
    [
        (FIRMWARE, True),
        (text("", "iPXE (http://ipxe.org) 00:03.0 CA00 PCI2.10 PnP"), True),
        (text("", "Booting from DVD/CD..."), True),
        (text("Booting from my own kernel"), False),
        (HELLO, False),
        (BLANK, False),
    ],
)
def test_the_firmwares_text(memory: bytes, expected: bool) -> None:
    assert is_firmware(memory) is expected


def test_the_loaders_reason_is_read_across_rows() -> None:
    first = "osimage: the kernel failed: page fault (vector 14, error code 0x2) at RIP 0x201457, RSP 0x7fff7ffebf90"
    rows = ["Hello", "", first[:80], first[80:], "osimage: it wrote to 0x7fff7ffebf98, in the guard page", "", "other"]
    assert reason(text(*rows)) == (
        "the kernel failed: page fault (vector 14, error code 0x2) at RIP 0x201457, RSP 0x7fff7ffebf90; "
        "it wrote to 0x7fff7ffebf98, in the guard page"
    )
    assert reason(HELLO) == ""


REGISTERS = """
CPU#0
RAX=0000000000000000 RBX=0000000000000005 RCX=00000000c0000080 RDX=0000000000000000
R8 =0000000000000000 R9 =0000000000000000 R10=0000000000000000 R11=0000000000000000
RIP=0000000000201042 RFL=00000{flags} [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1
CS =0008 {base} ffffffff 00af9a00 DPL=0 CS64 [-R-]
CR0=80000011 CR2=00000000dead0000 CR3=0000000000001000 CR4=00000020
EFER=0000000000000{efer}
CPU#1
EAX=00000000 EBX=00000000 ECX=00000000 EDX=00000663
EIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT={second}
CS =f000 000f0000 0000ffff 00009b00
CR0=60000010 CR2=00000000 CR3=00000000 CR4=00000000
EFER=0000000000000000
"""


@pytest.mark.parametrize(
    ("flags", "efer", "second", "halted", "dead", "long_mode"),
    [
        ("046", "500", 1, True, True, True),
        ("246", "500", 1, True, False, True),
        ("046", "000", 1, True, True, False),
        ("046", "500", 0, False, False, True),
    ],
)
def test_processors(flags: str, efer: str, second: int, halted: bool, dead: bool, long_mode: bool) -> None:
    found = cpu.parse(REGISTERS.format(base="0" * 16, flags=flags, efer=efer, second=second))
    assert found[:3] == (halted, dead, long_mode)
    assert (found.rip, found.cr2) == (0x201042, 0xDEAD0000)
    assert found.registers[:2] == ("0000000000000000", "0000000000000005")
    assert len(found.registers) == 16


@pytest.mark.parametrize(
    ("base", "pointer", "halted", "in_ram"),
    [
        ("00000000", "00007c2b", 1, True),
        ("00000000", "00007c2b", 0, False),
        ("00090000", "0000ffff", 1, True),
        ("00090000", "00010000", 1, False),
        ("000f0000", "0000e9a5", 1, False),  # SeaBIOS waiting for a key
    ],
)
def test_a_processor_that_waits_below_the_firmware(base: str, pointer: str, halted: int, in_ram: bool) -> None:
    real_mode = f"CPU#0\nEAX=0\nEIP={pointer} EFL=00000246 HLT={halted}\nCS =0000 {base} 0000ffff\nCR2=0\nEFER=0\n"
    assert cpu.parse(real_mode).in_ram is in_ram


@pytest.mark.parametrize("text", ["", "CPU#0\n pc 80000000"])
def test_other_processors_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^no "):
        cpu.parse(text)
