"""osimage: bootable operating system images from Rust kernels, as a SCons tool.

An SConstruct says `env = Environment(tools=["osimage"])` and then declares what it wants with `env.TargetSpec`,
`env.Sysroot`, `env.Kernel`, `env.Bootloader`, `env.DiskImage` and `env.Machine`; each method's docstring is its manual.
"""

from __future__ import annotations

import os
import sys
from typing import Any

__version__ = "0.1.0"


def generate(env: Any, **_options: Any) -> None:
    """Equip ENV with osimage's builders, methods and verbs. Harmless when called again, as by `env.Clone(tools=…)`."""
    _refuse_two_copies()
    import SCons.Defaults

    SCons.Defaults.DefaultEnvironment(tools=[])  # before anything asks for it: stock SCons probes for compilers
    from .builders import METHODS
    from .builders.declare import KINDS, project_of
    from .commands import add_verbs
    from .graph.nodes import builder

    env.SetDefault(BUILD_DIR="#build")
    for kind, function in METHODS.items():
        if kind in KINDS and kind not in env["BUILDERS"]:
            env["BUILDERS"][kind] = builder()
        env.AddMethod(function, kind)
    add_verbs(env, project_of(env))


def exists(_env: Any) -> bool:
    """SCons asks before it loads a tool by default; what is missing on the machine is told when something is built."""
    return True


def _refuse_two_copies() -> None:
    """End SCons where modules of another copy are loaded: what is imported from here on would be mixed with them."""
    here = os.path.dirname(__file__)
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name.startswith(f"{__name__}.") and file and not file.startswith(f"{here}{os.sep}"):
            other = os.path.join(file.rpartition(f"{os.sep}{__name__}{os.sep}")[0], __name__)
            words = f"{here} is to be loaded, and {other} is in use already: two copies of osimage would be mixed."
            print(f"osimage: {words} Use one of them in all of a project's files.", file=sys.stderr)
            sys.exit(2)
