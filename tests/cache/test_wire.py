"""The wire format against bytes that protobuf 7 wrote for the same REAPI messages, and against nonsense."""

from __future__ import annotations

import random

import pytest
from osimage.cache import wire
from osimage.cache.wire import ActionResult, Digest, OutputFile, WireError

A = Digest("a" * 64, 300)
B = Digest("b" * 64, 0)
C = Digest("c" * 64, 1)
PLATFORM = wire.platform([("b", ""), ("a", "1")])
RESULT = ActionResult((OutputFile("build/a", A, True, b"x"),), -1, b"o", b"warning")

GOLDEN = {
    "digest": (wire.digest_message(A), "0a40{a}10ac02"),
    "file": (wire.file_node("main.rs", A, True), "0a076d61696e2e727312450a40{a}10ac022001"),
    "plain file": (wire.file_node("é.rs", B, False), "0a05c3a92e727312420a40{b}"),
    "directory": (
        wire.directory([wire.file_node("a", A, False)], [wire.directory_node("src", A)]),
        "0a4a0a016112450a40{a}10ac02124c0a0373726312450a40{a}10ac02",
    ),
    "platform": (PLATFORM, "0a060a01611201310a030a0162"),
    "command": (
        wire.command(("rustc", "", "--emit=link"), [("B", "2"), ("A", "")], ["build/b", "build/a"], PLATFORM),
        "0a0572757374630a000a0b2d2d656d69743d6c696e6b12030a014112060a01421201322a0d0a060a01611201310a030a0162"
        "3a076275696c642f613a076275696c642f62",
    ),
    "action": (
        wire.action(A, C, PLATFORM, timeout_s=300, do_not_cache=True, salt=b"s"),
        "0a450a40{a}10ac0212440a40{c}1001320308ac0238014a0173520d0a060a01611201310a030a0162",
    ),
    "plain action": (wire.action(A, A, b""), "0a450a40{a}10ac0212450a40{a}10ac025200"),
    "result": (
        wire.encode_result(RESULT),
        "12550a076275696c642f6112450a40{a}10ac0220012a017820ffffffffffffffffff012a016f3a077761726e696e67",
    ),
}


@pytest.mark.parametrize(("encoded", "golden"), GOLDEN.values(), ids=GOLDEN)
def test_a_message_is_encoded_as_protobuf_does(encoded: bytes, golden: str) -> None:
    assert encoded.hex() == golden.format(a="61" * 64, b="62" * 64, c="63" * 64)


@pytest.mark.parametrize(
    "result",
    [
        ActionResult(),
        RESULT,
        ActionResult((OutputFile("a", A), OutputFile("b/c", B, True)), stderr="ä\n".encode() * 100),
        ActionResult((OutputFile("not \udcff utf-8", Digest("a" * 64, (1 << 63) - 1)),), exit_code=-(1 << 31)),
    ],
)
def test_a_result_is_read_back(result: ActionResult) -> None:
    assert wire.decode_result(wire.encode_result(result)) == result


def test_unknown_fields_are_passed_over() -> None:
    # a number (20), fixed widths (21, 22; 5 and 7 as they should not be), bytes (9: execution_metadata)
    more = "a00101a90100000000000000ffb501000000ff29ffffffffffffffff3dffffffff4a020800"
    assert wire.decode_result(bytes.fromhex(more) + wire.encode_result(RESULT)) == RESULT


@pytest.mark.parametrize("field", [3, 8, 10, 11, 12])
def test_what_no_step_of_ours_makes_is_noticed(field: int) -> None:
    assert wire.decode_result(bytes((field << 3 | 2, 0))).other


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("12", "cut short"),  # a tag alone
        ("1205", "cut short"),
        ("12050a0361", "cut short"),
        ("120412020a05", "cut short"),  # inside: an output's digest
        ("20" + "ff" * 9, "cut short"),
        ("20" + "ff" * 11, "a number of more than ten bytes"),
        ("0200", "field number 0"),
        ("13", "wire type 3"),
        ("17", "wire type 7"),
        ("25ffff", "cut short"),  # four bytes are announced
        ("12ffffffffffffffffff01", "cut short"),  # 2^64-1 bytes are announced
    ],
)
def test_what_is_no_message_is_told(data: str, says: str) -> None:
    with pytest.raises(WireError) as told:
        wire.decode_result(bytes.fromhex(data))
    assert str(told.value) == says


def test_nonsense_never_does_anything_else() -> None:
    chance = random.Random(7)
    sound = wire.encode_result(RESULT)
    read = refused = 0
    for attempt in range(20_000):
        data = bytearray(sound if attempt % 2 else chance.randbytes(chance.randrange(80)))
        for _ in range(chance.randrange(1, 4)):
            if data:
                data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            found = wire.decode_result(bytes(data[: chance.randrange(1, 200)]))
        except WireError:
            refused += 1
        else:
            read += 1
            assert isinstance(found, ActionResult)
            assert all(isinstance(output.digest.hash, str) for output in found.outputs)
    assert read > 1000
    assert refused > 1000
