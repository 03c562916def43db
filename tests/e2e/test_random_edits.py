"""Random edits of a project in which nearly everything can be edited, built in two clones that share a store: what comes of
each of them is what comes of it in a folder where nothing of the kernel was ever built, be it an image or a refusal.

OSIMAGE_TEST_STEPS is the number of edits; OSIMAGE_TEST_SEED repeats a run.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import boards
import pytest
from booted_kernel import BootedModel
from edit_choices import BUILT_IN
from edited_kernel import Model
from optional import program
from project import Project
from random_edits import change, disturb, write
from small import Toolchain

STEPS = int(os.environ.get("OSIMAGE_TEST_STEPS", "12"))
SEED = int(os.environ.get("OSIMAGE_TEST_SEED", "1"))
SYSROOT_AND_LOADER = ("bios", "sysroot")
# What is said of one build alone: when something is planned, or found to be damaged.
_ONCE = re.compile(r"^osimage: (?:cargo: .*\n(?:  .*\n)*|.* in the cache is damaged; .*\n)", re.MULTILINE)
_SCRATCH = re.compile(r"(?<=/scratch/)\d+-\d+|(?<=/)rustc\w{6}(?=/)")  # folders of a run, in a linker's command


class Outcome(NamedTuple):
    """What came of a build: what was said apart from the steps, each line once, and the products (none: it failed)."""

    words: frozenset[str]
    products: tuple[bytes, ...]


class World:
    """Two clones with one store, a folder that is always clean, and what a person has done so far.

    NEW makes a project by its name, which is as long as the others', and its store; MODEL is what the person begins with.
    """

    def __init__(self, new: Callable[[str, Path], Project], model: Model, folder: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.model = model
        self.past = [model]
        self.clones = [new(name, folder / "cache") for name in ("one", "two")]
        self.kinds = Counter[str]()
        self.refused = self.served = 0
        self._known: set[str] = set()
        self._clean = new("new", folder / "none")
        self._expected: dict[str, Outcome] = {}

    def step(self) -> str:
        """One edit and one build; what is other than in the clean folder, or nothing."""
        self.model, edit = change(self.model, self.past, self.chance)
        clone = self.chance.choice(self.clones)
        self.prepare(self.model)
        write(clone, self.model, self._known, self.chance)
        mischief = disturb(clone, self.chance)
        expected = self._of_clean_build()
        found, ran = self._outcome(clone)
        if found != expected and not found.products:
            found, _ = self._outcome(clone, "-k")  # all that is wrong, as the clean folder tells it
        print(
            f"{edit}; {mischief}; {clone.root.name}: {'built' if found.products else 'refused'}, {ran} ran", flush=True
        )
        self.kinds.update(filter(None, (edit, mischief)))
        self.refused += not found.products
        if expected.products:
            self.past.append(self.model)
        elif self.chance.random() < 0.8:
            self.model = self.past[-1]  # a person repairs it
        return self._difference(found, expected)

    def prepare(self, model: Model) -> None:
        """Bring what is no file of the project to MODEL."""

    def seen(self, project: Project, name: str) -> bytes:
        """What is to be compared of the product NAME of PROJECT, which has the model of today."""
        place = str(project.root).encode()
        content = project.read(f"build/{name}")
        if self.model.chosen["INCREMENTAL"] == "yes":
            return b""  # never the same bytes
        if place in content and name.endswith(".img"):
            return b""  # it has checksums; all that it holds is in the ELF file
        return content.replace(place, b"{root}")

    def _outcome(self, project: Project, *more: str) -> tuple[Outcome, int]:
        """What comes of building PROJECT, which has the model, with MORE arguments; and how many steps ran."""
        result = project.scons(*self.model.arguments, *more, environ=self.model.environ)
        assert "Traceback" not in result.stdout + result.stderr, result
        assert result.status in (0, 2), result
        said = _SCRATCH.sub("", _ONCE.sub("", result.stdout + result.stderr)).replace(str(project.root), "{root}")
        words = {line.strip() for line in said.splitlines() if not re.match(r"\[[A-Z-]+\] |scons: `", line)}
        products = [self.seen(project, name) for name in self.model.products] if result.status == 0 else []
        self.served += len(result.steps) - len(result.ran)
        return Outcome(frozenset(words), tuple(products)), len(result.ran)

    def _of_clean_build(self) -> Outcome:
        """What comes of the model in a folder where sysroot and loader are built, and nothing else ever was."""
        if self.model.state not in self._expected:
            template = self._template()
            write(self._clean, self.model, self._known, random.Random(0))
            shutil.rmtree(self._clean.root / "build", ignore_errors=True)
            shutil.copytree(template, self._clean.root / "build", symlinks=True)
            self._expected[self.model.state], _ = self._outcome(self._clean, "--cache-disable", "-k")
        return self._expected[self.model.state]

    def _template(self) -> Path:
        """The build folder with the sysroot and the loader of the model."""
        built_in = {name: self.model.chosen[name] for name in BUILT_IN}
        template = self._clean.root.with_name("-".join(["template", *built_in.values()]))
        if not template.exists():
            shutil.rmtree(self._clean.root / "build", ignore_errors=True)
            plain = type(self.model)()
            plain.chosen |= built_in
            write(self._clean, plain, self._known, random.Random(0))
            self.build_template(self._clean, plain)
            (self._clean.root / "build").rename(template)
        return template

    def build_template(self, project: Project, model: Model) -> None:
        """Build sysroot and loader in PROJECT, which has MODEL."""
        project.build(*SYSROOT_AND_LOADER, "--cache-disable", environ=model.environ)

    def _difference(self, found: Outcome, expected: Outcome) -> str:
        """What is other in FOUND than in EXPECTED, or nothing."""
        words = f"said {sorted(found.words - expected.words)} instead of {sorted(expected.words - found.words)}"
        if len(found.products) != len(expected.products):
            return f"{'built' if found.products else 'refused'}, and it {words}"
        pairs = zip(self.model.products, found.products, expected.products, strict=False)
        other = [name for name, one, two in pairs if one != two]
        if other:
            return f"other than of a clean build: {', '.join(other)}"
        return words if found.words != expected.words else ""


class SmallWorld(World):
    """A world with a toolchain of its own."""

    def __init__(self, new: Callable[[str, Path], Project], toolchain: Toolchain, folder: Path, seed: int) -> None:
        super().__init__(new, Model(), folder, seed)
        self._toolchain = toolchain

    def prepare(self, model: Model) -> None:
        """Have the compiler of MODEL."""
        if self._toolchain.rustc.read_text().splitlines()[1] != f"# {model.chosen['compiler']}":
            self._toolchain.write_rustc(model.chosen["compiler"])


class BootedWorld(World):
    """A world whose kernels boot: of those that were compiled incrementally that is what counts."""

    def __init__(self, new: Callable[[str, Path], Project], cache: Path, folder: Path, seed: int) -> None:
        super().__init__(new, BootedModel(), folder, seed)
        self._cache = cache
        self._said: dict[bytes, bytes] = {}

    def seen(self, project: Project, name: str) -> bytes:
        """What the kernel says, of an image."""
        if self.model.chosen["INCREMENTAL"] != "yes":
            return super().seen(project, name)
        if not name.endswith(".img"):
            return b""
        image = project.root / "build" / name
        content = image.read_bytes()
        if content not in self._said:
            booted = boards.boot(image, boards.ended)
            assert booted.status == boards.ENDED_BY_KERNEL, booted
            self._said[content] = "\n".join(booted.serial).encode()
        return self._said[content]

    def build_template(self, project: Project, model: Model) -> None:
        """Build sysroot and loader, from the store of the test run where it has them."""
        Project(project.root, self._cache).build(*SYSROOT_AND_LOADER, environ=model.environ)

    def begin(self) -> None:
        """Give the clones sysroot and loader."""
        template = self._template()
        for clone in self.clones:
            shutil.copytree(template, clone.root / "build", symlinks=True)


def _run(world: World, steps: int) -> None:
    began = time.monotonic()
    for step in range(steps):
        print(end=f"seed {SEED}, step {step}: ")
        assert not (difference := world.step()), f"OSIMAGE_TEST_SEED={SEED}, step {step}: {difference}"
    took = time.monotonic() - began
    print(f"{steps} edits with seed {SEED} in {took:.0f} s, {world.refused} refused, {world.served} from the store")
    print(dict(world.kinds.most_common()))
    assert world.refused < steps // 2


@pytest.mark.slow
def test_every_image_is_that_of_a_clean_build(toolchain: Toolchain, tmp_path: Path) -> None:
    def new(name: str, cache: Path) -> Project:
        return Project(tmp_path / name, cache, toolchain.environ)

    world = SmallWorld(new, toolchain, tmp_path, SEED)
    _run(world, STEPS)
    assert world.served > STEPS // 3


@pytest.mark.slow
def test_every_kernel_says_what_that_of_a_clean_build_says(shared_cache: Path, tmp_path: Path) -> None:
    program("qemu-system-x86_64", "qemu-system-x86")
    world = BootedWorld(lambda name, cache: Project(tmp_path / name, cache), shared_cache, tmp_path, SEED)
    world.begin()
    _run(world, STEPS // 3)
