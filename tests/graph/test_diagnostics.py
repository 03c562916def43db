"""rustc's JSON lines become its own words again."""

from __future__ import annotations

import json

from osimage.graph.diagnostics import rendered, warnings_only

WARNING = json.dumps(
    {
        "$message_type": "diagnostic",
        "message": "unused variable: `x`",
        "spans": [{}],
        "rendered": "\x1b[33mwarning\x1b[0m: unused variable: `x`\n\n",
    }
)
SUMMARY = json.dumps(
    {"$message_type": "diagnostic", "message": "1 warning emitted", "spans": [], "rendered": "1 warning\n"}
)
ARTIFACT = json.dumps({"$message_type": "artifact", "artifact": "build/hello.elf", "emit": "link"})


def test_words_with_and_without_colour() -> None:
    text = "\n".join([ARTIFACT, WARNING, SUMMARY])
    assert rendered(text, colour=False) == "warning: unused variable: `x`\n\n"
    assert rendered(text, colour=True) == "\x1b[33mwarning\x1b[0m: unused variable: `x`\n\n"


def test_lines_that_are_not_json_pass() -> None:
    assert rendered("thread 'rustc' panicked\n{not json\n", colour=False) == "thread 'rustc' panicked\n{not json\n"


def test_only_diagnostics_are_kept_with_a_result() -> None:
    assert warnings_only(f"{ARTIFACT}\n{WARNING}\n") == WARNING + "\n"
    assert warnings_only(f"{ARTIFACT}\n") == ""
