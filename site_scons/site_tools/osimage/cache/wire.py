"""The REAPI v2 messages in protobuf's wire format, written as the canonical form has it, read without trust.

Field numbers: build/bazel/remote/execution/v2/remote_execution.proto. Canonical there means fields in the order of
their numbers, defaults left out, repeated fields sorted as each message says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from .protobuf import WireError, bytes_field, fields, number_field, text_field, to_bytes, to_text

__all__ = ["ActionResult", "Digest", "OutputDirectory", "OutputFile", "WireError"]

_EXECUTABLE = b"\x20\x01"  # field 4, true: in FileNode and in OutputFile


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


class OutputDirectory(NamedTuple):
    """A folder that a step made: its path relative to the project root, and the digest of its Tree message."""

    path: str
    tree: Digest


class ActionResult(NamedTuple):
    """What came of a step. OTHER: it holds what no step of ours makes (links, texts as blobs, folders in parts)."""

    outputs: tuple[OutputFile, ...] = ()
    exit_code: int = 0
    stdout: bytes = b""
    stderr: bytes = b""
    other: bool = False
    directories: tuple[OutputDirectory, ...] = ()


def digest_message(digest: Digest) -> bytes:
    """A `Digest`."""
    return text_field(1, digest.hash) + number_field(2, digest.size)


def file_node(name: str, digest: Digest, executable: bool) -> bytes:
    """A `FileNode`."""
    return text_field(1, name) + bytes_field(2, digest_message(digest)) + (_EXECUTABLE if executable else b"")


def directory_node(name: str, digest: Digest) -> bytes:
    """A `DirectoryNode`."""
    return text_field(1, name) + bytes_field(2, digest_message(digest))


def symlink_node(name: str, target: str) -> bytes:
    """A `SymlinkNode`."""
    return text_field(1, name) + text_field(2, target)


def directory(files: Iterable[bytes], directories: Iterable[bytes], links: Iterable[bytes] = ()) -> bytes:
    """A `Directory` of encoded nodes, each kind already sorted by name."""
    kinds = ((1, files), (2, directories), (3, links))
    return b"".join(bytes_field(number, node) for number, nodes in kinds for node in nodes)


def tree(root: bytes, children: Iterable[bytes]) -> bytes:
    """A `Tree`: a Directory and, each once, all that are below it."""
    return bytes_field(1, root) + b"".join(bytes_field(2, child) for child in children)


def platform(properties: Iterable[tuple[str, str]]) -> bytes:
    """A `Platform`: PROPERTIES sorted by name, then by value."""
    pairs = sorted(properties, key=_in_bytes)
    return b"".join(bytes_field(1, text_field(1, name) + text_field(2, value)) for name, value in pairs)


def command(
    arguments: Iterable[str], environment: Iterable[tuple[str, str]], outputs: Iterable[str], encoded_platform: bytes
) -> bytes:
    """A `Command` that runs in the input root; ENVIRONMENT is sorted by name, OUTPUTS by path."""
    variables = sorted(environment, key=_in_bytes)
    return b"".join(
        [bytes_field(1, to_bytes(word)) for word in arguments]
        + [bytes_field(2, text_field(1, name) + text_field(2, value)) for name, value in variables]
        + [bytes_field(5, encoded_platform)]
        + [bytes_field(7, path) for path in sorted({to_bytes(path) for path in outputs})]
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
        bytes_field(1, digest_message(command_digest))
        + bytes_field(2, digest_message(input_root))
        + (bytes_field(6, number_field(1, timeout_s)) if timeout_s else b"")
        + number_field(7, do_not_cache)
        + (bytes_field(9, salt) if salt else b"")
        + bytes_field(10, encoded_platform)
    )


def encode_result(result: ActionResult) -> bytes:
    """An `ActionResult`; outputs stay in their order."""
    return (
        b"".join(bytes_field(2, _output_file(output)) for output in result.outputs)
        + b"".join(bytes_field(3, _output_directory(output)) for output in result.directories)
        + number_field(4, result.exit_code)
        + (bytes_field(5, result.stdout) if result.stdout else b"")
        + (bytes_field(7, result.stderr) if result.stderr else b"")
    )


def decode_result(data: bytes) -> ActionResult:
    """The `ActionResult` in DATA; unknown fields are passed over. No bytes are an empty result, as in protobuf.

    Raises:
        WireError: DATA is not a message.
    """
    outputs: list[OutputFile] = []
    directories: list[OutputDirectory] = []
    exit_code, stdout, stderr, other = 0, b"", b"", False
    for number, value in fields(data):
        if number == 4 and isinstance(value, int):
            exit_code = (value & 0xFFFFFFFF ^ 0x80000000) - 0x80000000  # an int32 is sent sign-extended
        elif not isinstance(value, bytes):
            continue
        elif number == 2:
            outputs.append(_decode_output(value))
        elif number == 3:
            directories.append(_decode_directory(value))
        elif number == 5:
            stdout = value
        elif number == 7:
            stderr = value
        elif number in (8, 10, 11, 12):  # stderr as a blob, links
            other = True
    other = other or any(not output.tree.hash for output in directories)  # kept as Directories that are no one blob
    return ActionResult(tuple(outputs), exit_code, stdout, stderr, other, tuple(directories))


def decode_digest(data: bytes) -> Digest:
    """The `Digest` in DATA, whatever it says.

    Raises:
        WireError: DATA is not a message.
    """
    found, size = "", 0
    for number, value in fields(data):
        if number == 1 and isinstance(value, bytes):
            found = to_text(value)
        elif number == 2 and isinstance(value, int):
            size = value - (1 << 64) if value >> 63 else value
    return Digest(found, size)


def _output_file(output: OutputFile) -> bytes:
    return file_node(*output[:3]) + (bytes_field(5, output.contents) if output.contents else b"")


def _output_directory(output: OutputDirectory) -> bytes:
    return text_field(1, output.path) + bytes_field(3, digest_message(output.tree))


def _decode_directory(data: bytes) -> OutputDirectory:
    path, digest = "", Digest("", 0)
    for number, value in fields(data):
        if number == 1 and isinstance(value, bytes):
            path = to_text(value)
        elif number == 3 and isinstance(value, bytes):
            digest = decode_digest(value)
    return OutputDirectory(path, digest)


def _decode_output(data: bytes) -> OutputFile:
    path, digest, executable, contents = "", Digest("", 0), False, b""
    for number, value in fields(data):
        if number == 4 and isinstance(value, int):
            executable = value != 0
        elif not isinstance(value, bytes):
            continue
        elif number == 1:
            path = to_text(value)
        elif number == 2:
            digest = decode_digest(value)
        elif number == 5:
            contents = value
    return OutputFile(path, digest, executable, contents)


def _in_bytes(pair: tuple[str, str]) -> tuple[bytes, bytes]:
    return to_bytes(pair[0]), to_bytes(pair[1])
