"""The examples of a crate's documentation as rustdoc lists them, and what became of each when it was compiled."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from .fault import FaultError

FORMAT = 2  # of `rustdoc --output-format=doctest` (The rustdoc book, "Unstable features")


class Example(NamedTuple):
    """One example: where rustdoc found it, what it calls it, the whole program, and how that is compiled.

    `id` is a file name that no other example of the crate has. `program` has so many lines more before what the person
    wrote as `added` says. `edition` is its own, None for that of the crate. With `harness` it has functions `#[test]`.
    One that is `ignored` is not even compiled; `compile_fail` wants errors, with the `codes` among them; `no_run` is
    compiled only; `should_panic` is to go wrong when it runs.
    """

    id: str
    name: str
    file: str
    line: int
    program: str
    added: int = 0
    edition: str | None = None
    harness: bool = False
    ignored: bool = False
    compile_fail: bool = False
    codes: tuple[str, ...] = ()
    no_run: bool = False
    should_panic: bool = False


class Compiled(NamedTuple):
    """What became of an example: `outcome` is one of OUTCOMES. `words` are the compiler's, `why` is ours, in a phrase.

    `id`, `name`, `file`, `line` and `should_panic` are the example's. One that is not final may come out otherwise
    though nothing that was read has changed.
    """

    id: str
    name: str
    file: str
    line: int
    should_panic: bool
    outcome: str
    why: str = ""
    words: str = ""
    is_final: bool = True


# It has an executable; it was only to be compiled; it was to be refused, and was; it is left out; it went wrong.
RUNS, COMPILES, REFUSED, IGNORED, FAILED = OUTCOMES = ("runs", "compiles", "refused", "ignored", "failed")

# What the compiler says where a file is missing that may be there the next time.
_MISSING_FILE = re.compile(r"^error(: couldn't read `|\[E0583\])", re.MULTILINE)

# What the compiler says of an example that is no kernel, and what to do about it.
_ADVICE = (
    (
        r"can't find crate for `std`",
        "a kernel has no `std`: an example that is to boot begins with #![no_std] and #![no_main] and has an entry "
        "point; one that is only to be read says `ignore` or `text`",
    ),
    (
        r"can't find crate for `test`",
        "the crate `test` needs `std`: write the example without functions #[test]",
    ),
    (
        r"using `fn main` requires the standard library",
        "an example that is to boot begins with #![no_std] and #![no_main] and has an entry point",
    ),
    (
        r"`#\[panic_handler\]` function required",
        "rustdoc links an example with the library only where it names it: name something of the library, whose panic "
        "handler then is there, or write one",
    ),
)  # fmt: skip


def parse(text: str, target: str) -> tuple[Example, ...]:
    """The examples in TEXT, what rustdoc lists for TARGET, in its order.

    Raises:
        FaultError: TEXT has another form.
    """
    try:
        listed = json.loads(text)
        version = listed["format_version"]
        if version != FORMAT:
            raise _unknown(f"version {version}, not {FORMAT}")
        return tuple(_examples(listed["doctests"], target))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unknown(f"{type(error).__name__} {error}") from None


def _unknown(found: str) -> FaultError:
    return FaultError(
        f"rustdoc lists examples in a form that is not known here ({found}). Use another compiler: RUSTC=…"
    )


def _examples(listed: Sequence[Mapping[str, Any]], target: str) -> Iterator[Example]:
    taken: dict[str, int] = {}
    names: dict[str, int] = {}
    for entry in listed:
        said = entry["doctest_attributes"]
        if not said["rust"]:
            continue
        id = _numbered(f"{re.sub(r'[^A-Za-z0-9.]+', '-', entry['file']).strip('-.')}-{entry['line']}", taken, "-")
        program, added = _program(entry)
        yield Example(
            id, _numbered(entry["name"], names, " #"), entry["file"], entry["line"], program, added, said["edition"],
            said["test_harness"], _is_ignored(said["ignore"], target), said["compile_fail"],
            tuple(said["error_codes"]), said["no_run"], said["should_panic"],
        )  # fmt: skip


def _numbered(name: str, taken: dict[str, int], mark: str) -> str:
    """NAME, with a number where it is TAKEN, as where a macro writes documentation."""
    taken[name] = taken.get(name, 0) + 1
    return name if taken[name] == 1 else f"{name}{mark}{taken[name]}"


def _program(entry: Mapping[str, Any]) -> tuple[str, int]:
    """The program that rustdoc makes of an example, and how many lines it has added before it."""
    original, made = str(entry["original_code"]), entry["doctest_code"]
    if made is None:  # rustdoc cannot read it, and rustc will say why
        return original, 0
    wrapper = made["wrapper"] or {"before": "", "after": ""}
    before = f"{made['crate_level']}{wrapper['before']}{made['code']}"
    return f"{before}{wrapper['after']}", before.count("\n") - original.count("\n")


def _is_ignored(said: Any, target: str) -> bool:
    """Whether SAID, "None", "All" or {"Some": […]}, holds for TARGET, whose name has one of these texts in it."""
    return said == "All" or (isinstance(said, Mapping) and any(part in target for part in said["Some"]))


def placed(example: Example) -> tuple[str, int]:
    """The program of EXAMPLE with what the person wrote on the lines where it stands, so that its panics name them too.

    Where there is no room above for what rustdoc has added, the other number is what the compiler is to add to lines.
    """
    offset = example.line - example.added
    return "\n" * offset + example.program, min(0, offset)


def compiled(example: Example, outcome: str, why: str = "", words: str = "") -> Compiled:
    """EXAMPLE with what became of it."""
    is_final = outcome != FAILED and _MISSING_FILE.search(words) is None
    kept = words.rstrip() if outcome == FAILED else ""
    return Compiled(
        example.id, example.name, example.file, example.line, example.should_panic, outcome, why, kept, is_final
    )


def judge(example: Example, status: int, words: str) -> Compiled:
    """What became of EXAMPLE when the compiler ended with STATUS, 0 or 1, and said WORDS."""
    where = f"{example.file}:{example.line}"
    if not example.compile_fail:
        if status:
            return compiled(example, FAILED, f"{where} does not compile", words)
        return compiled(example, COMPILES if example.no_run else RUNS)
    missing = [code for code in example.codes if f"error[{code}]" not in words]
    if status == 0:
        return compiled(example, FAILED, f"{where} compiles, though it says compile_fail")
    if missing:
        return compiled(example, FAILED, f"{where} is not refused with {', '.join(missing)}, as it says", words)
    return compiled(example, REFUSED, words=words)


def advice(words: str) -> str:
    """What to do about WORDS of the compiler, where that is more than they say; else nothing."""
    return next((told for pattern, told in _ADVICE if re.search(pattern, words)), "")


def encoded(examples: Sequence[Compiled]) -> str:
    """EXAMPLES as JSON."""
    return json.dumps([each._asdict() for each in examples], indent=1) + "\n"


def decoded(text: str) -> tuple[Compiled, ...]:
    """What `encoded` made TEXT of."""
    return tuple(Compiled(**each) for each in json.loads(text))
