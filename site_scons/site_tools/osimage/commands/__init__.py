"""The verbs, one file a verb, and what happens around a build: cleaning, faults, the end."""

from __future__ import annotations

import atexit
import os
import sys
from typing import Any

from ..action import INCREMENTAL
from ..errors import StepError, did_you_mean
from ..graph.help import help_text
from ..graph.project import Project, project_in


def add_verbs(env: Any, project: Project) -> None:
    """Add the verbs that every project has, its help, and the checks at the start of a build. Once a SCons run."""
    if project.equipped:
        return
    project.equipped = True
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a letter that the terminal lacks is no reason to stop
    import SCons.Script

    from ..graph.finish import leave_quickly

    image = env.Alias("image")
    for name, verb in (("plan", _plan), ("spec", _spec), ("doctor", _doctor)):
        env.AlwaysBuild(env.Alias(name, [], env.Action(verb, strfunction=None)))
    if SCons.Script.GetOption("clean"):
        _clean(env, project, image)
    SCons.Script.AddOption("--write", action="store_true", help="With the verb spec: change the files.")
    SCons.Script.Help(help_text(project))
    SCons.Script.SetOption("num_jobs", os.cpu_count() or 1)  # SCons' own default is 1; a person's -j wins
    SCons.Script.SetOption("no_progress", True)

    def begin() -> None:
        verbs = [str(target) for target in SCons.Script.BUILD_TARGETS]
        _check_verbs(project, verbs)
        project.faults += _no_image(project, verbs)
        if "test" in verbs and (project.tests or project.documented):
            from .test import faults

            project.faults += faults(project)
        project.begin(verbs)

    project.at_start = begin
    SCons.Script.Progress(lambda _node: project.start())
    leave_quickly()
    atexit.register(_end, project)  # registered later, it runs before that


def _clean(env: Any, project: Project, image: Any) -> None:
    """Let `scons -c` remove all that was made, also what an SConstruct with faults, or another, does not name."""
    _wait_for_builds(project)
    old = project.engine.records.outputs()
    files = [env.fs.File(path, env.fs.Top) for path in old if not os.path.isdir(path)]  # SCons removes all in it
    folders = [path.rstrip("/") for path in old if path.endswith("/")]
    folders.append(f"{project.build}/{INCREMENTAL}")
    # Without an image declared, what SCons cleans by itself is the project's folder.
    env.Clean([*image, env.fs.Top], [*files, *(env.fs.Entry(path, env.fs.Top) for path in folders)])


def _wait_for_builds(project: Project) -> None:
    """Take the build folder's lock: a build must not lose what it is reading."""
    try:
        project.engine.lock.acquire(project.engine.interrupted)
    except StepError as error:
        raise KeyboardInterrupt from error  # by a signal that the SConstruct handles; SCons ends as by Ctrl-C
    except OSError:
        pass  # nothing was built here, or nothing can be written; then SCons says so


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
            elif verb == "test" and not project.faults:
                project.faults.append("there is no verb 'test': the SConstruct declares no env.Test.")


def _no_image(project: Project, verbs: list[str]) -> list[str]:
    """What is to be said to a person who asks for images where none is declared.

    Without a word on the command line, too, where a declaration would have made images and has none to make.
    """
    import SCons.Script
    from SCons.Node.Alias import default_ans

    if project.faults or default_ans.lookup("image").sources:
        return []
    says_nothing = not SCons.Script.COMMAND_LINE_TARGETS and not SCons.Script.DEFAULT_TARGETS
    if "image" in verbs:
        return project.imageless or ["there is no image to build: the SConstruct declares no env.DiskImage."]
    return project.imageless if says_nothing else []


def _plan(target: Any, source: Any, env: Any) -> None:
    from .plan import print_plan

    print_plan(project_in(env))


def _spec(target: Any, source: Any, env: Any) -> None:
    from SCons.Errors import BuildError
    from SCons.Script import GetOption

    from ..errors import OsimageError
    from .spec import tell

    try:
        tell(project_in(env), write=bool(GetOption("write")))
    except OsimageError as error:
        raise BuildError(node=target[0], errstr=str(error), status=2, exitstatus=2) from error


def _doctor(target: Any, source: Any, env: Any) -> None:
    from .doctor import print_report

    print_report(project_in(env))
