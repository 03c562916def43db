"""What `scons -h` prints: the verbs that every project has, those that its SConstruct declares, and the settings."""

from __future__ import annotations

from .project import Project
from .settings import SETTINGS

# The verbs that every project has, with what `scons -h` says of them; machines are verbs too.
VERBS = {
    "image": "build every image (what scons does by itself)",
    "plan": "print every step of the graph as JSON",
    "spec": "say what the compiler wants changed in JSON target specs",
    "doctor": "say what this machine has, and what to do about what it lacks",
}
RESERVED = (*VERBS, "test")  # verbs of our own, also where no test is declared


def add_verb(project: Project, name: str, text: str) -> None:
    """Let `scons -h` say TEXT of the verb NAME, which the SConstruct declares."""
    import SCons.Script

    before = help_text(project)
    project.verbs[name] = text
    if SCons.Script.help_text:
        SCons.Script.help_text = SCons.Script.help_text.replace(before, help_text(project))


def add_verbs_of(project: Project, kind: str, name: object) -> None:
    """Let `scons -h` list the verbs of a declaration of KIND, called NAME (None: not at all), that has a fault."""
    run = name if isinstance(name, str) else "run"
    boots = {run: "boot an image in QEMU"} if run not in RESERVED else {}
    tests = {"test": "boot the tests in QEMU"}
    kinds = {"Machine": boots, "CargoProject": boots | tests, "Test": tests, "CargoTests": tests}
    for verb, text in kinds.get(kind, {}).items():
        if verb not in project.verbs:
            add_verb(project, verb, text)


def help_text(project: Project) -> str:
    """What `scons -h` prints: the project's verbs and settings, in columns."""
    first, *others = VERBS.items()
    verbs = [first, *project.verbs.items(), *others]
    settings = [(f"{name}=", text) for name, text in SETTINGS.items() if "test" in project.verbs or "TEST" not in name]
    width = max(len(name) for name, _ in (*verbs, *settings))
    lines = ["", "scons [VERB or FILE]... [SETTING=VALUE]...", "", "Verbs:"]
    lines += [f"  {name:<{width}}  {text}" for name, text in verbs]
    lines += ["", "Settings:"]
    lines += [f"  {name:<{width}}  {text}" for name, text in settings]
    lines += ["", "scons -c removes what was built.", ""]
    return "\n".join(lines)
