"""docs/reference.md, made from the docstrings, tables and sources that it describes.

`./dev python tests/support/reference.py` writes it anew.
"""

from __future__ import annotations

import ast
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "site_scons/site_tools/osimage"
LOADER = REPOSITORY / "bootloader"
FILE = REPOSITORY / "docs/reference.md"

HEAD = """\
# Reference

Everything that an SConstruct and a command line can say, and what comes of it. This file is made from the sources by
`./dev python tests/support/reference.py`; a test holds it to them.
"""

# Options of SCons that mean something particular here.
OPTIONS = {
    "-j N": "at most N steps at once (default: the number of processors)",
    "-c": "remove what was built; the store keeps its results",
    "-n": "say what would be made, make nothing",
    "-k": "after an error go on with what does not depend on it",
    "-s": "no lines of steps; errors and warnings come all the same",
    "-Q": "without SCons' own lines about reading and building; `dev` adds it",
    "--cache-disable": "neither take results from the store nor put any there",
    "--cache-readonly": "take results from the store, put none there",
    "--cache-show": "shows the command also of a step whose result comes from the store",
}

# Environment variables that osimage looks at.
VARIABLES = {
    "OSIMAGE_CACHE": "the folder of the store (default: `osimage/store` in the user's cache directory)",
    "OSIMAGE_CACHE_SIZE": "how large the store may become, such as `500M` or `20G` (default 10G)",
    "XDG_CACHE_HOME": "the user's cache directory (default `~/.cache`)",
    "HOME": "where `~` is",
    "PATH": "where programs are looked for; `/usr/bin` counts even when it is not named",
    "RUSTC": "the compiler to use; `RUSTC=` on the command line and a `rust-toolchain.toml` come first, in this order",
    "OSIMAGE_RUSTC": "the compiler to use, as `RUSTC=` on the command line",
    "OSIMAGE_LOCKED": "as `LOCKED=` on the command line",
    "CI": "if not empty: no incremental compilation, unless `INCREMENTAL=yes`",
    "RUSTUP_HOME": "where rustup keeps its toolchains (default `~/.rustup`)",
    "RUSTUP_TOOLCHAIN": "the toolchain that a rustup proxy on `PATH` stands for",
    "LD_LIBRARY_PATH": "libraries of the compiler; part of its identity",
    "CARGO_HOME": "where cargo's own configuration is (default `~/.cargo`)",
    "CARGO": "for `osimage runner`: the cargo that built the kernel, as it says itself",
    "CARGO_MANIFEST_DIR": "for `osimage runner`: the folder of the kernel's package, as cargo says",
    "CARGO_BUILD_TARGET": "the target of `env.CargoProject`, as for cargo",
    "CARGO_ENCODED_RUSTFLAGS": "flags for the kernel's crates, as for cargo",
    "RUSTFLAGS": "flags for the kernel's crates, as for cargo",
    "CARGO_ENCODED_RUSTDOCFLAGS": "flags for the library's examples, as for cargo",
    "RUSTDOCFLAGS": "flags for the library's examples, as for cargo",
    "DISPLAY": "with this or `WAYLAND_DISPLAY`, and at a terminal, `scons run` opens QEMU's window",
    "WAYLAND_DISPLAY": "as `DISPLAY`",
    "NO_COLOR": "if not empty: no colours",
    "TERM": "`dumb`: no colours and no line that is written over",
}

