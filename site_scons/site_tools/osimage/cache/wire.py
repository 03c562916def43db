"""The REAPI v2 messages in protobuf's wire format: written byte for byte as protobuf does, read without trust.

Field numbers: build/bazel/remote/execution/v2/remote_execution.proto. Canonical there means fields in the order of
their numbers, defaults left out, repeated fields sorted as each message says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SMALL = tuple(bytes((value,)) for value in range(0x80))
_EXECUTABLE = b"\x20\x01"  # field 4, true: in FileNode and in OutputFile


class WireError(ValueError):
    """Bytes that are no protobuf message."""


class Digest(NamedTuple):
    """A blob by its SHA-256 (hex, lower case) and its size in bytes."""

    hash: str
    size: int

    @classmethod
    def of(cls, data: bytes) -> Digest:
        """The digest of DATA."""
        return cls(hashlib.sha256(data).hexdigest(), len(data))


class OutputFile(NamedTuple):
    """A file that a step made: its path relative to the project root. CONTENTS only where the writer put them here."""

    path: str
    digest: Digest
    executable: bool = False
    contents: bytes = b""


class ActionResult(NamedTuple):
    """What came of a step. OTHER: it holds what no step of ours makes (folders, links, texts kept as blobs)."""

    outputs: tuple[OutputFile, ...] = ()
    exit_code: int = 0
    stdout: bytes = b""
    stderr: bytes = b""
    other: bool = False


def digest_message(digest: Digest) -> bytes:
    """A `Digest`."""
    return _text(1, digest.hash) + _number(2, digest.size)


def file_node(name: str, digest: Digest, executable: bool) -> bytes:
    """A `FileNode`."""
    return _text(1, name) + _message(2, digest_message(digest)) + (_EXECUTABLE if executable else b"")


def directory_node(name: str, digest: Digest) -> bytes:
    """A `DirectoryNode`."""
    return _text(1, name) + _message(2, digest_message(digest))


def directory(files: Iterable[bytes], directories: Iterable[bytes]) -> bytes:
    """A `Directory` of encoded nodes, each already sorted by name."""
    return b"".join([_message(1, node) for node in files] + [_message(2, node) for node in directories])


def platform(properties: Iterable[tuple[str, str]]) -> bytes:
    """A `Platform`: PROPERTIES sorted by name, then by value."""
    return b"".join(_message(1, _text(1, name) + _text(2, value)) for name, value in sorted(properties, key=_in_bytes))


def command(
    arguments: Iterable[str], environment: Iterable[tuple[str, str]], outputs: Iterable[str], encoded_platform: bytes
) -> bytes:
    """A `Command` that runs in the input root; ENVIRONMENT is sorted by name, OUTPUTS by path."""
    variables = sorted(environment, key=_in_bytes)
    return b"".join(
        [_message(1, _encode(word)) for word in arguments]
        + [_message(2, _text(1, name) + _text(2, value)) for name, value in variables]
        + [_message(5, encoded_platform)]
        + [_message(7, path) for path in sorted({_encode(path) for path in outputs})]
    )


def action(
    command_digest: Digest,
    input_root: Digest,
    encoded_platform: bytes,
    *,
    timeout_s: int = 0,
    do_not_cache: bool = False,
    salt: bytes = b"",
) -> bytes:
    """An `Action`; no TIMEOUT_S (0) means that the server decides."""
    return (
        _message(1, digest_message(command_digest))
        + _message(2, digest_message(input_root))
        + (_message(6, _number(1, timeout_s)) if timeout_s else b"")
        + _number(7, do_not_cache)
        + (_message(9, salt) if salt else b"")
        + _message(10, encoded_platform)
    )


def encode_result(result: ActionResult) -> bytes:
    """An `ActionResult`; OUTPUTS stay in their order."""
    return (
        b"".join(_message(2, _output_file(output)) for output in result.outputs)
        + _number(4, result.exit_code)
        + (_message(5, result.stdout) if result.stdout else b"")
        + (_message(7, result.stderr) if result.stderr else b"")
    )


def decode_result(data: bytes) -> ActionResult:
    """The `ActionResult` in DATA; unknown fields are passed over. No bytes are an empty result, as in protobuf.

    Raises:
        WireError: DATA is not a message.
    """
    outputs: list[OutputFile] = []
    exit_code, stdout, stderr, other = 0, b"", b"", False
    for number, value in _fields(data):
        if number == 4 and isinstance(value, int):
            exit_code = (value & 0xFFFFFFFF ^ 0x80000000) - 0x80000000  # an int32 is sent sign-extended
        elif not isinstance(value, bytes):
            continue
        elif number == 2:
            outputs.append(_decode_output(value))
        elif number == 5:
            stdout = value
        elif number == 7:
            stderr = value
        elif number in (3, 8, 10, 11, 12):  # folders, stderr as a blob, links
            other = True
    return ActionResult(tuple(outputs), exit_code, stdout, stderr, other)


def _output_file(output: OutputFile) -> bytes:
    return file_node(*output[:3]) + (_message(5, output.contents) if output.contents else b"")


def _decode_output(data: bytes) -> OutputFile:
    path, digest, executable, contents = "", Digest("", 0), False, b""
    for number, value in _fields(data):
        if number == 4 and isinstance(value, int):
            executable = value != 0
        elif not isinstance(value, bytes):
            continue
        elif number == 1:
            path = _decode(value)
        elif number == 2:
            digest = _decode_digest(value)
        elif number == 5:
            contents = value
    return OutputFile(path, digest, executable, contents)


def _decode_digest(data: bytes) -> Digest:
    found, size = "", 0
    for number, value in _fields(data):
        if number == 1 and isinstance(value, bytes):
            found = _decode(value)
        elif number == 2 and isinstance(value, int):
            size = value - (1 << 64) if value >> 63 else value
    return Digest(found, size)


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


def _number(field: int, value: int) -> bytes:
    return _SMALL[field << 3] + _varint(value) if value else b""


def _message(field: int, data: bytes) -> bytes:
    """A field of bytes that is there, also when it is empty."""
    return _SMALL[field << 3 | _BYTES] + _varint(len(data)) + data


def _text(field: int, value: str) -> bytes:
    return _message(field, _encode(value)) if value else b""


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")  # a name that is not UTF-8 is still a name


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _in_bytes(pair: tuple[str, str]) -> tuple[bytes, bytes]:
    return _encode(pair[0]), _encode(pair[1])


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers and values of a message: varints as they are sent, and bytes."""
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
