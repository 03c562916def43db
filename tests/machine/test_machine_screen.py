"""The text screen as people see it, and pictures of it."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from osimage.machine import screen
from osimage.machine.picture import Picture, from_ppm, to_png
from osimage.machine.show import Show

BLANK = b" \x07" * 2000


def memory(*parts: tuple[int, bytes, int]) -> bytes:
    """A screen with texts in it: the number of the first cell, code page 437, attribute."""
    made = bytearray(BLANK)
    for cell, text, attribute in parts:
        made[2 * cell : 2 * (cell + len(text))] = b"".join(bytes((byte, attribute)) for byte in text)
    return bytes(made)


HELLO = memory((0, b"Hello World!", 0x0B))


def test_hello_world_is_one_piece_in_light_cyan() -> None:
    assert screen.coloured(HELLO) == ("\x1b[96mHello World!\x1b[0m",)
    assert screen.plain(HELLO) == ("Hello World!",)


@pytest.mark.parametrize(
    ("attribute", "codes"),
    [
        (0x00, "30"), (0x01, "34"), (0x02, "32"), (0x03, "36"), (0x04, "31"), (0x05, "35"), (0x06, "33"), (0x07, ""),
        (0x08, "90"), (0x09, "94"), (0x0A, "92"), (0x0B, "96"), (0x0C, "91"), (0x0D, "95"), (0x0E, "93"), (0x0F, "97"),
        (0x17, "44"), (0x4F, "97;41"), (0xF0, "30;107"), (0x87, "100"), (0xC7, "101"),
    ],
)  # fmt: skip
def test_colours(attribute: int, codes: str) -> None:
    expected = f"\x1b[{codes}mx\x1b[0m" if codes else "x"
    assert screen.coloured(memory((0, b"x", attribute))) == (expected,)


@pytest.mark.parametrize(("attribute", "codes"), [(0x8B, "96;5"), (0xCF, "97;41;5"), (0x4F, "97;41")])
def test_the_highest_bit_may_mean_blinking(attribute: int, codes: str) -> None:
    assert screen.coloured(memory((0, b"x", attribute)), blink=True) == (f"\x1b[{codes}mx\x1b[0m",)


@pytest.mark.parametrize(
    ("byte", "glyph"),
    [
        (0x01, "☺"),
        (0x1F, "▼"),
        (0x41, "A"),
        (0x7F, "⌂"),
        (0x81, "ü"),
        (0xB0, "░"),
        (0xC9, "╔"),
        (0xE1, "ß"),
        (0xFE, "■"),
    ],
)
def test_glyphs(byte: int, glyph: str) -> None:
    assert screen.plain(memory((0, bytes((byte,)), 7))) == (glyph,)


@pytest.mark.parametrize("byte", [0x00, 0x20, 0xFF])
def test_blanks(byte: int) -> None:
    assert screen.is_blank(bytes((byte, 0x1F)) * 2000)
    assert not screen.is_blank(bytes((byte, 0x1F)) * 1999 + b"x\x07")


def test_every_byte_has_a_glyph_of_one_character_that_no_terminal_obeys() -> None:
    assert len(screen.GLYPHS) == 256
    assert all(glyph.isprintable() for glyph in screen.GLYPHS)


def test_rows_are_kept_apart_and_empty_ones_around_them_left_out() -> None:
    text = memory((80 * 22, b"first", 7), (80 * 24 + 3, b"last", 7))
    assert screen.plain(text) == ("first", "", "   last")


def test_a_blank_in_colour_is_something() -> None:
    assert screen.coloured(memory((80, b"  ", 0x40))) == ("\x1b[30;41m  \x1b[0m",)
    assert screen.plain(memory((80, b"  ", 0x40))) == ()


def test_a_full_screen_has_25_rows_of_80() -> None:
    assert [len(row) for row in screen.plain(b"x\x07" * 2000)] == [80] * 25


def test_another_size_is_no_screen() -> None:
    with pytest.raises(ValueError, match=r"^a text screen has 4000 bytes, not 3999$"):
        screen.plain(BLANK[1:])


class Out(io.StringIO):
    """A terminal, or not, with an encoding."""

    def __init__(self, terminal: bool, encoding: str = "utf-8") -> None:
        super().__init__()
        self.terminal, self.coding = terminal, encoding

    def isatty(self) -> bool:
        return self.terminal

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.coding


@pytest.mark.parametrize(
    ("terminal", "environ", "coloured"),
    [
        (True, {"TERM": "xterm"}, True),
        (True, {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (True, {"TERM": "xterm", "NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
        (False, {"TERM": "xterm"}, False),
    ],
)
def test_colours_are_for_terminals(terminal: bool, environ: dict[str, str], coloured: bool) -> None:
    out = Out(terminal)
    Show(out, environ).screen(HELLO)
    assert out.getvalue() == ("\x1b[96mHello World!\x1b[0m\n" if coloured else "Hello World!\n")


def test_serial_output_comes_as_it_is_and_the_screen_below_it() -> None:
    out = Out(terminal=False)
    show = Show(out, {})
    show.headline("what runs")
    for piece in (b"one\r", b"\ntw", b"o \xc3", b"\xbc"):
        show.serial(piece)
    show.screen(HELLO)
    show.note("a remark")
    assert out.getvalue() == "what runs\none\ntwo ü\n──── screen ────\nHello World!\n(a remark)\n"


def test_an_empty_screen_is_told() -> None:
    out = Out(terminal=False)
    Show(out, {}).screen(BLANK)
    assert out.getvalue() == "(the text screen is empty)\n"


def test_what_the_terminal_cannot_show_is_replaced() -> None:
    out = Out(terminal=False, encoding="ascii")
    Show(out, {}).screen(memory((0, b"\xc9 ok", 7)))
    assert out.getvalue() == "? ok\n"


def test_a_picture_becomes_a_png() -> None:
    shot = from_ppm(b"P6\n2 3\n255\n" + bytes(range(18)))
    assert shot == Picture(2, 3, bytes(range(18)))
    png = to_png(shot)
    assert png.startswith(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">IIBBBBB", 2, 3, 8, 2, 0, 0, 0))
    length = struct.unpack(">I", png[33:37])[0]
    assert png[37:41] == b"IDAT"
    assert zlib.decompress(png[41 : 41 + length]) == b"\0\0\1\2\3\4\5\0\6\7\x08\x09\x0a\x0b\0\x0c\r\x0e\x0f\x10\x11"
    assert struct.unpack(">I", png[41 + length : 45 + length])[0] == zlib.crc32(png[37 : 41 + length])
    assert png.endswith(b"\0\0\0\0IEND\xaeB`\x82")


@pytest.mark.parametrize(
    ("data", "told"),
    [(b"P5\n1 1\n255\n\0", "not a binary PPM"), (b"P6\n2 2\n255\n\0", "a PPM of 2 x 2 with 1 bytes of pixels")],
)
def test_what_is_no_picture_is_told(data: bytes, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        from_ppm(data)
