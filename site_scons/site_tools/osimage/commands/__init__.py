"""The verbs, one file a verb, and what happens around a build: help, faults, the end."""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import suppress
from typing import Any

from ..builders.declare import project_of
from ..errors import did_you_mean
from ..graph.project import SETTINGS, Project

# The verbs that every project has, with what `scons -h` says of them; machines are verbs too.
VERBS = {
    "image": "build every image (what scons does by itself)",
    "plan": "print every step of the graph as JSON",
    "doctor": "say what this machine has, and what to do about what it lacks",
}


def add_verbs(env: Any) -> None:
    """Add the verbs that every project has, its help, and the checks at the start of a build. Once a SCons run."""
    project = project_of(env)
    if project.equipped:
        return
    project.equipped = True
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a letter that the terminal lacks is no reason to stop
    import SCons.Script

    from ..graph.finish import leave_quickly

    image = env.Alias("image")
    for name, verb in (("plan", _plan), ("doctor", _doctor)):
        env.AlwaysBuild(env.Alias(name, [], env.Action(verb, strfunction=None)))
    if SCons.Script.GetOption("clean"):
        with suppress(OSError):  # nothing was built here, or nothing can be written; then SCons says so
            project.engine.lock.acquire(project.engine.interrupted)  # a build must not lose what it is reading
        # Also what an SConstruct with faults, or one that was changed since, no longer names.
        old = [path for path in project.engine.records.outputs() if not os.path.isdir(path)]  # SCons removes all in it
        # Without an image declared, what SCons cleans by itself is the project's folder.
        env.Clean([*image, env.fs.Top], [env.fs.File(path, env.fs.Top) for path in old])
    SCons.Script.Help(help_text(project))
    SCons.Script.SetOption("num_jobs", os.cpu_count() or 1)  # SCons' own default is 1; a person's -j wins
    SCons.Script.SetOption("no_progress", True)

    def begin() -> None:
        verbs = [str(target) for target in SCons.Script.BUILD_TARGETS]
        _check_verbs(project, verbs)
        project.begin(verbs)

    project.at_start = begin
    SCons.Script.Progress(lambda _node: project.start())
    leave_quickly()
    atexit.register(_end, project)  # registered later, it runs before that


def _end(project: Project) -> None:
    """At exit: an SConstruct may have set a progress of its own, and declared nothing in which a step could begin."""
    import SCons.Script
    from SCons.Script import Main

    if not Main.exit_status and not SCons.Script.GetOption("clean") and not SCons.Script.GetOption("help"):
        project.start()
    project.close()


def _check_verbs(project: Project, verbs: list[str]) -> None:
    """What a person asks for must be a verb or a file; SCons' own words for a slip suggest nothing."""
    import SCons.Script
    from SCons.Node.Alias import default_ans

    if SCons.Script.GetOption("climb_up"):
        return  # names are relative to the folder where scons was called
    for verb in (verb.removeprefix("#") for verb in verbs):
        if not default_ans.lookup(verb) and not os.path.lexists(verb) and verb not in project.producers:
            close = did_you_mean(verb, [*map(str, default_ans), *project.producers])
            if close:
                project.faults.append(f"there is no verb and no file '{verb}'.{close}")
            elif verb == "run" and not project.faults:
                project.faults.append("there is no verb 'run': the SConstruct declares no env.Machine.")


def add_verb(project: Project, name: str, text: str) -> None:
    """Let `scons -h` say TEXT of the verb NAME, which the SConstruct declares."""
    import SCons.Script

    before = help_text(project)
    project.verbs[name] = text
    if SCons.Script.help_text:
        SCons.Script.help_text = SCons.Script.help_text.replace(before, help_text(project))


def help_text(project: Project) -> str:
    """What `scons -h` prints: the project's verbs and settings, in columns."""
    first, *others = VERBS.items()
    verbs = [first, *project.verbs.items(), *others]
    settings = [(f"{name}=", text) for name, text in SETTINGS.items()]
    width = max(len(name) for name, _ in (*verbs, *settings))
    lines = ["", "scons [VERB or FILE]... [SETTING=VALUE]...", "", "Verbs:"]
    lines += [f"  {name:<{width}}  {text}" for name, text in verbs]
    lines += ["", "Settings:"]
    lines += [f"  {name:<{width}}  {text}" for name, text in settings]
    lines += ["", "scons -c removes what was built.", ""]
    return "\n".join(lines)


def _plan(target: Any, source: Any, env: Any) -> None:
    from .plan import print_plan

    print_plan(project_of(env))


def _doctor(target: Any, source: Any, env: Any) -> None:
    from .doctor import print_report

    print_report(project_of(env))
