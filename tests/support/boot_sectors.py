"""Boot sectors small enough to read."""

from __future__ import annotations

from typing import NamedTuple

TEXT_AT = 0x180  # of a sector's text, in it
LONG_AT = 0x100  # of its 64-bit code

CLEAR = bytes.fromhex(
    "fa fc"  # cli; cld
    "31c0 8ed8"  # ds = 0
    "b800b8 8ec0"  # es = 0xb800
    "31ff b80007 b9d007 f3ab"  # 2000 times 0x0700 from es:0
)
PRINT = bytes.fromhex(
    "be807d 31ff"  # si = 0x7d80, the text; di = 0
    "ac 84c0 7405"  # lodsb; test al, al; jz over the loop
    "b40b ab ebf6"  # light cyan; stosw; jmp to lodsb
)
SEND = bytes.fromhex(
    "be807d baf803"  # si = 0x7d80; dx = COM1
    "ac 84c0 7403"  # lodsb; test al, al; jz over the loop
    "ee ebf8"  # outb; jmp to lodsb
)
HALT = bytes.fromhex("fa f4 ebfd")  # cli; hlt; jmp to hlt
IDLE = bytes.fromhex("fb f4 ebfd")  # sti; hlt; jmp to hlt
SPIN = bytes.fromhex("ebfe")  # jmp to itself
COUNT = bytes.fromhex("26fe060000 ebf9")  # inc byte es:[0], for ever
RESET = bytes.fromhex("0f011e607d cc")  # lidt from zeros at 0x7d60; int3: no handler, nor for that, nor for that
ECHO = bytes.fromhex(
    "bafd03 ec a801 74fb"  # until COM1's line status says that a byte is there
    "b2f8 ec fec0 ee ebf0"  # send it back, plus one
)
EXIT = bytes.fromhex("b81000 e7f4")  # 0x10 to isa-debug-exit: QEMU's exit code is 2 * 0x10 + 1
POWER_OFF = bytes.fromhex("ba0406 b80020 ef")  # 0x2000 to port 0x604: ACPI's PM1a control, soft off
GRAPHICS = bytes.fromhex("b81300 cd10")  # int 10h: mode 13h, 320 x 200

WRITE = bytes.fromhex(
    "31c0 8ed8 8ec0"  # ds = es = 0
    "b80103 bb007c b90200 ba8000 cd13"  # int 13h: write this sector to the disk's second one
    "72fe"  # on an error stay here
)

TO_LONG_MODE = bytes.fromhex(
    "fa fc 6631c0 8ed8 8ec0"  # cli; cld; eax, ds, es = 0
    "66bf00100000 0f22df"  # cr3 = 0x1000
    "b9000c f366ab"  # three zeroed pages from there
    "c70600100320 c70600200330 c70600308300"  # PML4 -> PDPT -> directory -> 2 MiB at 0
    "b020 0f22e0"  # cr4.PAE
    "66b9800000c0 0f32 80cc01 0f30"  # EFER.LME
    "0f0116f07c"  # lgdt
    "66b801000080 0f22c0"  # cr0.PG and PE
    "ea007d0800"  # far jump to the 64-bit code at 0x7d00
)
GDT_AT = 0xE0
GDT = bytes.fromhex("0000000000000000 00000000009a2000 0f00e07c0000")  # null, 64-bit code; at 0xf0 limit and base
CLEAR_64 = bytes.fromhex("bf00800b00 b820072007 b9e8030000 f3ab")  # 1000 times two blanks at 0xb8000
FAULT_64 = bytes.fromhex("b80000adde 8a00")  # reads 0xdead0000, which is not mapped
COUNT_64 = bytes.fromhex("48ffc3 ebfb")  # inc rbx, for ever
STAR_64 = bytes.fromhex("bf00800b00 66c7072a0f")  # a white star in the first cell


class Sector(NamedTuple):
    """A boot sector: real-mode code, text for it, and 64-bit code that it may jump to."""

    code: bytes
    text: str = ""
    long: bytes = b""

    def image(self, signature: bytes = b"\x55\xaa") -> bytes:
        """The disk image, 1 MiB."""
        parts = ((0, self.code), (GDT_AT, GDT), (LONG_AT, self.long), (TEXT_AT, self.text.encode()))
        sector = bytearray(512)
        for place, part in parts:
            assert not any(sector[place : place + len(part)]), "two parts of the sector overlap"
            sector[place : place + len(part)] = part
        sector[510:] = signature
        return bytes(sector).ljust(1 << 20, b"\0")


SECTORS = {
    "hello": Sector(CLEAR + PRINT + HALT, "Hello World!"),
    "hello, idle": Sector(CLEAR + PRINT + IDLE, "Hello World!"),
    "hello, spinning": Sector(CLEAR + PRINT + SPIN, "Hello World!"),
    "hello, not cleared": Sector(CLEAR[:11] + PRINT + HALT, "Hello World!"),
    "hello, then reset": Sector(CLEAR + PRINT + RESET, "Hello World!"),
    "hello, then power off": Sector(CLEAR + PRINT + POWER_OFF + HALT, "Hello World!"),
    "counting": Sector(CLEAR + COUNT),
    "serial": Sector(CLEAR + SEND + HALT, "Hello serial!\r\n"),
    "hello, written": Sector(WRITE + CLEAR + PRINT + HALT, "Hello World!"),
    "echo": Sector(CLEAR + ECHO),
    "exit": Sector(EXIT + HALT),
    "empty, dead": Sector(CLEAR + HALT),
    "empty, idle": Sector(CLEAR + IDLE),
    "nothing, idle": Sector(IDLE),
    "graphics": Sector(GRAPHICS + HALT),
    "long mode, fault": Sector(TO_LONG_MODE, long=CLEAR_64 + FAULT_64),
    "long mode, star": Sector(TO_LONG_MODE, long=CLEAR_64 + STAR_64 + SPIN),
    "long mode, star, not cleared": Sector(TO_LONG_MODE, long=STAR_64 + SPIN),
    "long mode, computing": Sector(TO_LONG_MODE, long=CLEAR_64 + STAR_64 + COUNT_64),
    "long mode, silent": Sector(TO_LONG_MODE, long=SPIN),
}
