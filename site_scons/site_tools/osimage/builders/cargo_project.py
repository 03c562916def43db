"""`env.CargoProject`: a project that is built by `cargo bootimage`, declared by what it says of itself."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..action import Plan
from ..errors import Where
from ..graph.help import add_verb
from ..graph.project import Project
from . import package as packages
from .call import Call
from .cargo_tests import is_wanted
from .declare import Declaration, Planned, entry_of, method, nothing

if TYPE_CHECKING:
    from ..crates.described import CargoProject as Described

LOADERS = ("osimage", "crate")


@method
def CargoProject(
    call: Call,
    path: str = ".",
    *,
    name: str | None = None,
    package: str | None = None,
    bin: str | None = None,
    target: str | None = None,
    features: Sequence[str] | str = (),
    default_features: bool = True,
    profile: str | None = None,
    not_deterministic: Sequence[str] | str = (),
    loader: str = "osimage",
    memory: str = "128M",
    disk: str | None = None,
) -> Any:
    """Declare all that `cargo bootimage` would make of the Cargo project in the folder PATH, and how it is run.

    Manifest, workspace and `.cargo/config.toml` say the rest: the target (a JSON file is migrated for the compiler in
    use and stays as it is), whether there is `alloc`, rust flags, and the keys of `[package.metadata.bootimage]` and
    `[package.metadata.bootloader]`. The kernel is the package that depends on the crate `bootloader` 0.9. LOADER is
    "osimage", osimage's own loader, which hands over to it as that crate's would, or "crate" for that one itself.

    Each binary BIN of the package whose `required-features` are enabled becomes `build/BIN.elf` and `build/BIN.img`;
    `run` boots the only one, that of `default-run`, or that of `BIN=` on the command line. A package that is only a
    library has only `test`. PACKAGE names the kernel's package where there are several, TARGET another target: a
    built-in one or a JSON file. BIN, or `BIN=`, names the one binary that is meant; the others and their own tests are
    left out then. FEATURES, DEFAULT_FEATURES, PROFILE and NOT_DETERMINISTIC are those of `env.Kernel`, MEMORY and DISK
    those of `env.Machine` (default of DISK: as `run-command` has it, else "virtio"). NAME, needed for a second project
    in one SConstruct, is a folder below `build/` and the name of its verb instead of `run`.

    Returns the nodes of the images.
    """
    folder = call.path("path", path)
    prefix = f"{call.name(name)}/" if name is not None else ""
    chosen = {"package": package, "bin": bin or call.project.setting("BIN") or None}
    said: dict[str, Any] = {key: call.text(key, value) for key, value in chosen.items() if value is not None}
    if loader not in LOADERS:
        call.faults.append(f'loader= wants "osimage" or "crate", not {loader!r:.40}.')
    if target is not None:
        said["target"] = call.path("target", target) if str(target).endswith(".json") else call.text("target", target)
    said["features"] = packages.features_of(call, features)
    said["default_features"] = call.switch("default_features", default_features)
    call.stop()
    with call.project.speaking_for(call.where):
        described = _described(call, f"{prefix}{folder}", folder, said)
        sysroot = _sysroot(call, prefix, folder, described)
        if sysroot is None:
            return nothing(call.env, "CargoProject", name)
        kernel = {"manifest": f"#{described.manifest}", "sysroot": sysroot, "features": features,
                  "default_features": default_features, "profile": profile, "alloc": described.alloc,
                  "not_deterministic": not_deterministic}  # fmt: skip
        machine = {"memory": memory, "disk": disk or described.machine[0]}
        return _images(call, prefix, name or "run", loader, described, kernel, machine)


def _images(
    call: Call,
    prefix: str,
    verb: str,
    loader: str,
    described: Described,
    kernel: dict[str, Any],
    machine: dict[str, Any],
) -> Any:
    """The images of what is DESCRIBED, with its tests and the VERB that boots one.

    KERNEL is what env.Kernel takes for all of them, MACHINE what env.Machine and env.Test take.
    """
    if loader != "osimage" and not described.bins:
        call.faults.append(f'{described.manifest} has no binary for which the loader="crate" could be made.')
        call.stop()
    elves = {binary: call.env.Kernel(f"{prefix}{binary}.elf", bin=binary, **kernel) for binary in described.bins}
    used = {"sysroot": kernel["sysroot"]} if loader == "osimage" else {"kernel": elves[described.bins[0]]}
    bios = call.env.Bootloader(f"{prefix}bios", **used)
    images = {each: call.env.DiskImage(f"{prefix}{each}.img", elf, loader=bios) for each, elf in elves.items()}
    if not images:
        call.project.imageless.append(
            f"{call.where}: {described.manifest} has no binary, and so no image but those of its tests. "
            "Type `scons test`."
        )
    _machine(call, verb, described, images, machine)
    _tests(call, f"{prefix}tests", described, loader=bios, bin=described.named, **kernel, **machine)
    return call.env.Flatten(list(images.values()))


def _described(call: Call, name: str, folder: str, said: dict[str, Any]) -> Described:
    """What the Cargo project in FOLDER says of itself."""

    def plan(project: Project, upstream: dict[str, Any], where: Where) -> Planned:
        from ..crates import cargo_project as stage

        choice = {argument: said.get(argument) for argument in ("package", "bin", "target")}
        declaration = stage.CargoProjectDeclaration(folder, where=where, **{**choice, **said})
        described, consulted = stage.read(declaration, packages.given(project))
        return Planned(Plan((), consulted=consulted), described, ())

    args = (folder, *sorted(said.items()), call.project.cargo_environ())
    entry = entry_of(call, Declaration("CargoProject", name, args, {}, plan))
    assert entry is not None  # it builds on nothing
    described: Described = pickle.loads(entry.result)
    return described


def _sysroot(call: Call, prefix: str, folder: str, described: Described) -> Any:
    """The sysroot for the target that is DESCRIBED; None where the target has a fault."""
    name = f"{prefix}{described.target}.json"
    if described.specification is not None:
        spec = call.env.TargetSpec(name, f"#{described.specification}")
    else:
        spec = call.env.TargetSpec(name, base=described.target, freestanding=False)
    flags = _code_flags(call, f"{prefix}{folder}", folder, spec)
    return None if flags is None else call.env.Sysroot(f"{prefix}sysroot", spec, rustflags=flags, lto=described.lto)


def _machine(call: Call, name: str, described: Described, images: dict[str, Any], machine: dict[str, Any]) -> None:
    """The verb NAME, which boots one of the IMAGES; where it is not clear which, it says so when it is asked for."""
    if described.default is not None:
        arguments = (*described.machine[1], *described.settings.run_args)
        call.env.Machine(images[described.default], name=name, qemu_args=arguments, **machine)
        return
    if images:
        add_verb(call.project, name, f"boot the binary BIN= in QEMU: {', '.join(images)}")
        wanted = (
            f"several binaries ({', '.join(images)}). Say which one, as in `scons {name} BIN={next(iter(images))}`."
        )
    else:
        wanted = "no binary, and so nothing to boot but its tests. Type `scons test`."
    if is_wanted(name):
        call.faults.append(f"{described.manifest} has {wanted}")
        call.stop()


def _tests(call: Call, name: str, described: Described, **said: Any) -> None:
    """The tests, as `[package.metadata.bootimage]` has them run."""
    settings = described.settings
    if settings.test_success_exit_code is None and is_wanted("test"):
        call.faults.append(
            f"{described.manifest} has no test-success-exit-code in [package.metadata.bootimage], by which a test "
            "passes. Write the exit code of QEMU that means success, such as 33."
        )
        call.stop()
    call.env.CargoTests(
        name,
        success=settings.test_success_exit_code or 0,
        timeout=settings.test_timeout,
        qemu_args=(*described.machine[1], *settings.test_args),
        reboot=not settings.test_no_reboot,
        **said,
    )


def _code_flags(call: Call, name: str, folder: str, spec: Any) -> tuple[str, ...] | None:
    """The rust flags that cargo's configuration gives to every crate; None where SPEC has a fault."""

    def plan(project: Project, upstream: dict[str, Any], where: Where) -> Planned:
        from ..crates import cargo_project as stage

        flags, consulted = stage.code_flags(folder, upstream["target"], packages.given(project), where)
        return Planned(Plan((), consulted=consulted), flags, ())

    upstream = {"target": call.upstream("target", "TargetSpec", spec)}
    args = (folder, call.project.cargo_environ())
    entry = entry_of(call, Declaration("CargoFlags", f"flags of {name}", args, upstream, plan))
    return pickle.loads(entry.result) if entry is not None else None
