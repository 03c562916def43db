"""The VGA text screen: 80 x 25 cells of a character and its colours, as text for people."""

from __future__ import annotations

from itertools import groupby
from typing import NamedTuple

ADDRESS = 0xB8000
COLUMNS = 80
ROWS = 25
SIZE = 2 * COLUMNS * ROWS  # bytes: character, attribute, character, …

# The glyphs that VGA shows where code page 437 as a codec has control characters.
_CONTROL_GLYPHS = " ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼"
GLYPHS = (_CONTROL_GLYPHS + bytes(range(0x20, 0x100)).decode("cp437")).replace("\x7f", "⌂").replace("\xa0", " ")

# VGA counts blue 1, green 2, red 4; ANSI red 1, green 2, blue 4. Bit 3 is the bright variant in both.
_ANSI = (0, 4, 2, 6, 1, 5, 3, 7)
LIGHT_GREY, BLACK = 7, 0


class Cell(NamedTuple):
    """One place on the screen: its glyph and two of the 16 VGA colours."""

    glyph: str
    foreground: int
    background: int
    blink: bool = False


def cells(memory: bytes, *, blink: bool = False) -> tuple[tuple[Cell, ...], ...]:
    """The rows of MEMORY, the first 4000 bytes from 0xb8000.

    Bit 7 of an attribute is the background's brightness, as QEMU's own window shows it; with BLINK it is what the
    firmware sets VGA to (IBM VGA Technical Reference, attribute mode control): the character blinks, on 8 backgrounds.

    Raises:
        ValueError: MEMORY is of another size.
    """
    if len(memory) != SIZE:
        raise ValueError(f"a text screen has {SIZE} bytes, not {len(memory)}")
    flat = [_cell(memory[i], memory[i + 1], blink) for i in range(0, SIZE, 2)]
    return tuple(tuple(flat[i : i + COLUMNS]) for i in range(0, COLUMNS * ROWS, COLUMNS))


def _cell(character: int, attribute: int, blink: bool) -> Cell:
    background = attribute >> 4
    if blink:
        return Cell(GLYPHS[character], attribute & 15, background & 7, bool(background & 8))
    return Cell(GLYPHS[character], attribute & 15, background)


def plain(memory: bytes) -> tuple[str, ...]:
    """The rows of MEMORY as text, without blanks at their ends; empty rows at top and bottom are left out."""
    return _trimmed(["".join(cell.glyph for cell in row).rstrip() for row in cells(memory)])


def coloured(memory: bytes, *, blink: bool = False) -> tuple[str, ...]:
    """Like `plain`, with ANSI colours; a blank whose background is not black counts as something.

    Light grey on black, a screen's normal colours, are left to the terminal.
    """
    return _trimmed([_ansi(row) for row in cells(memory, blink=blink)])


def is_blank(memory: bytes) -> bool:
    """Whether no character is on the screen."""
    return not any(GLYPHS[character] != " " for character in memory[::2])


def _ansi(row: tuple[Cell, ...]) -> str:
    end = max((i + 1 for i, cell in enumerate(row) if cell.glyph != " " or cell.background != BLACK), default=0)
    text = ""
    for look, run in groupby(row[:end], key=_sgr):
        glyphs = "".join(cell.glyph for cell in run)
        text += f"\x1b[{look}m{glyphs}\x1b[0m" if look else glyphs
    return text


def _sgr(cell: Cell) -> str:
    """The parameters of ANSI's SELECT GRAPHIC RENDITION for CELL (ECMA-48, 8.3.117; the bright ones are 90 and 100)."""
    codes = []
    if cell.foreground != LIGHT_GREY:
        codes.append((90 if cell.foreground & 8 else 30) + _ANSI[cell.foreground & 7])
    if cell.background != BLACK:
        codes.append((100 if cell.background & 8 else 40) + _ANSI[cell.background & 7])
    if cell.blink:
        codes.append(5)
    return ";".join(map(str, codes))


def _trimmed(rows: list[str]) -> tuple[str, ...]:
    filled = [number for number, text in enumerate(rows) if text]
    return tuple(rows[filled[0] : filled[-1] + 1]) if filled else ()
