"""The step that compiles the examples of a library's documentation, as data: what `cargo test --doc` has rustdoc do."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Sequence
from typing import NamedTuple

from ..action import Action
from ..own import code_identity
from . import link_files
from .argv import Command, known_features, named
from .fault import FaultError
from .files import SEARCH
from .layout import Layout
from .link_files import LinkFiles
from .lto import flags as lto_flags
from .run_doctests import Doctests
from .rustflags import joined

_STEP = "osimage.crates.run_doctests"
# Of rustdoc's options those that it hands on to rustc for an example; of these two its value alone.
_HANDED_ON = frozenset({"-L", "--extern", "--cfg", "--check-cfg"})
_VALUES_HANDED_ON = frozenset({"--doctest-build-arg", "--doctest-compilation-args"})
# Those by which examples would be compiled or started otherwise.
_REFUSED = ("--test", "--no-run", "--persist-doctests", "--merge-doctests", "--output", "--target", "--sysroot")


class Flags(NamedTuple):
    """Flags for rustdoc: what it takes when it lists examples, what of that decides how the library is read, and what
    rustc takes when it compiles an example.
    """

    listing: tuple[str, ...]
    library: tuple[str, ...]
    example: tuple[str, ...]


def flags_of(words: Sequence[str]) -> Flags:
    """WORDS, of RUSTDOCFLAGS or cargo's configuration, by who takes them.

    Raises:
        FaultError: one of them would have the examples compiled or started otherwise.
    """
    listing: list[str] = []
    library: list[str] = []
    example: list[str] = []
    rest = iter(joined(words))
    for word in rest:
        option, _, value = word.partition("=")
        if option.startswith(_REFUSED):
            raise FaultError(
                f"the flags for rustdoc have {option}, which is not supported: osimage compiles and boots the examples "
                "itself. Take it away."
            )
        taken = [word]
        if word in _HANDED_ON or word in _VALUES_HANDED_ON:
            value = next(rest, "")
            taken.append(value)
        listing += taken
        if option in _VALUES_HANDED_ON:
            example += value.split()
        elif option in _HANDED_ON or word.startswith(("-C", "-Z", "-L")):
            library += taken
            example += taken
    return Flags(tuple(listing), tuple(library), tuple(example))


def located(layout: Layout) -> LinkFiles:
    """The flags that an example gets of those for rustdoc, with the files of its link named from the project root.

    Raises:
        FaultError: one of them cannot be an input.
    """
    found = flags_of(layout.resolved.rustdocflags).example
    return link_files.located(found, layout.tools.spec, layout.base, layout.place)


def doctests_of(layout: Layout, command: Command, crate: Action) -> Action:
    """The step for doctests of LAYOUT. COMMAND is what would compile them if they were a crate, CRATE that step.

    Raises:
        FaultError: the flags for rustdoc cannot be followed.
    """
    link = located(layout)
    (results,), dep_info = command.produced
    folder = f"{results.removesuffix('.json')}/"
    argv = _doctests(layout, command, crate, link).argv(_variables(crate))
    rustdoc = layout.tools.rustdoc.identity if layout.tools.rustdoc is not None else ""
    identity = f"{code_identity(_STEP)} {layout.tools.identity} {rustdoc}"
    return crate._replace(
        argv=argv,
        inputs=tuple(dict.fromkeys((*crate.inputs, *link.inputs))),
        outputs=(results, dep_info, folder),
        toolchain=hashlib.sha256(identity.encode()).hexdigest(),
        incremental=None,
    )


def _variables(crate: Action) -> tuple[tuple[str, str], ...]:
    """Those of CRATE's that cargo gives to rustdoc, too."""
    return tuple((name, value) for name, value in crate.env if name != "CARGO_PRIMARY_PACKAGE")


def _doctests(layout: Layout, command: Command, crate: Action, link: LinkFiles) -> Doctests:
    """What there is to compile, with the flags of LINK."""
    target = command.unit.target
    (results,), dep_info = command.produced
    features = (word for feature in command.unit.features for word in ("--cfg", f'feature="{feature}"'))
    known = ("--check-cfg", "cfg(docsrs,test)", "--check-cfg", known_features(command.declared_features))
    searched = (word for path in command.searched for word in ("-L", f"dependency={path}"))
    externs = (word for extern in command.externs for word in ("--extern", named(extern)))
    kinds = (word for kind in target.crate_types for word in ("--crate-type", kind))
    common = (*command.for_sysroot, *searched, *externs, *features, *known)
    lto = lto_flags(command.need)
    flags = flags_of(layout.resolved.rustdocflags)
    return Doctests(
        source=command.source,
        edition=target.edition,
        target=layout.tools.target,
        folder=results.removesuffix(".json"),
        results=posixpath.basename(results),
        dep_info=posixpath.basename(dep_info),
        crate=("--crate-name", target.crate_name, f"--edition={target.edition}", *kinds, *common),
        listing=(*command.lints, *lto, *flags.listing),
        library=flags.library,
        example=(*common, "-Ccodegen-units=1", *lto, *link.flags, *command.remapped, "-Zbinary-dep-depinfo"),
        said=tuple(file for file in command.said if posixpath.basename(file) != SEARCH),
        searched=tuple(file for file in command.said if posixpath.basename(file) == SEARCH),
        variables=crate.env_from,
    )
