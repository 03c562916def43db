"""osimage: bootable operating system images from Rust kernels, as a SCons tool.

An SConstruct says `env = Environment(tools=["osimage"])` and then declares what it wants with `env.TargetSpec`,
`env.Sysroot`, `env.Kernel`, `env.Bootloader`, `env.DiskImage` and `env.Machine`; each method's docstring is its manual.
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"


def generate(env: Any, **_options: Any) -> None:
    """Equip ENV with osimage's builders, methods and verbs. Harmless when called again, as by `env.Clone(tools=…)`."""
    import SCons.Defaults

    SCons.Defaults.DefaultEnvironment(tools=[])  # before anything asks for it: stock SCons probes for compilers
    from .builders import METHODS
    from .commands import add_verbs
    from .graph.nodes import builder

    env.SetDefault(BUILD_DIR="#build")
    for kind, function in METHODS.items():
        if kind != "Machine" and kind not in env["BUILDERS"]:
            env["BUILDERS"][kind] = builder()
        env.AddMethod(function, kind)
    add_verbs(env)


def exists(_env: Any) -> bool:
    """SCons asks before it loads a tool by default; what is missing on the machine is told when something is built."""
    return True