# What lies below the build folder; `*` stands for a name. NAME is what the SConstruct calls a thing.
FILES = {
    "x86_64-hello.json": ("TargetSpec", "the target spec, as `rustc --target` takes it"),
    "sysroot/lib/rustlib/*/lib/lib*.rlib": ("Sysroot", "`core` and `compiler_builtins`, as `rustc --sysroot` has them"),
    "sysroot/lib/rustlib/*/lib/lib*.rmeta": ("Sysroot", "their metadata"),
    "sysroot/alloc/liballoc.*": ("Sysroot", "`alloc`, for kernels that say `alloc=True`"),
    "sysroot/*.d": ("Sysroot", "what was read for them"),
    "sysroot/compiler_builtins/*": ("Sysroot", "how `compiler_builtins` is configured for the target"),
    "hello.elf": ("Kernel", "the kernel with its debug information, for a debugger"),
    "hello/*": ("Kernel", "the libraries it is made of, and what was read for each crate (`.d`)"),
    "hello.stripped.elf": ("DiskImage", "the kernel without its debug information"),
    "bios/stage1.bin": ("Bootloader", "the boot sector's code"),
    "bios/stage2.bin": ("Bootloader", "what the boot sector loads, which loads the kernel"),
    "bios/*": ("Bootloader", "what the two are made of"),
    "hello.img": ("DiskImage", "the disk"),
    "tests/*.log": ("", "what the kernel of each `env.Test` sent on its serial line"),
    "tests/*.json": ("", "how it ended"),
    "tests.xml": ("", "the same of all tests that `scons test` was to run, as JUnit XML"),
    "external/*": ("", "links to sources outside the project"),
    ".osimage/*": ("", "records of what was made from what, the stored plan, the lock; never to be edited"),
    ".gitignore": ("", "keeps the folder out of git"),
    "CACHEDIR.TAG": ("", "keeps the folder out of backups"),
}

STATUSES = {
    "0": "everything asked for is made, or the machine ran until it settled, switched itself off or was closed",
    "2": "an error, which was told; also a build that a signal interrupted",
}

# Where the loader's messages are, under headings of a person's.
MESSAGES = {
    "Stage 1": ("stage1/stage1.s",),
    "Stage 2, in real mode": ("stage2/real/entry.s", "stage2/real/processor.s", "stage2/real/a20.s"),
    "Memory": ("stage2/memory.rs",),
    "Reading the kernel": ("stage2/disk.rs", "stage2/main.rs"),
    "Loading the kernel": ("stage2/elf.rs", "stage2/relocate.rs", "stage2/address_space.rs"),
    "Loading a kernel of the crate bootloader 0.9": ("stage2/bootloader_09.rs",),
    "Exceptions of the processor": ("stage2/exceptions.rs",),
}
CHECKED_BEFORE = "Nearly all of this is told before, when the image is built."
KERNEL_OWN = (
    "Until the kernel loads an IDT of its own, its exceptions are told here. A page fault says what lies there:"
)


def reference() -> str:
    """The whole text."""
    parts = [HEAD, *_builders(), *_verbs(), *_environment(), *_files(), *_record(), *_messages(), *_statuses()]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


# -- what an SConstruct says -------------------------------------------------------------------------------------------


def _builders() -> Iterator[str]:
    yield "## The SConstruct"
    yield textwrap.dedent("""\
        `env = Environment(tools=["osimage"])` gives an environment these methods. Words in capitals are arguments.
        Sources are named relative to the SConstruct, products relative to the build folder, which is `build` unless
        `Environment(tools=["osimage"], BUILD_DIR="#elsewhere")` names another. A product's name is a word that `scons`
        takes: `scons hello.elf`. A wrong call is told with the line it stands in, together with all others.
        """)
    for name in _methods():
        function = _method(name)
        yield f"### env.{name}"
        yield f"```python\n{_signature(function)}\n```"
        yield ast.get_docstring(function) or ""


def _methods() -> list[str]:
    tree = ast.parse((PACKAGE / "builders/__init__.py").read_text())
    table = next(node for node in ast.walk(tree) if isinstance(node, ast.Dict))
    return [str(ast.literal_eval(key)) for key in table.keys if key is not None]


def _method(name: str) -> ast.FunctionDef:
    for module in (PACKAGE / "builders").glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name == name:
                return node
    raise LookupError(name)


def _signature(function: ast.FunctionDef) -> str:
    arguments = function.args
    arguments.args = arguments.args[1:]  # env
    for argument in (*arguments.args, *arguments.kwonlyargs):
        argument.annotation = None
    said = ast.unparse(arguments)
    line = f"env.{function.name}({said})"
    if len(line) <= 100:
        return line.replace("'", '"')
    lines = textwrap.wrap(said, 96, break_on_hyphens=False)
    return "\n".join([f"env.{function.name}(", *(f"    {part}" for part in lines), ")"]).replace("'", '"')


# -- the command line --------------------------------------------------------------------------------------------------


