"""Stand-ins for the loader's stages: nothing that boots, but with the marks by which osimage knows them."""

from __future__ import annotations

from osimage.boot import layout


def stage1() -> bytes:
    """The 440 bytes of a stage 1, with nothing bound into them."""
    return _marked(b"\x90" * layout.STAGE1_CODE_SIZE, layout.STAGE1_MAGIC_OFFSET, layout.STAGE1_MAGIC)


def stage2(size: int = 3000) -> bytes:
    """A stage 2 of SIZE bytes."""
    return _marked(bytes(n % 251 for n in range(size)), layout.STAGE2_MAGIC_OFFSET, layout.STAGE2_MAGIC)


def _marked(code: bytes, offset: int, magic: int) -> bytes:
    return code[:offset] + magic.to_bytes(8, "little") + code[offset + 8 :]
