"""protobuf's wire format: fields written byte for byte as protobuf does, read without trust."""

from __future__ import annotations

from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SMALL = tuple(bytes((value,)) for value in range(0x80))


class WireError(ValueError):
    """Bytes that are no protobuf message."""


def number_field(field: int, value: int) -> bytes:
    """A field of a number; nothing where it is zero, the default."""
    return _SMALL[field << 3] + _varint(value) if value else b""


def bytes_field(field: int, data: bytes) -> bytes:
    """A field of bytes that is there, also when it is empty."""
    return _SMALL[field << 3 | _BYTES] + _varint(len(data)) + data


def text_field(field: int, value: str) -> bytes:
    """A field of text; nothing where it is empty, the default."""
    return bytes_field(field, to_bytes(value)) if value else b""


def to_bytes(text: str) -> bytes:
    """TEXT as it is sent."""
    return text.encode("utf-8", "surrogateescape")  # a name that is not UTF-8 is still a name


def to_text(data: bytes) -> str:
    """What `to_bytes` was given."""
    return data.decode("utf-8", "surrogateescape")


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers and values of a message: varints as they are sent, and bytes.

    Raises:
        WireError: DATA is no message.
    """
    position = 0
    while position < len(data):
        tag, position = _read_varint(data, position)
        field, kind = tag >> 3, tag & 7
        if not 0 < field < 1 << 29:
            raise WireError(f"field number {field}")
        if kind == _VARINT:
            value, position = _read_varint(data, position)
            yield field, value
            continue
        if kind == _BYTES:
            length, position = _read_varint(data, position)
        elif kind in (_FIXED32, _FIXED64):
            length = 4 if kind == _FIXED32 else 8
        else:
            raise WireError(f"wire type {kind}")
        if length > len(data) - position:
            raise WireError("cut short")
        if kind == _BYTES:  # numbers of fixed width are in no field that counts here
            yield field, data[position : position + length]
        position += length


def _varint(value: int) -> bytes:
    if 0 <= value < 0x80:
        return _SMALL[value]
    value &= 0xFFFFFFFFFFFFFFFF  # negative numbers are sent as their 64-bit two's complement
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise WireError("cut short")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, position
    raise WireError("a number of more than ten bytes")
