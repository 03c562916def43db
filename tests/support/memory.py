"""How much memory scons itself takes at most, without the programs that it starts."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

from project import Project

# Python imports this by itself at its start; scons ends by os._exit.
_WATCH = """\
import os
end = os._exit
def ended(status):
    with open("/proc/self/status") as status_file, open({report!r}, "w") as report:
        report.write(status_file.read())
    end(status)
os._exit = ended
"""


def watched(project: Project, command: Sequence[str]) -> float:
    """Run COMMAND, a scons, in the project's folder; the most memory (resident, MB) that its process had."""
    folder = project.root.parent / f"watch of {project.root.name}"
    folder.mkdir(exist_ok=True)
    report = folder / "status"
    (folder / "sitecustomize.py").write_text(_WATCH.format(report=str(report)), encoding="utf-8")
    environ = project.environment({"PYTHONPATH": f"{folder}:{os.environ.get('PYTHONPATH', '')}"})
    subprocess.run(command, cwd=project.root, env=environ, check=True, capture_output=True)
    peak = next(line for line in report.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM:"))
    return int(peak.split()[1]) / 1024
