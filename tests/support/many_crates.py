"""An SConstruct that declares, beside a small kernel, crates that nobody edits: as many steps as a large project has
from a registry, each with sources, variables and crates that it uses, but copied in place of compiled.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

from small import SCONSTRUCT

FILES = 25  # of a crate
USED = 40  # crates that one uses at most, directly or not

DECLARATION = """
from osimage.action import Action, Input, Plan
from osimage.builders.call import Call
from osimage.builders.declare import Declaration, Planned, caller, declare, project_of
from osimage.graph.nodes import builder

FOUND = "build/sysroot/lib/rustlib/x86_64-hello/lib/lib"
LIBRARY = ["build/x86_64-hello.json", *(FOUND + name for name in ("core.rlib", "core.rmeta", "compiler_builtins.rlib"))]

def crates(env, name, external):
    where = caller("env.Crates(...)")

    def plan(project, upstream, where):
        import json

        crates = json.loads((project.root / "crates.json").read_text())
        files = dict()
        actions = []
        for crate, used in crates.items():
            files[crate] = ["build/crates/lib%s.%s" % (crate, end) for end in ("rlib", "rmeta")]
            outputs = (*files[crate], "build/crates/%s.d" % crate)
            env = tuple(("CARGO_PKG_VARIABLE_%d" % number, "a value of %s" % crate) for number in range(20))
            argv = ("cp", "-t", "{{out}}", *("vendor/%s/%s" % (crate, output.split("/")[-1]) for output in outputs))
            inputs = (Input("vendor/" + crate, "tree"), *map(Input, LIBRARY),
                      *(Input(file) for other in used for file in files[other]))
            actions.append(Action("crate", crate, argv, inputs, outputs, "id", where, env=env, dep_info=outputs[-1],
                                  user_env=True, external=external))
        last = list(crates)[-1]
        inputs = tuple(Input(file) for crate in crates for file in files[crate])
        actions.append(Action("all", "all crates", ("cp", "build/crates/lib%s.rlib" % last, "{{out}}/all"), inputs,
                              ("build/all",), "id", where))
        return Planned(Plan(tuple(actions)), None, ("build/all",))

    env["BUILDERS"]["Crates"] = builder()
    return declare(Call(env, where, project_of(env)), Declaration("Crates", name, (external,), {{}}, plan))

env.Depends(image, crates(env, "crates", {external!r}))
"""


def write(root: Path, count: int, external: bool = True) -> None:
    """Make the small project in ROOT one with COUNT crates."""
    chance = random.Random(2026)
    crates: dict[str, list[str]] = {}
    for number in range(count):
        names = list(crates)
        direct = chance.sample(names[-30:], min(len(names), 3))
        used = list(dict.fromkeys([*direct, *(other for name in direct for other in crates[name])]))[:USED]
        crate = f"crate_{number}"
        crates[crate] = used
        folder = root / "vendor" / crate
        (folder / "src").mkdir(parents=True, exist_ok=True)
        for file in range(FILES - 3):
            (folder / "src" / f"module_{file}.rs").write_text(f"// {crate} {file}\n")
        for end in ("rlib", "rmeta"):
            (folder / f"lib{crate}.{end}").write_text(f"{crate} {end}\n")
        (folder / f"{crate}.d").write_text(f"{crate}: vendor/{crate}/src/module_0.rs\n\n# env-dep:COLOUR\n")
    if count:
        (root / "SConstruct").write_text(SCONSTRUCT + DECLARATION.format(external=external))
        (root / "crates.json").write_text(json.dumps(crates))