def _verbs() -> Iterator[str]:
    verbs = _constant("graph/help.py", "VERBS")
    yield "## The command line"
    yield "`scons [VERB or FILE]... [SETTING=VALUE]...`; in this repository and its clones `./dev scons ...`."
    yield _table(("verb", ""), ((f"`{verb}`", text) for verb, text in verbs.items()))
    yield "Each `env.Machine` is a verb too, by its name: `run`, unless it says otherwise."
    settings = _constant("graph/settings.py", "SETTINGS")
    yield _table(("setting", ""), ((f"`{name}=`", text) for name, text in settings.items()))
    yield "Of SCons' own options these are worth knowing here; `scons -H` has all."
    yield _table(("option", ""), ((f"`{option}`", text) for option, text in OPTIONS.items()))


def _constant(module: str, name: str) -> dict[str, str]:
    for node in ast.parse((PACKAGE / module).read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            value: dict[str, str] = ast.literal_eval(node.value)
            return value
    raise LookupError(name)


def _environment() -> Iterator[str]:
    yield "## Environment variables"
    yield _table(("variable", ""), ((f"`{name}`", text) for name, text in VARIABLES.items()))
    yield (
        "cargo's other variables (`CARGO_*`) count for kernels as they do for cargo. rustc gets no variable that would "
        "steer it or its linker past the key of its step; what a kernel reads with `env!` is part of that key."
    )


def _statuses() -> Iterator[str]:
    yield "## Exit statuses"
    yield _table(("status", ""), ((status, text) for status, text in STATUSES.items()))


# -- what comes of it --------------------------------------------------------------------------------------------------


def _files() -> Iterator[str]:
    yield "## Files in the build folder"
    yield "Here with the names of the example's SConstruct."
    rows = ((f"`build/{path}`", kind and f"`env.{kind}`", text) for path, (kind, text) in FILES.items())
    yield _table(("file", "of", ""), rows)


def _record() -> Iterator[str]:
    record = (LOADER / "boot_info/src/record.rs").read_text()
    memory = (LOADER / "boot_info/src/memory.rs").read_text()
    head = (LOADER / "boot_info/src/lib.rs").read_text().partition("```")[0]
    texts = dict.fromkeys(("Record", "List", "KernelSegment", "Stack", "Framebuffer"), record)
    structs = {name: _fields(text, name) for name, text in (texts | {"MemoryRegion": memory}).items()}
    yield "## The boot information record"
    yield _linkless(textwrap.dedent("\n".join(re.findall(r"^//! ?(.*)$", head, re.MULTILINE))))
    yield (
        "The crate in `bootloader/boot_info` reads it. Below are offset, type and meaning of each field as they lie in "
        "memory, little-endian."
    )
    for name, fields in structs.items():
        yield f"### {name}, {_size(name, structs)} bytes"
        yield _table(("offset", "field", "type", ""), _rows(fields, structs))
    yield "### Constants"
    constants = re.findall(r"^ *pub const (\w+): \w+ = (.*);$", record, re.MULTILINE)
    yield _table(
        ("name", "value", ""), ((f"`{name}`", f"`{value}`", _text_of(record, name)) for name, value in constants)
    )
    yield "### Kinds of memory"
    kinds = re.findall(r"^    /// (.*)\n    (\w+) = (\d+),$", memory, re.MULTILINE)
    yield _table(("number", "kind", ""), ((number, f"`{name}`", text) for text, name, number in kinds))


Fields = list[tuple[str, str, str]]  # name, type and text of each


def _rows(fields: Fields, structs: dict[str, Fields]) -> Iterator[tuple[str, ...]]:
    offset = 0
    for field, kind, text in fields:
        yield str(offset), f"`{field}`", f"`{kind}`", text
        offset += _size(kind, structs)


def _text_of(source: str, constant: str) -> str:
    text = re.search(rf"/// (.*)\n *pub const {constant}:", source)
    assert text, f"{constant} has no text"
    return _linkless(text[1])


def _fields(source: str, name: str) -> Fields:
    body = re.search(rf"pub struct {name} {{\n(.*?)^}}", source, re.MULTILINE | re.DOTALL)
    assert body, name
    found = re.findall(r"((?:^    /// .*\n)+)    pub (\w+): (\w+),$", body[1], re.MULTILINE)
    assert len(found) == body[1].count("pub "), f"a field of {name} has no text"
    return [(field, kind, _linkless(" ".join(re.findall(r"/// (.*)", text)))) for text, field, kind in found]


def _size(kind: str, structs: dict[str, Fields]) -> int:
    """The bytes of a field of type KIND; the structures are `repr(C)` and have no gaps."""
    simple = {"u64": 8, "u32": 4, "Rights": 4}
    return simple[kind] if kind in simple else sum(_size(inner, structs) for _, inner, _ in structs[kind])


def _linkless(text: str) -> str:
    """TEXT without the links of rustdoc: [`Record`](crate::Record) is `Record`."""
    return re.sub(r"\[(`[^`]*`)\](\([^)]*\))?", r"\1", text)


# -- the loader's messages ---------------------------------------------------------------------------------------------


def _messages() -> Iterator[str]:
    yield "## What the loader says"
    yield (
        "On the screen and on the first serial port, before it halts; `scons run` without a window repeats it as its "
        "error. Words in capitals and … stand for what was found."
    )
    for heading, names in MESSAGES.items():
        yield f"### {heading}"
        yield "".join(f"- `{text}`\n" for name in names for text in _said(LOADER / name))
        if heading == "Loading the kernel":
            yield CHECKED_BEFORE
    yield KERNEL_OWN
    yield "".join(f"- `{text}`\n" for text in _places(LOADER / "stage2/exceptions.rs"))


def files_with_messages() -> set[str]:
    """The loader's sources that say something, relative to its folder."""
    sources = (path for path in LOADER.glob("stage*/**/*") if path.suffix in (".rs", ".s"))
    return {str(path.relative_to(LOADER)) for path in sources if list(_said(path))}


def _said(path: Path) -> Iterator[str]:
    source = path.read_text()
    if path.suffix == ".s":
        yield from _said_in_assembly(source)
        return
    said = re.sub(r"macro_rules!.*?^}", "", source, flags=re.DOTALL | re.MULTILINE)
    begins = {"stop": "osimage: ", "refuse": "osimage: the kernel cannot be loaded: ", "say(format_args": "osimage: "}
    literals = re.findall(r'\b(stop|refuse|say\(format_args)!\(\s*"((?:[^"\\]|\\.|\\\n)*)"', said)
    yield from dict.fromkeys(begins[macro] + _filled(literal, source) for macro, literal in literals)


def _said_in_assembly(source: str) -> Iterator[str]:
    texts: list[str] = []
    for text in re.findall(r'\.asciz "(.*)"', source):
        if text.startswith("osimage: "):
            texts.append(text + ("…" if text.endswith("0x") else ""))
        elif texts and text.startswith(")"):
            texts[-1] += text
    yield from texts


def _places(path: Path) -> Iterator[str]:
    """What may follow after the address of a page fault."""
    source = path.read_text()
    body = source.partition("impl fmt::Display for Place")[2]
    for literal in re.findall(r'(?:write_str\(|write!\(f, )"((?:[^"\\]|\\.)*)"', body):
        yield _filled(literal, source)


def _filled(literal: str, source: str) -> str:
    """LITERAL, a format string of the Rust SOURCE, with known constants in their places and names in the others."""
    constants = _layout()
    for name, other in re.findall(r"const (\w+): \w+ = ([A-Z]\w+) as \w+;", source):
        constants[name] = constants[other]
    for name, number in re.findall(r"const (\w+): \w+ = (\d+);", source):
        constants[name] = int(number)

    def value(place: re.Match[str]) -> str:
        number = constants.get(place[1])
        if number is None:
            return place[1].upper() or "…"
        return f"{number:#x}" if place[2] else str(number)

    text = re.sub(r"\\\n\s*", "", literal).removesuffix("\\n")
    return re.sub(r"\{(\w*)(:#[0-9]*x)?\}", value, text)


def _layout() -> dict[str, int]:
    """The integers of boot/layout.py, which the loader's Rust knows by the same names."""
    names: dict[str, int] = {}
    for node in ast.parse((PACKAGE / "boot/layout.py").read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = eval(compile(ast.Expression(node.value), "layout", "eval"), {"int": int}, names)
            if isinstance(value, int):
                names[node.targets[0].id] = value
    return names


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(reference(), encoding="utf-8")
    sys.stdout.write(f"{FILE.relative_to(REPOSITORY)}: {len(reference().splitlines())} lines\n")
