"""`env.CargoTests`: what `cargo test` would run of a Cargo package, each as an image that `scons test` boots."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import Where
from ..graph.help import add_verb
from ..graph.plans import Entry, key_of
from ..graph.project import Declared, Documented, Project, TestKernels
from . import package
from .call import Call
from .declare import Declaration, Planned, declare, method
from .test import run_by_test

if TYPE_CHECKING:
    from ..crates.kernel import Executable, Kernel, Tests


@method
def CargoTests(
    call: Call,
    name: str,
    manifest: str,
    *,
    sysroot: Any,
    loader: Any,
    bin: str | None = None,
    features: Sequence[str] | str = (),
    default_features: bool = True,
    profile: str | None = None,
    rustflags: Sequence[str] | str = (),
    alloc: bool = False,
    not_deterministic: Sequence[str] | str = (),
    inputs: Sequence[Any] | str = (),
    success: int | Sequence[int] = 33,
    timeout: int = 300,
    memory: str = "128M",
    disk: str = "virtio",
    qemu_args: Sequence[str] | str = (),
    reboot: bool = False,
) -> Any:
    """Declare the tests of a Cargo package: its library's and binaries' own and each file of `tests/`, as cargo has it.

    Each executable becomes an image below `build/NAME/` and a test of its own: `lib` for the library, `bin-BINARY` for
    a binary, and the file's name for one of `tests/`. BIN leaves out the own tests of all other binaries. With
    `DOCTESTS=yes` the examples in the library's documentation are tests, too, as rustdoc finds and names them; one that
    is to boot is a whole kernel. LOADER is what `env.Bootloader` returned. They are compiled only when a person asks
    for `scons test`. MANIFEST, SYSROOT, FEATURES, DEFAULT_FEATURES, PROFILE, RUSTFLAGS, ALLOC, NOT_DETERMINISTIC and
    INPUTS are those of `env.Kernel`, where the profile `dev` stands for cargo's `test`; SUCCESS, TIMEOUT, MEMORY, DISK,
    QEMU_ARGS and REBOOT are those of `env.Test`.

    Returns the Alias nodes of the tests; nothing where nobody asks for them.
    """
    name = call.name(name)
    said = package.said(call, manifest, bin=bin, features=features, default_features=default_features, profile=profile,
                        rustflags=rustflags, alloc=alloc, not_deterministic=not_deterministic,
                        inputs=inputs)  # fmt: skip
    upstream = {"sysroot": call.upstream("sysroot", "Sysroot", sysroot)}
    call.stop()
    add_verb(call.project, "test", f"boot the tests of {said.manifest} in QEMU")
    if not is_wanted("test"):
        return []
    doctests = call.project.setting("DOCTESTS") == "yes"
    args = (*said, doctests, call.project.cargo_environ())
    nodes = declare(call, Declaration("CargoTests", name, args, upstream, _planner(name, said, doctests)))
    if not nodes:
        call.faults.append(f"{said.manifest} has nothing that `cargo test` would run.")
        call.stop()
    test = {"success": success, "timeout": timeout, "memory": memory, "disk": disk, "qemu_args": qemu_args}
    return list(_tests(call, name, nodes, loader, reboot=reboot, **test))


def _tests(call: Call, name: str, nodes: Any, loader: Any, **said: Any) -> Iterator[Any]:
    """The Alias of a test for each of NODES, with an image each; env.Test is told what is SAID."""
    entry = nodes[0].attributes.osimage.entry
    if entry is None:
        return  # it has a fault
    with call.project.speaking_for(call.where):
        prefix = "".join(f"{part}-" for part in name.split("/")[:-1])  # that of the project, where it has one
        for title, kernel in _kernels(call.project, entry):
            image = call.env.DiskImage(f"{name}/{title}.img", kernel, loader=loader)
            yield from call.env.Test(image, name=f"{prefix}{title}", **said)
    yield from _documented(call, entry, prefix, loader, said)


def _documented(call: Call, entry: Entry, prefix: str, loader: Any, said: dict[str, Any]) -> Iterator[Any]:
    """The Alias of `test` for the examples in documentation that ENTRY has, if it has some."""
    results = pickle.loads(entry.result).documented
    made = call.upstream("loader", "Bootloader", loader)
    if not results or made.entry is None:
        return
    from ..machine.testing import declare_test

    declare_test(name="doc", image="", where=call.where, **said)
    call.project.documented.append(Documented(results, entry, made.entry, prefix, said, call.where))
    files = [call.project.producers[path] for path in (results, *made.entry.returns)]
    yield from run_by_test(call, files)


def is_wanted(verb: str) -> bool:
    """Whether a person asks for VERB, so that what only it needs is worth the time."""
    from SCons.Script import COMMAND_LINE_TARGETS

    return verb in COMMAND_LINE_TARGETS


def _planner(name: str, said: package.Said, doctests: bool) -> Any:
    def plan(project: Project, upstream: dict[str, Any], where: Where) -> Planned:
        from ..crates import plan as stage

        declared = said.declared(name, where, tests=True, doctests=doctests)
        plan, tests = stage.plan_tests(declared, upstream["sysroot"], package.given(project))
        # Pickled one by one, for the declarations of their images.
        kernels = tuple(
            (title, test.elf, pickle.dumps(_kernel(tests, test)))
            for title, test in zip(_titles(tests.executables), tests.executables, strict=True)
        )
        returns = (*(test.elf for test in tests.executables), *filter(None, [tests.documented]))
        result = TestKernels(kernels, tests.documented, tests.package, tests.handover)
        return Planned(plan, result, returns)

    return plan


def _titles(executables: Sequence[Executable]) -> Iterator[str]:
    """What the tests of EXECUTABLES are called: shortly, where that tells them apart."""
    short = [_short_title(executable) for executable in executables]
    for executable, title in zip(executables, short, strict=True):
        yield title if short.count(title) == 1 else f"{executable.kind}-{executable.name}"


def _short_title(executable: Executable) -> str:
    if executable.kind == "lib":
        return "lib"
    return f"bin-{executable.name}" if executable.kind == "bin" else executable.name


def _kernel(tests: Tests, executable: Executable) -> Kernel:
    from ..crates.kernel import Kernel

    return Kernel(executable.name, executable.elf, executable.package, executable.name, tests.handover)


def _kernels(project: Project, entry: Entry) -> Iterator[tuple[str, Any]]:
    """(title, node of the ELF file) of each test that ENTRY has, each node as if env.Kernel had returned it."""
    for title, elf, kernel in pickle.loads(entry.result).kernels:
        node = project.producers[elf]
        own = entry._replace(key=key_of(entry.key, elf), returns=(elf,), result=kernel)
        node.attributes.osimage = Declared("Kernel", title, own)
        yield title, [node]
