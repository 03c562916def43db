"""`env.CargoTests`: what `cargo test` would run of a Cargo package, each as an image that `scons test` boots."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import Where
from ..graph.help import add_verb
from ..graph.plans import key_of
from ..graph.project import Declared, Project
from . import package
from .call import Call
from .declare import Declaration, Planned, declare, method

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
    a binary, and the file's name for one of `tests/`. LOADER is what `env.Bootloader` returned. They are compiled only
    when a person asks for `scons test`. MANIFEST, SYSROOT, FEATURES, DEFAULT_FEATURES, PROFILE, RUSTFLAGS, ALLOC,
    NOT_DETERMINISTIC and INPUTS are those of `env.Kernel`, where the profile `dev` stands for cargo's `test`; SUCCESS,
    TIMEOUT, MEMORY, DISK, QEMU_ARGS and REBOOT are those of `env.Test`.

    Returns the Alias nodes of the tests; nothing where nobody asks for them.
    """
    name = call.name(name)
    said = package.said(call, manifest, features=features, default_features=default_features, profile=profile,
                        rustflags=rustflags, alloc=alloc, not_deterministic=not_deterministic,
                        inputs=inputs)  # fmt: skip
    upstream = {"sysroot": call.upstream("sysroot", "Sysroot", sysroot)}
    call.stop()
    add_verb(call.project, "test", f"boot the tests of {said.manifest} in QEMU")
    if not is_wanted("test"):
        return []
    args = (*said, call.project.cargo_environ())
    nodes = declare(call, Declaration("CargoTests", name, args, upstream, _planner(name, said)))
    if not nodes:
        call.faults.append(f"{said.manifest} has nothing that `cargo test` would run.")
        call.stop()
    test = {"success": success, "timeout": timeout, "memory": memory, "disk": disk, "qemu_args": qemu_args}
    return list(_tests(call, name, nodes, loader, reboot=reboot, **test))


def _tests(call: Call, name: str, nodes: Any, loader: Any, **said: Any) -> Iterator[Any]:
    """The Alias of a test for each of NODES, with an image each; env.Test is told what is SAID."""
    with call.project.speaking_for(call.where):
        prefix = "".join(f"{part}-" for part in name.split("/")[:-1])  # that of the project, where it has one
        for title, kernel in _kernels(call.project, nodes):
            image = call.env.DiskImage(f"{name}/{title}.img", kernel, loader=loader)
            yield from call.env.Test(image, name=f"{prefix}{title}", **said)


def is_wanted(verb: str) -> bool:
    """Whether a person asks for VERB, so that what only it needs is worth the time."""
    from SCons.Script import COMMAND_LINE_TARGETS

    return verb in COMMAND_LINE_TARGETS


def _planner(name: str, said: package.Said) -> Any:
    def plan(project: Project, upstream: dict[str, Any], where: Where) -> Planned:
        from ..crates import plan as stage

        declared = said.declared(name, where, tests=True)
        plan, tests = stage.plan_tests(declared, upstream["sysroot"], package.given(project))
        actions = package.reading(plan.actions, said.inputs)
        # Pickled one by one, for the declarations of their images.
        kernels = tuple(
            (title, test.elf, pickle.dumps(_kernel(tests, test)))
            for title, test in zip(_titles(tests.executables), tests.executables, strict=True)
        )
        return Planned(plan._replace(actions=actions), kernels, tuple(test.elf for test in tests.executables))

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


def _kernels(project: Project, nodes: Any) -> Iterator[tuple[str, Any]]:
    """(title, node of the ELF file) of each test that NODES stand for, each node as if env.Kernel had returned it."""
    entry = nodes[0].attributes.osimage.entry
    if entry is None:
        return  # it has a fault
    for title, elf, kernel in pickle.loads(entry.result):
        node = project.producers[elf]
        own = entry._replace(key=key_of(entry.key, elf), returns=(elf,), result=kernel)
        node.attributes.osimage = Declared("Kernel", title, own)
        yield title, [node]
